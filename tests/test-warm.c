/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon keeps between answers, without a daemon: random changes of a tree, told as
 * inotify would tell them, or not at all; after each, some view's answer must be, byte for
 * byte, the one that is made from nothing. SEED=N repeats a run, STEPS=N makes it longer.
 */
#include "stream-priv.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % n;
}

/* ---- a tree, and who watches it ------------------------------------------------------ */

struct world {
    char path[64], store_path[64], db_path[64];
    int root;
    struct dirty *told; /* since the last drain */
    bool lost;          /* … and more, that can't be told */
    struct pool *pool;
    struct store *store;
    struct hashdb *hashes;
    struct warm *warm;
    struct tree_watch watch;
    uint64_t n_entered, n_left;
};

static bool drain(void *watch, struct dirty *dirty);

static void on_enter(void *watch, int fd, struct bytes path)
{
    struct world *w = watch;
    (void)fd, (void)path;
    __atomic_fetch_add(&w->n_entered, 1, __ATOMIC_RELAXED);
}

static void on_leave(void *watch, struct bytes path)
{
    struct world *w = watch;
    (void)path;
    w->n_left++;
}

/* The changes are kept as text, told to a new set at each drain. */
struct telling {
    enum { TELL_STAT, TELL_CONTENT, TELL_BELOW } what;
    char path[256];
};
static struct telling tellings[64];
static size_t n_tellings;

static void tell(int what, const char *path)
{
    tellings[n_tellings].what = what;
    snprintf(tellings[n_tellings].path, sizeof(tellings->path), "%s", path);
    n_tellings++;
}

static bool drain(void *watch, struct dirty *dirty)
{
    struct world *w = watch;
    for (size_t i = 0; i < n_tellings; i++) {
        struct bytes path = bytes_of(tellings[i].path);
        if (tellings[i].what == TELL_BELOW)
            dirty_below(dirty, path);
        else
            dirty_entry(dirty, path, tellings[i].what == TELL_CONTENT);
        /* As the watcher does, since the name may be one that no view sees. */
        struct stat st;
        if (fstatat(w->root, tellings[i].path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            !S_ISDIR(st.st_mode) && st.st_nlink > 1)
            dirty_inode(dirty, st.st_dev, st.st_ino);
    }
    n_tellings = 0;
    bool told = !w->lost;
    w->lost = false;
    return told;
}

static void open_warm(struct world *w)
{
    struct notes notes = {0};
    struct store_limits limits = {.max_bytes = 1u << 30, .max_age_seconds = 3600};
    store_open(w->store_path, &limits, false, &notes, &w->store);
    hashdb_open(w->db_path, &notes, &w->hashes);
    w->watch = (struct tree_watch){w, on_enter, on_leave};
    struct warm_setup setup = {.root_fd = w->root,
                               .root_name = bytes_of(w->path),
                               .store = w->store,
                               .hashes = w->hashes,
                               .watch = &w->watch,
                               .drain = drain};
    w->warm = warm_new(&setup);
    for (size_t i = 0; i < notes.n; i++)
        printf("# %.*s\n", BYTES_ARG(notes.at[i].text));
    notes_release(&notes);
}

static void close_warm(struct world *w)
{
    warm_free(w->warm);
    hashdb_close(w->hashes);
    store_close(w->store);
    n_tellings = 0;
    w->lost = false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const struct world *w, const char *path, size_t len)
{
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cleanup_free uint8_t *bytes = xmalloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)('a' + (i * 7 + random_state) % 23);
    if (fd >= 0 && io_write_full(fd, bytes, len) < 0)
        abort();
}

static const char *const dockerfiles[] = {
    "FROM scratch\nCOPY . /\n",
    "FROM scratch\nCOPY d0 /x\nCOPY *.txt /y/\n",
    "FROM scratch\nCOPY --from=other / /\nCOPY d1/d0 /z\nADD d2 /w\n",
    "FROM scratch\nCOPY d1 d2 /x/\n",
};
static const char *const ignores[] = {"", "*.log\n**/d1\n!**/keep.txt\n", "d2\n!d2/f1.txt\n"};

