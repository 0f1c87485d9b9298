/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk store, and what may befall its files: by accident, by a crash, by others. */
#include "store-priv.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct store_limits roomy = {1ull << 30, 7 * 86400};

/* ---- fixtures ------------------------------------------------------------------------- */

struct fixture {
    char top[64], path[80];
};

static struct fixture setup(void)
{
    struct fixture x = {.top = "/tmp/ctxd-store-XXXXXX"};
    if (!mkdtemp(x.top))
        abort();
    snprintf(x.path, sizeof(x.path), "%s/a/store", x.top);
    return x;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void teardown(struct fixture *x)
{
    remove_all(x->top);
}

static struct store *open_store(const struct fixture *x, const struct store_limits *limits,
                                bool read_only)
{
    struct store *store;
    store_open(x->path, limits, read_only, NULL, &store);
    return store;
}

static struct store_name name_of(size_t i)
{
    static const struct {
        enum send_codec codec;
        int level;
    } kinds[] = {{SEND_TAR, 0}, {SEND_GZIP, 1}, {SEND_ZSTD, 19}};
    return (struct store_name){.content = digest128(bytes_at(&i, sizeof(i))),
                               .codec = kinds[i % 3].codec,
                               .level = kinds[i % 3].level};
}

/* The i-th chunk's bytes: the same in each process. */
static struct bytes content_of(size_t i, size_t len)
{
    static _Thread_local uint64_t room[1 << 15];
    uint64_t x = i * 0x9e3779b97f4a7c15u + 1;
    for (size_t k = 0; k < (len + 7) / 8; k++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        room[k] = x;
    }
    return bytes_at(room, len);
}

static int put_chunk(struct store *store, size_t i, size_t len)
{
    struct store_name name = name_of(i);
    struct bytes b = content_of(i, len);
    struct sha256 sha = {{(uint8_t)i, 7}};
    return store_put(store, &name, b, name.codec == SEND_TAR ? len : len * 3, &sha);
}

/* What fd has from where it stands is the i-th chunk. */
static bool is_content(int fd, size_t i, size_t len)
{
    static _Thread_local uint8_t got[1 << 18];
    ssize_t n = io_read_full(fd, got, sizeof(got));
    return n >= 0 && bytes_equal(bytes_at(got, (size_t)n), content_of(i, len));
}

enum got { MISSED, RIGHT, WRONG };

static enum got get_chunk(struct store *store, size_t i, size_t len)
{
    struct store_name name = name_of(i);
    struct stored s;
    if (!store_get(store, &name, &s))
        return MISSED;
    cleanup_fd int fd = s.fd;
    return s.packed_len == len && s.plain_len == (name.codec == SEND_TAR ? len : len * 3) &&
                   s.plain_sha.at[0] == (uint8_t)i && s.plain_sha.at[1] == 7 &&
                   lseek(fd, 0, SEEK_CUR) == (off_t)s.offset && is_content(fd, i, len)
               ? RIGHT
               : WRONG;
}

static void path_of(const struct fixture *x, size_t i, char path[160])
{
    char below[STORE_PATH_MAX];
    struct store_name name = name_of(i);
    store_path(below, &name);
    snprintf(path, 160, "%s/chunks/%s", x->path, below);
}

static bool is_there(const struct fixture *x, size_t i)
{
    char path[160];
    struct stat st;
    path_of(x, i, path);
    return lstat(path, &st) == 0;
}

/* As if last used so long ago. */
static void set_age(const struct fixture *x, size_t i, time_t seconds)
{
    char path[160];
    path_of(x, i, path);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    utimensat(AT_FDCWD, path,
              (struct timespec[]){{.tv_sec = now.tv_sec - seconds}, {.tv_nsec = UTIME_OMIT}},
              0);
}

static struct store_stats stats_of(struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats;
}

/* Files below the store whose names begin so. */
static const char *counted_prefix;
static size_t counted;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (type == FTW_F)
        counted += bytes_starts(bytes_of(path + at->base), bytes_of(counted_prefix));
    return 0;
}

static size_t count_files(const struct fixture *x, const char *prefix)
{
    counted = 0;
    counted_prefix = prefix;
    nftw(x->path, count_one, 16, FTW_PHYS);
    return counted;
}

static pid_t start(void (*run)(void *context), void *context)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        run(context);
        _exit(0);
    }
    return pid;
}

