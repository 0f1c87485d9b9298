/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writers of the torture: which operation comes next, mounts, tools, control files; the
 * others are in torture-files.c. There are few names, so that operations meet: what one made,
 * the next renames, links, mounts over or removes. No writer knows how an answer is made.
 */
#include "scratch.h"
#include "torture-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define FILE_MODE 0644

static _Thread_local uint64_t random_state;

void random_seed(uint64_t seed)
{
    random_state = seed * 2654435761u + 1;
}

uint32_t below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % n;
}

void tell_done(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&w->lock);
    char *at = w->last[w->n_told++ % SHOWN];
    int n = snprintf(at, sizeof(*w->last), "step %llu: ", (unsigned long long)w->step);
    vsnprintf(at + n, sizeof(*w->last) - (size_t)n, format, args);
    pthread_mutex_unlock(&w->lock);
    va_end(args);
}

void show_last(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t from = w->n_told > SHOWN ? w->n_told - SHOWN : 0;
    printf("# repeat with SEED=%llu; operation %llu, after\n", (unsigned long long)w->seed,
           (unsigned long long)w->n_operations);
    for (uint64_t i = from; i < w->n_told; i++)
        printf("#   %s\n", w->last[i % SHOWN]);
    pthread_mutex_unlock(&w->lock);
}

/* ---- names and bytes -------------------------------------------------------------------- */

void random_dir(char path[128])
{
    int n = 0;
    path[0] = '\0';
    for (uint32_t depth = below(4); depth > 0; depth--)
        n += snprintf(path + n, 128 - (size_t)n, "%sd%u", n ? "/" : "", below(3));
}

void in_dir(const char *dir, const char *name, char path[128])
{
    snprintf(path, 128, "%.100s%s%.24s", dir, dir[0] ? "/" : "", name);
}

void random_path(char path[128])
{
    char dir[128], name[24];
    random_dir(dir);
    uint32_t n = below(5);
    switch (below(5)) {
    case 0:
        snprintf(name, sizeof(name), "g%u.log", n);
        break;
    case 1:
        snprintf(name, sizeof(name), "keep.txt");
        break;
    case 2:
        snprintf(name, sizeof(name), "s%u", n);
        break;
    default:
        snprintf(name, sizeof(name), "f%u.txt", n);
    }
    in_dir(dir, name, path);
}

/* Finds a path that is a file; false: a few tries found none. */
bool random_file(struct world *w, char path[128], struct stat *st)
{
    for (int i = 0; i < 12; i++) {
        random_path(path);
        if (fstatat(w->root, path, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode))
            return true;
    }
    return false;
}

bool existing_dir(struct world *w, char path[128])
{
    struct stat st;
    random_dir(path);
    return path[0] && fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode);
}

/* Bytes of a file: mostly few, as in sources, sometimes more than a chunk. */
size_t random_size(void)
{
    uint32_t kind = below(400);
    return kind == 0 ? (1u << 20) + below(1u << 20) : kind < 16 ? below(100000) : below(2500);
}

void write_random(int fd, off_t at, size_t len)
{
    cleanup_free uint8_t *bytes = xmalloc(len + 1);
    uint32_t first = below(1u << 16);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)('a' + (i * 7 + first + i / 97) % 23);
    if (at < 0)
        (void)!io_write_full(fd, bytes, len);
    else
        (void)!pwrite(fd, bytes, len, at);
}

void write_text(int dir_fd, const char *path, int flags, const char *text)
{
    cleanup_fd int fd =
        openat(dir_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, FILE_MODE);
    if (fd >= 0)
        (void)!io_write_full(fd, text, strlen(text));
}

void remove_below(int dir_fd, const char *path)
{
    char full[256];
    snprintf(full, sizeof(full), "/proc/self/fd/%d/%s", dir_fd, path);
    if (path[0] == '/')
        snprintf(full, sizeof(full), "%s", path);
    scratch_remove(full);
}

int run_program(int dir_fd, const char *const *words)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
            dup2(null, fd);
        if (fchdir(dir_fd) == 0)
            execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- mounts ----------------------------------------------------------------------- */

/* Reads from the kernel what is mounted in the world: directories above a mount may have been
 * moved. */
static size_t find_mounts(const struct world *w, char paths[MOUNTS_MAX][256])
{
    cleanup_buf struct buf text = BUF(1 << 20);
    struct bytes line, field = {0};
    size_t n = 0;
    if (io_read_file(AT_FDCWD, "/proc/self/mountinfo", &text) < 0)
        abort();
    struct bytes rest = buf_bytes(&text);
    while (bytes_next(&rest, '\n', &line) && n < MOUNTS_MAX) {
        for (int i = 0; i < 5; i++) /* the mount point is the fifth */
            bytes_next(&line, ' ', &field);
        if (bytes_starts(field, bytes_of(w->top)))
            snprintf(paths[n++], 256, "%.*s", BYTES_ARG(field));
    }
    return n;
}