static struct world world_new(void)
{
    struct world w = {.path = "/tmp/ctxd-warm-XXXXXX",
                      .store_path = "/tmp/ctxd-warm-XXXXXX",
                      .db_path = "/tmp/ctxd-warm-XXXXXX"};
    if (!mkdtemp(w.path) || !mkdtemp(w.store_path) || !mkdtemp(w.db_path))
        abort();
    w.root = open(w.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    w.pool = pool_new(2);
    return w;
}

static void world_end(struct world *w)
{
    close(w->root);
    pool_free(w->pool);
    remove_tree(w->path);
    remove_tree(w->store_path);
    remove_tree(w->db_path);
}

/* ---- changes -------------------------------------------------------------------------- */

static void random_dir(char *path, size_t size)
{
    int n = 0;
    path[0] = '\0';
    for (uint32_t depth = random_below(3); depth > 0; depth--)
        n += snprintf(path + n, size - (size_t)n, "%sd%u", n ? "/" : "", random_below(4));
}

static void random_path(char *path, size_t size)
{
    static const char *const names[] = {"f%u.txt", "g%u.log", "keep.txt", "s%u", "f%u.txt"};
    char dir[64], name[32];
    random_dir(dir, sizeof(dir));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    snprintf(name, sizeof(name), names[random_below(5)], random_below(12));
#pragma GCC diagnostic pop
    snprintf(path, size, "%s%s%s", dir, dir[0] ? "/" : "", name);
}

static size_t random_size(void)
{
    uint32_t kind = random_below(20);
    return kind == 0  ? (1u << 20) + random_below(3u << 20)
           : kind < 4 ? random_below(300000)
                      : random_below(3000);
}

static void change_rename(struct world *w)
{
    char from[128], to[128];
    bool dirs = random_below(2);
    if (dirs) {
        random_dir(from, sizeof(from));
        random_dir(to, sizeof(to));
    } else {
        random_path(from, sizeof(from));
        random_path(to, sizeof(to));
    }
    struct stat st;
    if (!from[0] || !to[0] || renameat(w->root, from, w->root, to) < 0 ||
        fstatat(w->root, to, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    tell(TELL_CONTENT, from);
    tell(S_ISDIR(st.st_mode) ? TELL_BELOW : TELL_CONTENT, to);
}

static void change_link(struct world *w)
{
    char from[128], to[128];
    random_path(from, sizeof(from));
    random_path(to, sizeof(to));
    if (random_below(2)) {
        if (symlinkat(from, w->root, to) == 0)
            tell(TELL_CONTENT, to);
    } else if (linkat(w->root, from, w->root, to, 0) == 0) {
        tell(TELL_CONTENT, to); /* of `from`, whose number of links changed, nobody tells */
    }
}

static void remove_some(struct world *w)
{
    char path[128], full[256];
    if (random_below(4) == 0) {
        random_dir(path, sizeof(path));
        if (!path[0])
            return;
        snprintf(full, sizeof(full), "%s/%s", w->path, path);
        remove_tree(full);
    } else {
        random_path(path, sizeof(path));
        if (unlinkat(w->root, path, 0) < 0)
            return;
    }
    tell(TELL_CONTENT, path);
}

static bool is_link(const struct world *w, const char *path)
{
    struct stat st;
    return fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void change(struct world *w)
{
    char path[128];
    switch (random_below(12)) {
    case 0:
        random_dir(path, sizeof(path));
        if (path[0] && mkdirat(w->root, path, 0755) == 0)
            tell(TELL_BELOW, path);
        return;
    case 1:
        remove_some(w);
        return;
    case 2:
        change_rename(w);
        return;
    case 3:
        change_link(w);
        return;
    case 4:
        random_path(path, sizeof(path));
        if (!is_link(w, path) && fchmodat(w->root, path, random_below(2) ? 0600 : 0755, 0) == 0)
            tell(TELL_STAT, path);
        return;
    case 5:
        random_dir(path, sizeof(path));
        if (path[0] && fchmodat(w->root, path, random_below(2) ? 0700 : 0755, 0) == 0)
            tell(TELL_STAT, path);
        return;
    case 6:
        random_path(path, sizeof(path));
        if (mknodat(w->root, path, S_IFIFO | 0600, 0) == 0)
            tell(TELL_CONTENT, path);
        return;
    default:
        random_path(path, sizeof(path));
        struct stat st;
        bool there = fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (there && !S_ISREG(st.st_mode))
            return;
        write_file(w, path, random_size());
        tell(TELL_CONTENT, path);
    }
}

/* ---- answers --------------------------------------------------------------------------- */

struct ask {
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

static int view = -1; /* of the two lists; -1: by chance */

static bool ask_begin(struct world *w, struct ask *ask)
{
    struct failure f = {0};
    const char *text =
        dockerfiles[view >= 0 ? (uint32_t)view : random_below(ARRAY_SIZE(dockerfiles))];
    const char *ignore =
        ignores[view >= 0 ? (uint32_t)view : random_below(ARRAY_SIZE(ignores))];
    *ask = (struct ask){.control = {.dockerfile_name = BYTES("Dockerfile"),
                                    .ignore_name = BYTES(".dockerignore"),
                                    .has_ignore = true}};
    ask->control.dockerfile = bytes_of(text);
    ask->control.ignore = bytes_of(ignore);
    if (dockerfile_parse(BYTES("Dockerfile"), bytes_of(text), &ask->df, &f) < 0)
        return TAP_CHECKF(false, "%s", f.text);
    ask->request = (struct send_request){.root_fd = w->root,
                                         .root_name = bytes_of(w->path),
                                         .control = &ask->control,
                                         .dockerfile = ask->df,
                                         .codec = (enum send_codec)random_below(3),
                                         .level = 1,
                                         .full = view < 0 && random_below(8) == 0,
                                         .pool = w->pool};
    if (random_below(6) == 0)
        ask->request.mtime = SEND_MTIME_FIXED;
    return true;
}

static int send_to_memory(const struct send_request *from, struct warm *warm, struct buf *out,
                          struct send_stats *stats)
{
    struct send_request request = *from;
    struct failure f = {0};
    cleanup_fd int fd = memfd_create("stream", MFD_CLOEXEC);
    request.out_fd = fd;
    int r = send_run(&request, warm, NULL, stats, &f);
    if (!TAP_CHECKF(r == 0, "%s", f.text))
        return r;
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : io_read_rest(fd, out);
}

static bool same_counts(const struct send_stats *a, const struct send_stats *b)
{
    return a->n_files == b->n_files && a->n_dirs == b->n_dirs && a->n_links == b->n_links &&
           a->n_hardlinks == b->n_hardlinks && a->n_skipped == b->n_skipped &&
           a->content_bytes == b->content_bytes && a->tar_bytes == b->tar_bytes;
}

static bool pulled_is(struct world *w, const struct ask *ask, const struct buf *want)
{
    struct failure f = {0};
    struct body *body;
    if (!TAP_CHECKF(body_open(&ask->request, w->warm, NULL, &body, &f) == 0, "%s", f.text))
        return false;
    cleanup_buf struct buf got = BUF(SIZE_MAX / 2);
    uint8_t block[70000];
    ssize_t n;
    while ((n = body_read(body, block, sizeof(block), &f)) > 0)
        if (buf_add(&got, block, (size_t)n) < 0)
            abort();
    bool ok = TAP_CHECKF(n == 0, "%s", f.text);
    ok &= TAP_CHECK(body_length(body) == want->len);
    ok &= TAP_CHECK(bytes_equal(buf_bytes(&got), buf_bytes(want)));
    body_free(body);
    return ok;
}

static bool same_digest(struct world *w, const struct ask *ask)
{
    struct digest_answer cold, warm;
    struct failure f = {0};
    if (!TAP_CHECKF(digest_run(&ask->request, NULL, true, NULL, &cold, &f) == 0, "%s",
                    f.text) ||
        !TAP_CHECKF(digest_run(&ask->request, w->warm, true, NULL, &warm, &f) == 0, "%s",
                    f.text))
        return false;
    bool ok = TAP_CHECK(sha256_equal(&cold.sha, &warm.sha)) &&
              TAP_CHECK(cold.n_files == warm.n_files && cold.bytes == warm.bytes);
    for (size_t i = 0; i < cold.n_lines; i++)
        ok &= TAP_CHECK(sha256_equal(&cold.lines[i].sha, &warm.lines[i].sha));
    digest_release(&cold);
    digest_release(&warm);
    return ok;
}

static bool answers_agree(struct world *w)
{
    struct ask ask;
    if (!ask_begin(w, &ask))
        return false;
    cleanup_buf struct buf cold = BUF(SIZE_MAX / 2), warm = BUF(SIZE_MAX / 2);
    struct send_stats cold_stats = {0}, warm_stats = {0};
    bool ok = send_to_memory(&ask.request, w->warm, &warm, &warm_stats) == 0 &&
              send_to_memory(&ask.request, NULL, &cold, &cold_stats) == 0;
    ok = ok && TAP_CHECKF(bytes_equal(buf_bytes(&cold), buf_bytes(&warm)),
                          "%zu bytes warm, %zu cold", warm.len, cold.len);
    ok = ok && TAP_CHECK(same_counts(&cold_stats, &warm_stats));
    if (ok && random_below(4) == 0)
        ok = pulled_is(w, &ask, &cold);
    if (ok && random_below(4) == 0)
        ok = same_digest(w, &ask);
    dockerfile_free(ask.df);
    return ok;
}

/* ---- runs -------------------------------------------------------------------------------- */

static void run(uint64_t seed, uint32_t steps)
{
    random_state = seed * 2654435761u + 1;
    struct world w = world_new();
    open_warm(&w);
    tap_case("seed %llu: %u changes, each answer as made from nothing",
             (unsigned long long)seed, steps);
    for (uint32_t i = 0; i < 40; i++)
        change(&w);
    w.lost = true;
    n_tellings = 0;
    for (uint32_t step = 0; step < steps; step++) {
        for (uint32_t n = random_below(4) + 1; n > 0; n--)
            change(&w);
        uint32_t accident = random_below(60);
        if (accident == 0) { /* an overflow */
            n_tellings = 0;
            w.lost = true;
        } else if (accident == 1) { /* a restart */
            close_warm(&w);
            open_warm(&w);
        } else if (accident == 2) {
            uint64_t missed;
            struct failure f = {0};
            TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
            TAP_CHECKF(missed == 0, "%llu missed", (unsigned long long)missed);
        } else if (accident == 3) {
            warm_trim(w.warm, clock_now_ns());
        }
        if (!answers_agree(&w)) {
            TAP_CHECKF(false, "seed %llu, step %u", (unsigned long long)seed, step);
            break;
        }
    }
    close_warm(&w);
    world_end(&w);
}

static void audit_heals(void)
{
    struct world w = world_new();
    struct failure f = {0};
    random_state = 7;
    tap_case("an audit finds what no event told of, and heals it");
    if (mkdirat(w.root, "d0", 0755) < 0)
        abort();
    write_file(&w, "d0/f1.txt", 100);
    open_warm(&w);
    answers_agree(&w);
    write_file(&w, "d0/f1.txt", 200); /* nobody tells */
    uint64_t missed = 0;
    TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
    TAP_CHECKF(missed == 1, "%llu missed", (unsigned long long)missed);
    TAP_CHECK(answers_agree(&w));
    close_warm(&w);
    world_end(&w);
}

static void links_are_found(void)
{
    struct world w = world_new();
    random_state = 11;
    tap_case("a new hard link is one of its old name, too, of which no event tells");
    if (mkdirat(w.root, "d0", 0755) < 0)
        abort();
    write_file(&w, "a", 100);
    write_file(&w, "c", 100);
    open_warm(&w);
    view = 0;
    answers_agree(&w);
    TAP_CHECK(linkat(w.root, "a", w.root, "d0/g", 0) == 0);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    tap_case("... also where the new name was another file's");
    TAP_CHECK(unlinkat(w.root, "d0/g", 0) == 0 && linkat(w.root, "c", w.root, "d0/g", 0) == 0);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    tap_case("... and a write through the one is seen in the other");
    write_file(&w, "d0/g", 300);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    view = -1;
    close_warm(&w);
    world_end(&w);
}

/* Files whose hash the database has, after all that was asked of it. */
static int n_hashes(struct world *w)
{
    struct hashdb_stats stats;
    hashdb_sync(w->hashes);
    hashdb_stats(w->hashes, &stats);
    return (int)stats.n_files;
}

static void sh(const struct world *w, const char *script)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", fchdir(w->root) == 0 ? script : "false", NULL);
        _exit(127);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
    tell(TELL_BELOW, "");
}

static void gone_is_forgotten(void)
{
    static const struct {
        const char *title, *script;
        int n_left;
    } cases[] = {
        {"a file that goes takes its hash along", "rm d0/f3", 19},
        {"a directory that goes takes those below it", "rm -r d1", 9},
        {"of a file that is renamed over another's name, the other's goes", "mv d0/f4 d0/f5",
         8},
        {"a directory that is renamed keeps them", "mv d0 d2", 8},
        {"a new name is of the same file", "ln d2/f6 d2/f6b", 8},
        {"... which keeps its hash when one of them goes", "rm d2/f6b", 8},
        {"what is unwanted only, since another view is asked for, is not gone", "", 8},
    };
    struct world w = world_new();
    random_state = 13;
    view = 0;
    sh(&w,
       "mkdir d0 d1; for i in 0 1 2 3 4 5 6 7 8 9; do echo $i >d0/f$i; echo $i >d1/f$i; done;"
       "touch -d 2001-01-01 d*/*");
    n_tellings = 0;
    open_warm(&w);
    tap_case("each file that is read has a hash in the database");
    TAP_CHECK(answers_agree(&w) && answers_agree(&w));
    TAP_CHECKF(n_hashes(&w) == 20, "%d", n_hashes(&w));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("%s", cases[i].title);
        if (!*cases[i].script) {
            warm_trim(w.warm, clock_now_ns());
            view = 2; /* which has d2/f1.txt alone */
        }
        sh(&w, cases[i].script);
        /* An answer reads again what was forgotten in vain, an audit doesn't. */
        uint64_t missed;
        struct failure f = {0};
        if (i % 2)
            TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
        else
            TAP_CHECK(answers_agree(&w));
        TAP_CHECKF(n_hashes(&w) == cases[i].n_left, "%d", n_hashes(&w));
        TAP_CHECK(answers_agree(&w));
    }
    view = -1;
    close_warm(&w);
    world_end(&w);
}

int main(void)
{
    const char *seed = getenv("SEED"), *steps = getenv("STEPS");
    uint64_t n_steps = 300, only = 0;
    if (steps && number_parse(bytes_of(steps), &n_steps) < 0)
        return 2;
    if (seed && number_parse(bytes_of(seed), &only) < 0)
        return 2;
    if (seed) {
        run(only, (uint32_t)n_steps);
        return tap_end();
    }
    audit_heals();
    links_are_found();
    gone_is_forgotten();
    for (uint64_t i = 1; i <= 6; i++)
        run(i, (uint32_t)n_steps);
    return tap_end();
}