static bool ended_well(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- what it is for ------------------------------------------------------------------- */

static void test_round_trip(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);

    tap_case("a chunk comes back as it was put, of each codec and length");
    static const size_t lens[] = {0, 1, 65535, 65536, 65537, 200000};
    TAP_CHECK(stats_of(store).usable);
    for (size_t i = 0; i < 3 * ARRAY_SIZE(lens); i++) {
        TAP_CHECK(get_chunk(store, i, lens[i % ARRAY_SIZE(lens)]) == MISSED);
        TAP_CHECK(put_chunk(store, i, lens[i % ARRAY_SIZE(lens)]) == 0);
        TAP_CHECK(get_chunk(store, i, lens[i % ARRAY_SIZE(lens)]) == RIGHT);
        TAP_CHECK(get_chunk(store, i, lens[i % ARRAY_SIZE(lens)]) == RIGHT);
    }
    struct store_stats stats = stats_of(store);
    TAP_CHECK(stats.hits == 36 && stats.misses == 18 && stats.puts == 18 &&
              stats.put_failures == 0 && stats.damaged == 0 && stats.n_chunks == 18);

    tap_case("another process's life finds them, and the same key");
    struct digest_key key = *store_key(store);
    store_close(store);
    store = open_store(&x, &roomy, false);
    TAP_CHECK(memcmp(&key, store_key(store), sizeof(key)) == 0);
    TAP_CHECK(get_chunk(store, 3, 65536) == RIGHT);

    tap_case("a put of what is there changes nothing");
    struct stat before, after;
    char path[160];
    path_of(&x, 3, path);
    TAP_CHECK(stat(path, &before) == 0 && put_chunk(store, 3, 65536) == 0 &&
              stat(path, &after) == 0);
    TAP_CHECK(before.st_ino == after.st_ino && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
    TAP_CHECK(stats_of(store).puts == 0);

    tap_case("a tar's level is none; another level or codec is another chunk");
    struct store_name name = name_of(0);
    struct stored s;
    name.level = 9;
    if (TAP_CHECK(store_get(store, &name, &s)))
        close(s.fd);
    name = name_of(1);
    name.level = 2;
    TAP_CHECK(!store_get(store, &name, &s));
    name.codec = SEND_ZSTD;
    TAP_CHECK(!store_get(store, &name, &s));
    TAP_CHECK(stats_of(store).damaged == 0);

    tap_case("nothing but chunks and the key is there, and for nobody else");
    struct stat st;
    TAP_CHECK(count_files(&x, "") == 19);
    TAP_CHECK(stat(x.path, &st) == 0 && (st.st_mode & 07777) == 0700);
    TAP_CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    snprintf(path, sizeof(path), "%s/key", x.path);
    TAP_CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 192);
    store_close(store);
    teardown(&x);
}

static void test_names(void)
{
    tap_case("a chunk's file name says which it is, and other names say nothing");
    for (size_t i = 0; i < 300; i++) {
        char path[STORE_PATH_MAX];
        struct store_name name = name_of(i), back;
        name.level = name.codec == SEND_TAR ? 0 : (int)(i % 20);
        store_path(path, &name);
        TAP_CHECK(path[0] == path[3] && path[1] == path[4] && path[2] == '/');
        TAP_CHECK(store_parse_name(bytes_of(path + 3), &back) && back.codec == name.codec &&
                  back.level == name.level && digest128_equal(&back.content, &name.content));
        TAP_CHECK(!store_parse_name(bytes_head(bytes_of(path + 3), 35), &back));
    }
    static const char *const others[] = {"",
                                         "key",
                                         ".tmp-0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef.tar1",
                                         "0123456789abcdef0123456789abcdef.gz-",
                                         "0123456789abcdef0123456789abcdef.gz-x",
                                         "0123456789abcdef0123456789abcdef.zst-128",
                                         "0123456789abcdef0123456789abcdeg.tar",
                                         "0123456789ABCDEF0123456789abcdef.tar"};
    struct store_name name;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        TAP_CHECKF(!store_parse_name(bytes_of(others[i]), &name), "%s", others[i]);
}

static void test_seen(void)
{
    tap_case("the table of verified chunks stays within its bound, and keeps the latest");
    struct store_seen seen;
    store_seen_init(&seen);
    struct store_identity id = {.ino = 1};
    for (size_t i = 0; i < 150000; i++) {
        struct store_name name = name_of(i);
        id.mtime_ns = (int64_t)i;
        store_seen_add(&seen, &name, &id);
        if (i == 5000 || i == 40000 || i == 149999) {
            size_t known = 0;
            for (size_t k = i - 5000; k <= i; k++) {
                name = name_of(k);
                id.mtime_ns = (int64_t)k;
                known += store_seen_check(&seen, &name, &id);
                id.mtime_ns++;
                TAP_CHECK(!store_seen_check(&seen, &name, &id));
            }
            TAP_CHECKF(known == 5001, "%zu known", known);
        }
    }
    TAP_CHECKF(seen.n_sets == 8192, "%zu sets", seen.n_sets);
    store_seen_release(&seen);
}

/* ---- directories and keys ------------------------------------------------------------- */

struct race {
    const struct fixture *x;
    int go_fd, key_fd;
    bool named; /* as on a file system without O_TMPFILE */
};

static void open_at_once(void *context)
{
    struct race *race = context;
    char c;
    if (read(race->go_fd, &c, 1) != 0)
        _exit(1);
    struct store *store = open_store(race->x, &roomy, false);
    if (!store->usable || io_write_full(race->key_fd, store_key(store)->secret, 192) < 0)
        _exit(1);
}

static void test_key_race(void)
{
    tap_case("processes that make the store at once agree on its key");
    for (size_t round = 0; round < 40; round++) {
        struct fixture x = setup();
        int go[2], keys[2];
        if (pipe2(go, O_CLOEXEC) < 0 || pipe2(keys, O_CLOEXEC) < 0)
            abort();
        struct race race = {.x = &x, .go_fd = go[0], .key_fd = keys[1]};
        pid_t pids[4];
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
            fflush(NULL);
            pids[i] = fork();
            if (pids[i] == 0) {
                close(go[1]);
                open_at_once(&race);
                _exit(0);
            }
        }
        close(go[1]);
        uint8_t got[4][192];
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
            TAP_CHECK(ended_well(pids[i]));
        TAP_CHECK(io_read_full(keys[0], got, sizeof(got)) == (ssize_t)sizeof(got));
        for (size_t i = 1; i < 4; i++)
            TAP_EQUAL(bytes_at(got[i], 192), bytes_at(got[0], 192));
        TAP_CHECK(count_files(&x, "") == 1);
        close(go[0]), close(keys[0]), close(keys[1]);
        teardown(&x);
    }
}