static bool do_mount(struct world *w)
{
    char path[128], from[256], to[256], mounts[MOUNTS_MAX][256];
    size_t n = find_mounts(w, mounts);
    if (n > 0 && (n == MOUNTS_MAX || below(2))) {
        const char *victim = mounts[below((uint32_t)n)];
        umount2(victim, MNT_DETACH | UMOUNT_NOFOLLOW);
        tell_done(w, "unmount %s", victim);
        return true;
    }
    bool file = below(4) == 0;
    struct stat st;
    if (file ? !random_file(w, path, &st) : !existing_dir(w, path))
        return false;
    snprintf(from, sizeof(from), "%s/outside/%s", w->top, file ? "bf" : "b");
    snprintf(to, sizeof(to), "%s/%s", w->root_path, path);
    bool fresh = !file && below(3) == 0;
    int r = fresh ? mount("tmpfs", to, "tmpfs", 0, "size=4m")
                  : mount(from, to, NULL, MS_BIND, NULL);
    if (r < 0)
        return false;
    tell_done(w, "mount %s over %s", fresh ? "a tmpfs" : from, path);
    return true;
}

/* Writes to a mounted file through its original name, or at its mount point. */
static bool do_write_mounted(struct world *w)
{
    char name[16], path[256];
    char mounts[MOUNTS_MAX][256];
    snprintf(name, sizeof(name), "f%u.txt", below(3));
    if (below(2)) {
        cleanup_fd int fd = openat(w->outside, "bf", O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
        write_random(fd, 0, 60);
        snprintf(path, sizeof(path), "b/%s", name);
        write_text(w->outside, path, O_APPEND, name);
        tell_done(w, "write to the outer bf and %s", path);
        return true;
    }
    size_t n = find_mounts(w, mounts);
    if (n == 0)
        return false;
    snprintf(path, sizeof(path), "%.230s/%s", mounts[below((uint32_t)n)], name);
    write_text(AT_FDCWD, path, O_TRUNC | O_NOFOLLOW | O_NONBLOCK, name);
    tell_done(w, "write to %s, which is mounted", path);
    return true;
}

/* ---- tools, and the control files ------------------------------------------------- */

static bool do_git(struct world *w)
{
    static const char *const branches[] = {"one", "two"};
    cleanup_fd int dir = openat(w->root, "repo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    const char *branch = branches[below(2)];
    int status =
        run_program(dir, (const char *const[]){"git", "checkout", "-qf", branch, NULL});
    tell_done(w, "git checkout %s: %d", branch, status);
    return true;
}

static const char *const dockerfiles[] = {
    "FROM scratch AS a\nCOPY d0 /x\nFROM scratch\nCOPY . /\n",
    "FROM scratch AS a\nCOPY d1 /x\nFROM scratch\nCOPY . /\n", /* as long as the first */
    "FROM scratch AS a\nCOPY repo /r\nFROM scratch\nCOPY d0 /x\nCOPY *.txt /y/\n",
    "FROM scratch AS a\nCOPY . /a\nFROM scratch\nCOPY --from=a / /\nCOPY d1/d0 /z\nADD d2 /w\n",
    "FROM scratch\nCOPY d1 d2 Dockerfile /x/\n",
    "FROM scratch\nCOPY .ctx/go/root /r\nCOPY d1 /x/\n",
    "FROM scratch\nCOPY .ctx /r\nCOPY . /x\n",
};
static const char *const ignores[] = {
    "",
    "*.log\n**/d1\n!**/keep.txt\n",
    "*.log\n**/d2\n!**/keep.txt\n",
    "d2\n!d2/f1.txt\n.git\n",
    "repo/.git\nDockerfile\n",
};

/* Writes a manifest with other numbers. A recipe depends on some of them (the version of a
 * dependency) and not on others (the project's own version). */
static bool do_manifest(struct world *w)
{
    static const char *const manifests[][2] = {
        {"go.mod", "module m // %u\nrequire example.com/a v1.0.%u\n"},
        {"package.json", "{\"version\": \"1.0.%u\", \"dependencies\": {\"a\": \"%u\"}}\n"},
        {"requirements.txt", "# %u\na==1.%u\n"},
    };
    static const char *const dirs[] = {"", "d0/", "d1/", "d1/d0/"};
    char path[64], text[128];
    uint32_t which = below(ARRAY_SIZE(manifests));
    const char *dir = dirs[below(ARRAY_SIZE(dirs))];
    snprintf(path, sizeof(path), "%s%s", dir, manifests[which][0]);
    if (dir[0] && below(4) == 0) {
        unlinkat(w->root, path, 0);
        tell_done(w, "unlink %s", path);
        return true;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), manifests[which][1], below(10), below(10));
#pragma GCC diagnostic pop
    struct stat st = {0};
    bool there = fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISREG(st.st_mode))
        return false;
    write_text(w->root, path, O_TRUNC, text);
    struct timespec times[] = {st.st_atim, st.st_mtim};
    if (there && below(2))
        utimensat(w->root, path, times, 0);
    tell_done(w, "edit %s: %.40s", path, QUOTE(bytes_of(text)));
    return true;
}

