/* SPDX-License-Identifier: Apache-2.0 */
#include "watched.h"
#include "scratch.h"

#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---- a struct dirty that only remembers ------------------------------------------------ */

static void mark(struct dirty *d, enum mark_kind kind, struct bytes path)
{
    d->calls++;
    /* Only recent marks are compared, because there are thousands after an overflow. */
    for (size_t i = d->n > 100 ? d->n - 100 : 0; i < d->n; i++)
        if (d->at[i].kind == kind && bytes_equal(bytes_of(d->at[i].path), path))
            return;
    if (d->n == d->cap) {
        d->cap = d->cap * 2 + 16;
        d->at = xrealloc(d->at, d->cap * sizeof(*d->at));
    }
    char *copy = xcalloc(1, path.len + 1);
    memcpy(copy, path.at, path.len);
    d->at[d->n++] = (struct mark){kind, copy};
}

void dirty_entry(struct dirty *dirty, struct bytes path, bool content)
{
    mark(dirty, content ? MARK_CONTENT : MARK_ENTRY, path);
}

void dirty_listing(struct dirty *dirty, struct bytes path)
{
    mark(dirty, MARK_LISTING, path);
}

void dirty_below(struct dirty *dirty, struct bytes path)
{
    mark(dirty, MARK_BELOW, path);
}

/* Marks a file of several links; follow() doesn't check these. */
void dirty_inode(struct dirty *dirty, uint64_t dev, uint64_t ino)
{
    (void)dev, (void)ino;
    dirty->n_inodes++;
}

void dirty_files(struct dirty *dirty)
{
    dirty->files = true;
}

void dirty_clear(struct dirty *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->at[i].path);
    free(d->at);
    *d = (struct dirty){0};
}

bool marked(const struct dirty *d, enum mark_kind kind, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].kind == kind && strcmp(d->at[i].path, path) == 0)
            return true;
    return false;
}

/* ---- scans ------------------------------------------------------------------------------ */

static void scan_free(struct scan *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].path);
    free(s->at);
    *s = (struct scan){0};
}

static const struct seen *scan_find(const struct scan *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i].path, path) == 0)
            return &s->at[i];
    return NULL;
}

static uint64_t content_of(int dir, const char *name, const struct stat *st)
{
    char text[4096];
    ssize_t n = 0;
    if (S_ISLNK(st->st_mode)) {
        n = readlinkat(dir, name, text, sizeof(text));
    } else if (S_ISREG(st->st_mode)) {
        cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        n = fd < 0 ? 0 : read(fd, text, sizeof(text));
    }
    return bytes_hash(bytes_at(text, n > 0 ? (size_t)n : 0));
}

static void scan_dir(struct scan *s, int parent, const char *name, const char *path)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        char *below = NULL;
        if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", e->d_name) < 0)
            abort();
        if (s->n == s->cap) {
            s->cap = s->cap * 2 + 16;
            s->at = xrealloc(s->at, s->cap * sizeof(*s->at));
        }
        bool several = !S_ISDIR(st.st_mode) && st.st_nlink > 1;
        s->at[s->n++] = (struct seen){below, st, content_of(fd, e->d_name, &st), several};
        if (S_ISDIR(st.st_mode))
            scan_dir(s, fd, e->d_name, below);
    }
    if (dir)
        closedir(dir);
}

/* ---- the fixture ------------------------------------------------------------------------ */

int sh(const char *dir, const char *script)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(dir) == 0)
            execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

void put(const struct fixture *x, const char *path, const char *text)
{
    cleanup_fd int fd = openat(x->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, text, strlen(text)) < 0)
        abort();
}