/* Opens it and says whether it is used; the only note must have the word. */
static bool refused(const struct fixture *x, const char *word)
{
    cleanup_notes struct notes notes = {0};
    struct store *store;
    store_open(x->path, &roomy, false, &notes, &store);
    bool unusable = !store->usable && put_chunk(store, 1, 10) == -ENODEV &&
                    get_chunk(store, 1, 10) == MISSED && store_sweep(store) == 0 &&
                    notes.n == 1 && strstr((const char *)notes.at[0].text.at, word);
    if (!unusable && notes.n)
        printf("# %s\n", (const char *)notes.at[0].text.at);
    store_close(store);
    return unusable;
}

static void test_directory(void)
{
    struct fixture x = setup();
    char other[160], chunks[160];
    store_close(open_store(&x, &roomy, false));
    snprintf(other, sizeof(other), "%s/other", x.top);
    snprintf(chunks, sizeof(chunks), "%s/chunks", x.path);

    tap_case("a directory that others may enter is refused");
    static const mode_t modes[] = {0710, 0701, 0750, 0770, 0707, 0777};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        TAP_CHECK(chmod(x.path, modes[i]) == 0 && refused(&x, "chmod 700"));
    TAP_CHECK(chmod(x.path, 0700) == 0 && chmod(chunks, 0770) == 0 &&
              refused(&x, "chmod 700") && chmod(chunks, 0700) == 0);

    tap_case("a link is refused, at the end of the path and for chunks/");
    TAP_CHECK(rename(chunks, other) == 0 && symlink(other, chunks) == 0 &&
              refused(&x, "link") && unlink(chunks) == 0 && rename(other, chunks) == 0);
    TAP_CHECK(rename(x.path, other) == 0 && symlink(other, x.path) == 0 && refused(&x, "link"));
    struct fixture slash = x;
    strncat(slash.path, "//", 3);
    TAP_CHECK(refused(&slash, "link"));
    TAP_CHECK(unlink(x.path) == 0 && rename(other, x.path) == 0);

    tap_case("a file and a place that can't be written to are refused");
    struct fixture file = x;
    snprintf(file.path, sizeof(file.path), "%s/file", x.top);
    close(open(file.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    TAP_CHECK(refused(&file, "file"));
    strncat(file.path, "/below", 7);
    TAP_CHECK(refused(&file, "can't make"));
    snprintf(file.path, sizeof(file.path), "/proc/ctxd");
    TAP_CHECK(refused(&file, "can't make"));

    tap_case("another user's directory is refused");
    if (geteuid() != 0)
        tap_skip("not root");
    else
        TAP_CHECK(chown(x.path, 12345, 0) == 0 && refused(&x, "12345") &&
                  chown(x.path, 0, 0) == 0 && chown(chunks, 12345, 0) == 0 &&
                  refused(&x, "12345") && chown(chunks, 0, 0) == 0);

    tap_case("and afterwards it is used as before");
    struct store *store = open_store(&x, &roomy, false);
    TAP_CHECK(store->usable && put_chunk(store, 1, 10) == 0);

    tap_case("a directory that is removed in use is made anew, with the same key");
    remove_all(x.path);
    TAP_CHECK(get_chunk(store, 1, 10) == MISSED);
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && get_chunk(store, 1, 10) == RIGHT &&
              is_there(&x, 1));
    struct store *second = open_store(&x, &roomy, false);
    TAP_CHECK(get_chunk(second, 1, 10) == RIGHT);
    store_close(second);
    remove_all(x.path);
    TAP_CHECK(put_chunk(store, 1, 10) == -ENOENT); /* once in a while only */
    store->next_heal_ns = 0;
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && is_there(&x, 1));
    store_close(store);
    teardown(&x);
}

static void test_bad_key(void)
{
    struct fixture x = setup();
    char key[160];
    snprintf(key, sizeof(key), "%s/key", x.path);
    tap_case(
        "a key that is short, long, readable by others or a link is replaced, with a word");
    for (size_t i = 0; i < 5; i++) {
        struct store *store = open_store(&x, &roomy, false);
        struct digest_key was = *store_key(store);
        TAP_CHECK(put_chunk(store, i, 10) == 0);
        store_close(store);
        char other[160];
        snprintf(other, sizeof(other), "%s/other", x.top);
        bool done = i == 0   ? truncate(key, 191) == 0
                    : i == 1 ? truncate(key, 193) == 0
                    : i == 2 ? truncate(key, 0) == 0
                    : i == 3 ? chmod(key, 0640) == 0
                             : rename(key, other) == 0 && symlink(other, key) == 0;
        TAP_CHECK(done);
        cleanup_notes struct notes notes = {0};
        store_open(x.path, &roomy, false, &notes, &store);
        TAP_CHECKF(store->usable && notes.n == 1, "%zu: %zu notes", i, notes.n);
        TAP_CHECK(memcmp(&was, store_key(store), sizeof(was)) != 0);
        TAP_CHECK(get_chunk(store, i, 10) == MISSED && stats_of(store).damaged == 1);
        store_close(store);
    }
    tap_case("a key that can't be replaced leaves the store unused");
    TAP_CHECK(unlink(key) == 0 && mkdir(key, 0700) == 0 && refused(&x, "key"));
    teardown(&x);
}