static bool do_control(struct world *w)
{
    static const char *const names[] = {"Dockerfile", ".dockerignore",
                                        "Dockerfile.dockerignore", "Dockerfile",
                                        ".dockerignore"};
    uint32_t which = below(ARRAY_SIZE(names));
    const char *name = names[which];
    const char *text = which == 0 || which == 3 ? dockerfiles[below(ARRAY_SIZE(dockerfiles))]
                                                : ignores[below(ARRAY_SIZE(ignores))];
    struct stat st = {0};
    bool there = fstatat(w->root, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (which != 0 && which != 3 && below(3) == 0) {
        unlinkat(w->root, name, 0);
        tell_done(w, "unlink %s", name);
        return true;
    }
    switch (below(3)) {
    case 0:
        write_text(w->root, ".control", O_TRUNC, text);
        renameat(w->root, ".control", w->root, name);
        break;
    case 1:
        write_text(w->root, name, O_TRUNC, text);
        break;
    default:
        write_text(w->root, name, O_TRUNC, text);
        struct timespec times[] = {st.st_atim, st.st_mtim};
        if (there)
            utimensat(w->root, name, times, 0);
    }
    tell_done(w, "edit %s: %.30s", name, QUOTE(bytes_of(text)));
    return true;
}

static const struct {
    uint32_t weight;
    bool (*run)(struct world *w);
} writers[] = {
    {90, do_create},        {60, do_append},         {60, do_rewrite},  {40, do_poke},
    {20, do_copy_range},    {60, do_rename_over},    {60, do_unlink},   {80, do_rename},
    {30, do_chmod_file},    {30, do_touch},          {10, do_special},  {60, do_map},
    {40, do_tmpfile},       {20, do_write_unlinked}, {8, do_held},      {60, do_mkdir_deep},
    {25, do_remove_dir},    {30, do_chmod_dir},      {40, do_manifest}, {50, do_symlink},
    {40, do_link_game},     {15, do_uring},          {50, do_link},     {30, do_link_outside},
    {40, do_write_outside}, {25, do_move_out},       {15, do_mount},    {30, do_write_mounted},
    {12, do_git},           {25, do_control},
};

void write_something(struct world *w)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
        sum += writers[i].weight;
    for (int tries = 0; tries < 100; tries++) {
        uint32_t at = below(sum);
        size_t i = 0;
        while (at >= writers[i].weight)
            at -= writers[i++].weight;
        /* A held file is soon released, because each answer waits 100 ms for it. */
        if (w->held >= 0 && below(3) == 0 ? !do_held(w) : !writers[i].run(w))
            continue;
        w->n_operations++;
        return;
    }
}

/* ---- begin and end ---------------------------------------------------------------- */

static const char repository[] =
    "git init -q --template= -b one . && git config user.email a@b && git config user.name a &&"
    "git config gc.auto 0 && mkdir -p src/deep && "
    "for i in 1 2 3 4 5 6; do echo one $i >src/f$i.txt; echo one >src/deep/g$i.log; done &&"
    "ln -s src/f1.txt link && git add . && git commit -qm one && git checkout -qb two &&"
    "rm -r src/deep && echo two >src/f1.txt && mkdir -p other/more && echo two "
    ">other/more/f2.txt &&"
    "chmod +x src/f2.txt && ln -sf src/f2.txt link && git add -A . && git commit -qm two";

void writers_begin(struct world *w)
{
    w->held = -1;
    mkdirat(w->outside, "b", 0755);
    write_text(w->outside, "bf", O_TRUNC, "of a mounted file");
    write_text(w->outside, "b/f0.txt", O_TRUNC, "of a mounted directory");
    write_text(w->root, "Dockerfile", O_TRUNC, dockerfiles[0]);
    mkdirat(w->root, "repo", 0755);
    cleanup_fd int repo = openat(w->root, "repo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = run_program(repo, (const char *const[]){"sh", "-c", repository, NULL});
    if (r != 0)
        printf("# git could not make a repository: %d\n", r);
    for (int i = 0; i < 60; i++)
        write_something(w);
}

void keep_everything(struct world *w)
{
    writers_let_go(w);
    write_text(w->root, "Dockerfile", O_TRUNC, dockerfiles[0]);
    unlinkat(w->root, ".dockerignore", 0);
    unlinkat(w->root, "Dockerfile.dockerignore", 0);
}

void writers_let_go(struct world *w)
{
    if (w->held >= 0)
        close(steal_fd(&w->held));
    char mounts[MOUNTS_MAX][256];
    for (size_t n; (n = find_mounts(w, mounts)) > 0;)
        if (umount2(mounts[n - 1], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
            break;
}