void enter(const struct fixture *x, const char *path)
{
    cleanup_fd int fd =
        openat(x->fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        watch_enter(x->watch, fd, bytes_of(path));
}

void enter_all(struct fixture *x)
{
    scan_free(&x->known);
    scan_dir(&x->known, x->fd, ".", "");
    enter(x, "");
    for (size_t i = 0; i < x->known.n; i++)
        if (S_ISDIR(x->known.at[i].st.st_mode))
            enter(x, x->known.at[i].path);
}

static void watch_root(struct fixture *x, size_t max_watches)
{
    struct watch_setup setup = {
        .root_fd = x->fd, .root = bytes_of(x->path), .max_watches = max_watches};
    struct failure f = {0};
    if (watch_new(&setup, &x->watch, &f) < 0) {
        fprintf(stderr, "%s\n", f.text);
        abort();
    }
}

struct fixture setup(size_t max_watches)
{
    struct fixture x = {.top = "/tmp/ctxd-watch-XXXXXX"};
    scratch_make(x.top);
    snprintf(x.path, sizeof(x.path), "%s/root", x.top);
    sh(x.top, "mkdir -p root/src/lib root/docs root/empty outside/kept/deep;"
              "echo 1 >root/a; echo 2 >root/b; echo 3 >root/src/c; echo 4 >root/src/lib/d;"
              "ln -s a root/link; echo 5 >root/docs/e; echo 6 >outside/f;"
              "echo 7 >outside/kept/deep/g; echo 8 >root/twin; ln root/twin root/twin2");
    x.top_fd = open(x.top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    x.fd = open(x.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    watch_root(&x, max_watches);
    enter_all(&x);
    return x;
}

void teardown(struct fixture *x)
{
    watch_free(x->watch);
    scan_free(&x->known);
    close(x->fd);
    close(x->top_fd);
    char script[192];
    snprintf(script, sizeof(script), "chmod -R u+rwx %s", x->top);
    sh("/", script);
    scratch_remove(x->top);
}

bool drain(struct fixture *x, struct dirty *d)
{
    return watch_drain(x->watch, d);
}

/* ---- what covers what ------------------------------------------------------------------- */

static bool is_at_or_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return len == 0 || (strncmp(path, top, len) == 0 && (path[len] == 0 || path[len] == '/'));
}

static bool is_in(const char *path, const char *dir)
{
    struct bytes parent = path_dir(bytes_of(path));
    return bytes_equal(parent, bytes_of(dir));
}

bool covered(const struct fixture *x, const struct dirty *d, const char *path, bool content)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct mark *m = &d->at[i];
        struct stat st;
        bool same = strcmp(m->path, path) == 0;
        if (m->kind == MARK_BELOW && is_at_or_below(path, m->path))
            return true;
        if (m->kind == MARK_LISTING && is_in(path, m->path))
            return true;
        if (m->kind == MARK_CONTENT && same)
            return true;
        if (m->kind == MARK_ENTRY && same && !content)
            return true;
        /* If a directory is gone, so is everything in it. */
        if (m->kind <= MARK_CONTENT && is_at_or_below(path, m->path) &&
            (fstatat(x->fd, m->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
            return true;
    }
    return false;
}

/* An entry that comes or goes changes its directory's times, so its mark covers the directory.
 */
static bool implied(const struct dirty *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (is_in(d->at[i].path, path) || strcmp(d->at[i].path, path) == 0)
            return true;
    return false;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
    struct stat_identity was = {a->st_dev, a->st_ino, (uint64_t)a->st_size};
    struct stat_identity is = {b->st_dev, b->st_ino, (uint64_t)b->st_size};
    return was.dev == is.dev && was.ino == is.ino && was.size == is.size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool check_one(const struct fixture *x, const struct dirty *d, const struct seen *was,
                      const struct seen *is)
{
    const char *path = was ? was->path : is->path;
    if (was && is && S_ISDIR(was->st.st_mode) && S_ISDIR(is->st.st_mode) &&
        was->st.st_ino == is->st.st_ino && was->st.st_mode == is->st.st_mode)
        return same_stat(&was->st, &is->st) || implied(d, path) || covered(x, d, path, false);
    if (was && is && (was->spoilt || is->spoilt))
        return true;
    if (was && is && same_stat(&was->st, &is->st))
        return was->content == is->content || covered(x, d, path, true);
    return covered(x, d, path, false);
}

bool follow(struct fixture *x, const struct dirty *d)
{
    struct scan now = {0};
    bool ok = true;
    scan_dir(&now, x->fd, ".", "");
    for (size_t i = 0; i < now.n; i++)
        ok &= TAP_CHECKF(check_one(x, d, scan_find(&x->known, now.at[i].path), &now.at[i]),
                         "%s changed, and nothing marked it", now.at[i].path);
    for (size_t i = 0; i < x->known.n; i++)
        ok &= TAP_CHECKF(scan_find(&now, x->known.at[i].path) ||
                             check_one(x, d, &x->known.at[i], NULL),
                         "%s went, and nothing marked it", x->known.at[i].path);
    for (size_t i = 0; i < now.n; i++) {
        const struct seen *was = scan_find(&x->known, now.at[i].path);
        bool walk = !was || was->st.st_ino != now.at[i].st.st_ino;
        for (size_t j = 0; j < d->n && !walk; j++)
            walk = d->at[j].kind == MARK_BELOW && is_at_or_below(now.at[i].path, d->at[j].path);
        if (walk && S_ISDIR(now.at[i].st.st_mode))
            enter(x, now.at[i].path);
    }
    for (size_t i = 0; i < x->known.n; i++) {
        const struct seen *is = scan_find(&now, x->known.at[i].path);
        if (S_ISDIR(x->known.at[i].st.st_mode) && (!is || !S_ISDIR(is->st.st_mode)))
            watch_leave(x->watch, bytes_of(x->known.at[i].path));
    }
    scan_free(&x->known);
    x->known = now;
    return ok;
}

uint64_t n_watches(const struct fixture *x)
{
    struct watch_stats stats;
    watch_stats(x->watch, &stats);
    return stats.n_watches;
}

/* The number of watches that the kernel shows: a line for each. */
static uint64_t n_kernel_watches(const struct fixture *x)
{
    char path[64];
    cleanup_buf struct buf text = BUF(1 << 20);
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", watch_fd(x->watch));
    if (io_read_file(AT_FDCWD, path, &text) < 0)
        abort();
    uint64_t n = 0;
    struct bytes rest = buf_bytes(&text), line;
    while (bytes_next(&rest, '\n', &line))
        n += bytes_starts(line, BYTES("inotify wd:"));
    return n;
}

bool check_watches(const struct fixture *x)
{
    uint64_t want = 1;
    for (size_t i = 0; i < x->known.n; i++)
        want += S_ISDIR(x->known.at[i].st.st_mode);
    uint64_t got = n_watches(x), kernel = n_kernel_watches(x);
    return TAP_CHECKF(got == want && kernel == want,
                      "%ju watches, the kernel's %ju, for %ju directories", (uintmax_t)got,
                      (uintmax_t)kernel, (uintmax_t)want);
}

bool drain_and_follow(struct fixture *x, struct dirty *d)
{
    bool ok = TAP_CHECK(drain(x, d));
    ok &= follow(x, d);
    dirty_clear(d);
    return ok;
}