static void test_other_user(void)
{
    struct fixture a = setup(), b = setup();
    struct store *mine = open_store(&a, &roomy, false), *theirs = open_store(&b, &roomy, false);
    tap_case("a whole chunk that was made with another key is not believed");
    char from[160], to[160];
    TAP_CHECK(put_chunk(theirs, 4, 5000) == 0 && put_chunk(mine, 4, 5000) == 0);
    path_of(&b, 4, from), path_of(&a, 4, to);
    TAP_CHECK(rename(from, to) == 0);
    TAP_CHECK(get_chunk(mine, 4, 5000) == MISSED && !is_there(&a, 4));
    store_close(mine), store_close(theirs);
    teardown(&a), teardown(&b);
}

/* ---- damage --------------------------------------------------------------------------- */

/* Turns one bit over; the times stay. */
static bool damage(const char *path, off_t at)
{
    cleanup_fd int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    uint8_t byte;
    if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, &byte, 1, at) != 1)
        return false;
    byte ^= 0x10;
    return pwrite(fd, &byte, 1, at) == 1 &&
           futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) == 0;
}

static void test_damage(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char path[160];
    enum { LEN = 150000 };

    tap_case("a chunk with any one byte of its header changed is not found, and is removed");
    uint64_t n = 0;
    for (off_t at = 0; at < 104; at++) {
        path_of(&x, (size_t)at, path);
        TAP_CHECK(put_chunk(store, (size_t)at, LEN) == 0 && damage(path, at));
        TAP_CHECKF(get_chunk(store, (size_t)at, LEN) == MISSED, "byte %d", (int)at);
        TAP_CHECKF(!is_there(&x, (size_t)at) && stats_of(store).damaged == ++n, "byte %d",
                   (int)at);
    }
    tap_case("likewise of its packed bytes: first, last, at the edges of a block");
    static const off_t places[] = {104,         105,          104 + 65535,
                                   104 + 65536, 104 + 131072, 104 + LEN - 1};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        path_of(&x, i, path);
        TAP_CHECK(put_chunk(store, i, LEN) == 0 && damage(path, places[i]));
        TAP_CHECK(get_chunk(store, i, LEN) == MISSED && !is_there(&x, i) &&
                  stats_of(store).damaged == ++n);
    }
    tap_case("a chunk that is cut short, empty or too long is not found, and is removed");
    static const off_t lens[] = {0, 1, 103, 104, 105, 104 + LEN - 1, 104 + LEN + 1};
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        path_of(&x, i, path);
        TAP_CHECK(put_chunk(store, i, LEN) == 0 && truncate(path, lens[i]) == 0);
        TAP_CHECK(get_chunk(store, i, LEN) == MISSED && !is_there(&x, i) &&
                  stats_of(store).damaged == ++n);
    }
    tap_case("a whole chunk of another name, codec or level is not found under this one");
    for (size_t i = 0; i < 4; i++) {
        char from[160];
        struct store_name name = name_of(i);
        TAP_CHECK(put_chunk(store, i, LEN) == 0);
        path_of(&x, i, from);
        TAP_CHECK(put_chunk(store, i + 50, LEN) == 0);
        path_of(&x, i + 50, path);
        TAP_CHECK(rename(from, path) == 0 && get_chunk(store, i + 50, LEN) == MISSED &&
                  stats_of(store).damaged == ++n);
        if (name.codec == SEND_TAR)
            continue;
        TAP_CHECK(put_chunk(store, i, LEN) == 0);
        char below[STORE_PATH_MAX];
        name.level++;
        store_path(below, &name);
        snprintf(path, sizeof(path), "%s/chunks/%s", x.path, below);
        struct stored s;
        TAP_CHECK(rename(from, path) == 0 && !store_get(store, &name, &s) &&
                  stats_of(store).damaged == ++n);
    }
    store_close(store);
    teardown(&x);
}

static void test_foreign(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char path[160], other[160];
    snprintf(other, sizeof(other), "%s/other", x.top);
    tap_case("a FIFO, a link and a hard-to-open thing in a chunk's place are removed");
    for (size_t i = 0; i < 3; i++) {
        path_of(&x, i, path);
        TAP_CHECK(put_chunk(store, i, 100) == 0 && rename(path, other) == 0);
        bool made = i == 0   ? mkfifo(path, 0600) == 0
                    : i == 1 ? symlink(other, path) == 0
                             : symlink(path, path) == 0;
        TAP_CHECK(made && get_chunk(store, i, 100) == MISSED && !is_there(&x, i));
        TAP_CHECK(stats_of(store).damaged == i + 1);
        TAP_CHECK(put_chunk(store, i, 100) == 0 && get_chunk(store, i, 100) == RIGHT);
    }
    tap_case("a directory in a chunk's place is not found");
    path_of(&x, 0, path);
    TAP_CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    TAP_CHECK(get_chunk(store, 0, 100) == MISSED && put_chunk(store, 0, 100) == 0);

    tap_case("a link in a shard's place leads nowhere, not even to remove what is there");
    char shard[160];
    path_of(&x, 1, path);
    snprintf(shard, sizeof(shard), "%.*s", (int)(strrchr(path, '/') - path), path);
    unlink(other);
    TAP_CHECK(rename(shard, other) == 0 && symlink(other, shard) == 0);
    TAP_CHECK(get_chunk(store, 1, 100) == MISSED && access(path, F_OK) == 0);
    TAP_CHECK(put_chunk(store, 1, 100) == -ENOTDIR);

    tap_case("a file of another user in a chunk's place is removed");
    path_of(&x, 2, path);
    if (geteuid() != 0)
        tap_skip("not root");
    else
        TAP_CHECK(chown(path, 12345, 0) == 0 && get_chunk(store, 2, 100) == MISSED &&
                  !is_there(&x, 2));
    store_close(store);
    teardown(&x);
}

static void test_after_verification(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char path[160], other[160];
    tap_case("a chunk changed in place after it was verified, times set back, is found out");
    TAP_CHECK(put_chunk(store, 1, 5000) == 0 && get_chunk(store, 1, 5000) == RIGHT);
    path_of(&x, 1, path);
    TAP_CHECK(damage(path, 3000) && get_chunk(store, 1, 5000) == MISSED && !is_there(&x, 1));

    tap_case("so is one replaced by another file");
    TAP_CHECK(put_chunk(store, 1, 5000) == 0 && get_chunk(store, 1, 5000) == RIGHT);
    snprintf(other, sizeof(other), "%s/other", x.top);
    TAP_CHECK(rename(path, other) == 0 && put_chunk(store, 1, 5000) == 0 &&
              damage(path, 3000) && get_chunk(store, 1, 5000) == MISSED);
    TAP_CHECK(rename(other, path) == 0 && get_chunk(store, 1, 5000) == RIGHT);

    tap_case("one that is removed while held is read to its end");
    struct store_name name = name_of(1);
    struct stored s;
    if (TAP_CHECK(store_get(store, &name, &s))) {
        set_age(&x, 1, 8 * 86400);
        struct store *sweeper = open_store(&x, &roomy, false);
        TAP_CHECK(store_sweep(sweeper) == 8192 && !is_there(&x, 1));
        store_close(sweeper);
        TAP_CHECK(put_chunk(store, 1, 4000) == 0);
        TAP_CHECK(is_content(s.fd, 1, 5000));
        close(s.fd);
    }
    store_close(store);
    teardown(&x);
}

/* ---- limits --------------------------------------------------------------------------- */

static void test_last_use(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    struct stat was, is;
    char path[160];
    path_of(&x, 1, path);
    tap_case("a use is written down once an hour, and does not look like a change");
    TAP_CHECK(put_chunk(store, 1, 100) == 0);
    static const struct {
        time_t age;
        bool written;
    } ages[] = {{3700, true}, {3000, false}, {30 * 86400, true}, {-7200, true}, {-20, false}};
    for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
        set_age(&x, 1, ages[i].age);
        TAP_CHECK(stat(path, &was) == 0 && get_chunk(store, 1, 100) == RIGHT &&
                  stat(path, &is) == 0);
        time_t moved = is.st_atim.tv_sec - was.st_atim.tv_sec;
        TAP_CHECKF((moved != 0) == ages[i].written &&
                       (!ages[i].written || (moved >= ages[i].age && moved < ages[i].age + 60)),
                   "age %ld moved %ld", (long)ages[i].age, (long)moved);
        TAP_CHECK(is.st_mtim.tv_nsec == was.st_mtim.tv_nsec);
        struct store_name name = name_of(1);
        struct store_identity id = {
            .ino = is.st_ino,
            .mtime_ns = (int64_t)is.st_mtim.tv_sec * 1000000000 + is.st_mtim.tv_nsec,
            .ctime_ns = (int64_t)is.st_ctim.tv_sec * 1000000000 + is.st_ctim.tv_nsec};
        TAP_CHECK(store_seen_check(&store->seen, &name, &id));
    }
    store_close(store);
    teardown(&x);
}

/* n chunks of 3 pages; the i-th was used (i * 7 % n + 2) hours ago. */
static void put_aged(const struct fixture *x, size_t n)
{
    struct store *store = open_store(x, &roomy, false);
    for (size_t i = 0; i < n; i++) {
        TAP_CHECK(put_chunk(store, i, 8192) == 0);
        set_age(x, i, (time_t)(i * 7 % n + 2) * 3600);
    }
    store_close(store);
}

static void test_sweep(void)
{
    struct fixture x = setup();
    enum { N = 20, SIZE = 12288 };
    tap_case("a sweep by size removes the longest unused, and no more than it must");
    put_aged(&x, N);
    for (size_t keep = N + 1; keep-- > 0; keep -= keep > 4 ? 4 : 0) {
        struct store *store =
            open_store(&x, &(struct store_limits){keep * SIZE + 100, 86400}, false);
        uint64_t freed = store_sweep(store);
        TAP_CHECKF(freed % SIZE == 0, "%ju bytes", (uintmax_t)freed);
        for (size_t i = 0; i < N; i++)
            TAP_CHECKF(is_there(&x, i) == (i * 7 % N < keep), "chunk %zu of %zu kept", i, keep);
        struct store_stats stats = stats_of(store);
        TAP_CHECK(stats.n_chunks == keep && stats.bytes == keep * SIZE);
        store_close(store);
    }
    tap_case("a sweep by age removes what was unused for longer, whatever its size");
    put_aged(&x, N);
    struct store *store =
        open_store(&x, &(struct store_limits){1ull << 40, 9 * 3600 + 1800}, false);
    TAP_CHECK(store_sweep(store) == (N - 8) * SIZE);
    for (size_t i = 0; i < N; i++)
        TAP_CHECK(is_there(&x, i) == (i * 7 % N + 2 < 10));
    store_close(store);

    tap_case("what was used in the last minute stays: put, got here, or written down");
    store = open_store(&x, &(struct store_limits){0, 0}, false);
    remove_all(x.path);
    store_close(store);
    put_aged(&x, 4);
    store = open_store(&x, &(struct store_limits){5 * SIZE, 0}, false);
    TAP_CHECK(put_chunk(store, 10, 8192) == 0); /* sweeps, as nothing was counted yet */
    TAP_CHECK(is_there(&x, 10) && !is_there(&x, 0));
    store_close(store);
    put_aged(&x, 4);
    store = open_store(&x, &(struct store_limits){SIZE, 86400}, false);
    TAP_CHECK(get_chunk(store, 2, 8192) == RIGHT);
    set_age(&x, 2, 7200);
    set_age(&x, 3, 30);
    TAP_CHECK(store_sweep(store) == 2 * SIZE);
    TAP_CHECK(!is_there(&x, 0) && !is_there(&x, 1) && is_there(&x, 2) && is_there(&x, 3) &&
              is_there(&x, 10));

    tap_case("times in the future go first by size, and never by age");
    set_age(&x, 10, -86400);
    store_close(store);
    store = open_store(&x, &(struct store_limits){1 << 20, 3600}, false);
    TAP_CHECK(store_sweep(store) == SIZE && is_there(&x, 10) && is_there(&x, 3));
    store_close(store);
    store = open_store(&x, &(struct store_limits){SIZE, 3600}, false);
    TAP_CHECK(store_sweep(store) == SIZE && !is_there(&x, 10) && is_there(&x, 3));
    store_close(store);
    teardown(&x);
}

static void test_put_limits(void)
{
    struct fixture x = setup();
    enum { SIZE = 12288 };
    put_aged(&x, 90);
    tap_case("a put that would pass the limit sweeps first, and then has room for more");
    struct store *store = open_store(&x, &(struct store_limits){100 * SIZE, 30 * 86400}, false);
    size_t n = 90;
    while (n < 100)
        TAP_CHECK(put_chunk(store, n++, 8192) == 0);
    TAP_CHECK(stats_of(store).bytes == 100 * SIZE);
    TAP_CHECK(put_chunk(store, n, 8192) == -EDQUOT); /* the first put swept just now */
    atomic_store(&store->next_sweep_ns, 0);
    TAP_CHECK(put_chunk(store, n, 8192) == 0 && is_there(&x, n));
    TAP_CHECK(count_files(&x, "") == 1 + 88 && stats_of(store).n_chunks == 88);
    TAP_CHECK(stats_of(store).put_failures == 1);

    tap_case("a put that finds only what was used just now keeps nothing");
    for (size_t i = 0; i <= n; i++)
        set_age(&x, i, 1);
    int r = 0;
    while ((r = put_chunk(store, ++n, 8192)) == 0 && n < 200)
        ;
    atomic_store(&store->next_sweep_ns, 0);
    TAP_CHECK(r == -EDQUOT && put_chunk(store, n, 8192) == -EDQUOT);
    TAP_CHECK(stats_of(store).bytes == 100 * SIZE && count_files(&x, "") == 101);

    tap_case("a chunk larger than all the room is refused");
    store_close(store);
    store = open_store(&x, &(struct store_limits){SIZE, 86400}, false);
    TAP_CHECK(put_chunk(store, 500, 16384) == -EFBIG);
    store_close(store);
    teardown(&x);
}

static void test_temp(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    tap_case("unfinished files go when they are old, others of unknown names with their age");
    TAP_CHECK(put_chunk(store, 1, 100) == 0);
    char path[160], shard[160];
    path_of(&x, 1, path);
    snprintf(shard, sizeof(shard), "%.*s", (int)(strrchr(path, '/') - path), path);
    static const struct {
        bool top;
        const char *name;
        time_t age;
        bool stays;
    } files[] = {{false, ".tmp-1", 3000, true},    {false, ".tmp-2", 3700, false},
                 {true, ".tmp-3", 3000, true},     {true, ".tmp-4", 3700, false},
                 {true, "hashes.db", 1e8, true},   {false, "unknown", 8 * 86400, false},
                 {false, "newer", 6 * 86400, true}};
    for (int swept = 0; swept < 2; swept++) {
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
            snprintf(path, sizeof(path), "%s/%s", files[i].top ? x.path : shard, files[i].name);
            if (swept) {
                TAP_CHECKF((access(path, F_OK) == 0) == files[i].stays, "%s", files[i].name);
                continue;
            }
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
            struct timespec then;
            clock_gettime(CLOCK_REALTIME, &then);
            then.tv_sec -= files[i].age;
            TAP_CHECK(utimensat(AT_FDCWD, path, (struct timespec[]){then, then}, 0) == 0);
        }
        if (!swept)
            store_sweep(store);
    }
    TAP_CHECK(get_chunk(store, 1, 100) == RIGHT);
    store_close(store);
    teardown(&x);
}

/* Paths, lengths and all times of what is there. */
static struct digest128_state *listing;

static int list_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at, (void)type;
    const int64_t facts[] = {(int64_t)st->st_ino,
                             st->st_size,
                             st->st_mtim.tv_sec,
                             st->st_mtim.tv_nsec,
                             st->st_ctim.tv_sec,
                             st->st_ctim.tv_nsec,
                             S_ISDIR(st->st_mode) ? 0 : st->st_atim.tv_sec};
    digest128_add(listing, bytes_of(path));
    digest128_add(listing, bytes_at(facts, sizeof(facts)));
    return 0;
}

static struct digest128 list_all(const struct fixture *x)
{
    listing = digest128_new(NULL);
    nftw(x->top, list_one, 16, FTW_PHYS);
    struct digest128 all = digest128_end(listing);
    digest128_free(listing);
    return all;
}

static void test_read_only(void)
{
    struct fixture x = setup();
    tap_case("a reader where there is no store makes none, and has a quiet word");
    cleanup_notes struct notes notes = {0};
    struct store *store;
    struct digest128 before = list_all(&x);
    store_open(x.path, &roomy, true, &notes, &store);
    TAP_CHECK(!store->usable && notes.n == 1 && notes.at[0].level == NOTE_INFO);
    TAP_CHECK(get_chunk(store, 1, 100) == MISSED && put_chunk(store, 1, 100) == -ENODEV);
    store_close(store);
    struct digest128 after = list_all(&x);
    TAP_CHECK(digest128_equal(&before, &after));

    tap_case("a reader finds chunks and changes nothing: no use, no damage, no sweep");
    store = open_store(&x, &roomy, false);
    for (size_t i = 0; i < 6; i++) {
        TAP_CHECK(put_chunk(store, i, 5000) == 0);
        set_age(&x, i, 20 * 86400);
    }
    store_close(store);
    char path[160];
    path_of(&x, 5, path);
    TAP_CHECK(damage(path, 200));
    before = list_all(&x);
    store = open_store(&x, &(struct store_limits){1, 1}, true);
    for (size_t i = 0; i < 5; i++)
        TAP_CHECK(get_chunk(store, i, 5000) == RIGHT);
    TAP_CHECK(get_chunk(store, 5, 5000) == MISSED && get_chunk(store, 6, 5000) == MISSED);
    TAP_CHECK(put_chunk(store, 6, 5000) == -EROFS && store_sweep(store) == 0);
    TAP_CHECK(stats_of(store).damaged == 1 && stats_of(store).put_failures == 0);
    store_close(store);
    after = list_all(&x);
    TAP_CHECK(digest128_equal(&before, &after));
    teardown(&x);
}

/* ---- accidents ------------------------------------------------------------------------ */

/* In a process and mount namespace of its own. */
static void fill_tmpfs(void *context)
{
    struct fixture *x = context;
    int bad = 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", x->top, "tmpfs", 0, "size=1m,nr_inodes=600,mode=0700") < 0)
        _exit(77);
    for (int named = 0; named < 2; named++) {
        struct store *store = open_store(x, &roomy, false);
        store->no_tmpfile = named;
        size_t n = 0, refusals = 0;
        for (size_t i = 0; i < 40; i++) {
            int r = put_chunk(store, i, 50000);
            bad += !TAP_CHECKF(r == 0 || r == -ENOSPC, "put gives %d", r);
            n += r == 0, refusals += r < 0;
        }
        bad += !TAP_CHECKF(n > 10 && refusals > 10 && count_files(x, "") == n + 1,
                           "%zu put, %zu refused, %zu files", n, refusals, count_files(x, ""));
        for (size_t i = 0; i < 40; i++)
            bad += !TAP_CHECK(get_chunk(store, i, 50000) == (is_there(x, i) ? RIGHT : MISSED));
        bad += !TAP_CHECK(stats_of(store).damaged == 0 &&
                          stats_of(store).put_failures == refusals);
        remove_all(x->path);
        store_close(store);
    }
    /* Not one inode more. */
    struct store *store = open_store(x, &roomy, false);
    int r = 0;
    for (size_t i = 0; i < 1000 && r == 0; i++)
        r = put_chunk(store, i, 10);
    bad += !TAP_CHECKF(r == -ENOSPC && count_files(x, STORE_TEMP) == 0, "put gives %d", r);
    fflush(NULL);
    _exit(bad != 0);
}

static void test_disk_full(void)
{
    struct fixture x = setup();
    tap_case(
        "a full disk refuses puts, leaves nothing half there, and what was there is right");
    pid_t pid = start(fill_tmpfs, &x);
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        tap_skip("may not mount");
    else
        TAP_CHECK(status == 0);
    teardown(&x);
}

enum { KILLED_CHUNKS = 40, KILLED_LEN = 200000 };

static void put_for_ever(void *context)
{
    struct race *race = context;
    struct store *store = open_store(race->x, &roomy, false);
    store->no_tmpfile = race->named;
    for (size_t i = 0;; i++) {
        if (write(race->key_fd, "", 1) != 1)
            _exit(1);
        put_chunk(store, i % KILLED_CHUNKS, KILLED_LEN);
        if (i % 7 == 6) {
            char path[160];
            path_of(race->x, (i - 5) % KILLED_CHUNKS, path);
            unlink(path);
        }
    }
}

static void test_killed(void)
{
    struct fixture x = setup();
    tap_case("a writer killed 50 times leaves whole chunks and old unfinished files only");
    size_t n_right = 0, n_temp = 0;
    for (size_t round = 0; round < 50; round++) {
        int ticks[2];
        if (pipe2(ticks, O_CLOEXEC) < 0)
            abort();
        struct race race = {.x = &x, .key_fd = ticks[1], .named = round % 2};
        pid_t pid = start(put_for_ever, &race);
        close(ticks[1]);
        uint8_t got[64];
        TAP_CHECK(io_read_full(ticks[0], got, 1 + round) == (ssize_t)(1 + round));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(ticks[0]);
        struct store *store = open_store(&x, &roomy, false);
        TAP_CHECK(store->usable);
        for (size_t i = 0; i < KILLED_CHUNKS; i++) {
            enum got is = get_chunk(store, i, KILLED_LEN);
            TAP_CHECK(is == (is_there(&x, i) ? RIGHT : MISSED));
            n_right += is == RIGHT;
        }
        TAP_CHECK(stats_of(store).damaged == 0);
        size_t temps = count_files(&x, STORE_TEMP);
        TAP_CHECK(temps == 0 || race.named || n_temp > 0);
        n_temp += temps;
        store_close(store);
    }
    TAP_CHECKF(n_right > 500 && n_temp > 0, "%zu right, %zu unfinished", n_right, n_temp);
    struct store *store = open_store(&x, &roomy, false);
    char shard[160];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(shard, sizeof(shard), "%s/chunks/%02x", x.path, i);
        DIR *dir = opendir(shard);
        for (const struct dirent *d; dir && (d = readdir(dir));)
            if (bytes_starts(bytes_of(d->d_name), BYTES(STORE_TEMP)))
                utimensat(dirfd(dir), d->d_name, (struct timespec[2]){{0}, {0}}, 0);
        if (dir)
            closedir(dir);
    }
    TAP_CHECK(store_sweep(store) > 0 && count_files(&x, STORE_TEMP) == 0);
    store_close(store);
    teardown(&x);
}

/* ---- many at once --------------------------------------------------------------------- */

enum { BUSY_CHUNKS = 120, BUSY_LEN = 9000, BUSY_STEPS = 3000 };

struct busy {
    const struct fixture *x;
    struct store *store;
    uint64_t random;
    size_t wrong, right;
};

static void *be_busy(void *context)
{
    struct busy *busy = context;
    for (size_t step = 0; step < BUSY_STEPS; step++) {
        busy->random = busy->random * 6364136223846793005u + 1442695040888963407u;
        size_t i = (size_t)(busy->random >> 33) % BUSY_CHUNKS;
        unsigned what = (unsigned)(busy->random >> 58);
        int r = 0;
        if (what < 24) {
            r = put_chunk(busy->store, i, BUSY_LEN);
        } else if (what < 56) {
            enum got got = get_chunk(busy->store, i, BUSY_LEN);
            busy->wrong += got == WRONG;
            busy->right += got == RIGHT;
        } else if (what < 63) {
            set_age(busy->x, i, (time_t)(i + 1) * 3600);
        } else {
            store_sweep(busy->store);
        }
        busy->wrong += r < 0 && r != -EDQUOT;
    }
    return NULL;
}

static void run_busy(void *context)
{
    const struct fixture *x = context;
    /* Half of them fit. */
    struct store *store =
        open_store(x, &(struct store_limits){BUSY_CHUNKS / 2 * 12288, 80 * 3600}, false);
    struct busy busy[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        busy[i] = (struct busy){.x = x, .store = store, .random = (uint64_t)getpid() * 8 + i};
        if (pthread_create(&threads[i], NULL, be_busy, &busy[i]) != 0)
            _exit(1);
    }
    size_t wrong = 0, right = 0;
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        wrong += busy[i].wrong, right += busy[i].right;
    }
    struct store_stats stats = stats_of(store);
    bool well = wrong == 0 && right > 100 && stats.damaged == 0 && stats.puts > 100 &&
                stats.hits == right;
    if (!well)
        printf("# %zu wrong, %zu right, %ju damaged, %ju puts\n", wrong, right,
               (uintmax_t)stats.damaged, (uintmax_t)stats.puts);
    store_close(store);
    fflush(NULL);
    if (!well)
        _exit(1);
}

static void test_at_once(void)
{
    struct fixture x = setup();
    tap_case(
        "four threads in each of two processes put, get, age and sweep without a wrong byte");
    pid_t other = start(run_busy, &x), one = start(run_busy, &x);
    TAP_CHECK(ended_well(one));
    TAP_CHECK(ended_well(other));
    TAP_CHECK(count_files(&x, STORE_TEMP) == 0);
    struct store *store = open_store(&x, &roomy, false);
    for (size_t i = 0; i < BUSY_CHUNKS; i++)
        TAP_CHECK(get_chunk(store, i, BUSY_LEN) == (is_there(&x, i) ? RIGHT : MISSED));
    store_close(store);
    teardown(&x);
}

int main(void)
{
    test_round_trip();
    test_names();
    test_seen();
    test_key_race();
    test_directory();
    test_bad_key();
    test_other_user();
    test_damage();
    test_foreign();
    test_after_verification();
    test_last_use();
    test_sweep();
    test_put_limits();
    test_temp();
    test_read_only();
    test_disk_full();
    test_killed();
    test_at_once();
    return tap_end();
}
