/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk store: what it is for, its directory and key, and what is not believed. */
#include "scratch.h"
#include "store-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

/* ---- what it is for --------------------------------------------------------------------- */

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
    char path[PATH_ROOM];
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

static void test_publish(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (int named = 0; named < 2; named++) {
        tap_case("a new file is whole or not there, and never takes another's place%s",
                 named ? ", without O_TMPFILE" : "");
        store->no_tmpfile = named;
        const char *file = named ? "b" : "a";
        cleanup_buf struct buf text = BUF(100);
        TAP_CHECK(store_publish(store, store->dir_fd, file, BYTES("one"), BYTES("1"), false) ==
                  0);
        TAP_CHECK(store_publish(store, store->dir_fd, file, BYTES("two"), BYTES(""), true) ==
                  -EEXIST);
        TAP_CHECK(io_read_file(store->dir_fd, file, &text) == 0);
        TAP_EQUAL(buf_bytes(&text), BYTES("one1"));
        TAP_CHECK(store_publish(store, store->dir_fd, name, BYTES("one"), BYTES(""), false) ==
                  -ENAMETOOLONG);
        TAP_CHECK(count_files(&x, STORE_TEMP) == 0 && store->no_tmpfile == named);
    }
    store_close(store);
    teardown(&x);
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

/* ---- directories and keys --------------------------------------------------------------- */

struct race {
    const struct fixture *x;
    int go_fd, key_fd;
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
    store_close(store);
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
        close(keys[1]);
        uint8_t got[4][192];
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
            TAP_CHECK(ended_well(pids[i]));
        TAP_CHECK(io_read_full(keys[0], got, sizeof(got)) == (ssize_t)sizeof(got));
        for (size_t i = 1; i < 4; i++)
            TAP_EQUAL(bytes_at(got[i], 192), bytes_at(got[0], 192));
        TAP_CHECK(count_files(&x, "") == 1);
        close(go[0]), close(keys[0]);
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
    char other[PATH_ROOM], chunks[PATH_ROOM];
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
    scratch_remove(x.path);
    TAP_CHECK(get_chunk(store, 1, 10) == MISSED);
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && get_chunk(store, 1, 10) == RIGHT &&
              is_there(&x, 1));
    struct store *second = open_store(&x, &roomy, false);
    TAP_CHECK(get_chunk(second, 1, 10) == RIGHT);
    store_close(second);
    scratch_remove(x.path);
    TAP_CHECK(put_chunk(store, 1, 10) == -ENOENT); /* once in a while only */
    store->next_heal_ns = 0;
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && is_there(&x, 1));
    store_close(store);
    teardown(&x);
}

static void test_bad_key(void)
{
    struct fixture x = setup();
    char key[PATH_ROOM];
    snprintf(key, sizeof(key), "%s/key", x.path);
    tap_case(
        "a key that is short, long, readable by others or a link is replaced, with a word");
    for (size_t i = 0; i < 5; i++) {
        struct store *store = open_store(&x, &roomy, false);
        struct digest_key was = *store_key(store);
        TAP_CHECK(put_chunk(store, i, 10) == 0);
        store_close(store);
        char other[PATH_ROOM];
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
    struct store *store = open_store(&x, &roomy, false);
    TAP_CHECK(put_chunk(store, 1, 10) == 0);
    store_close(store);
    TAP_CHECK(unlink(key) == 0 && mkdir(key, 0700) == 0 && refused(&x, "key") &&
              is_there(&x, 1));
    teardown(&x);
}

static void test_other_user(void)
{
    struct fixture a = setup(), b = setup();
    struct store *mine = open_store(&a, &roomy, false), *theirs = open_store(&b, &roomy, false);
    tap_case("a whole chunk that was made with another key is not believed");
    char from[PATH_ROOM], to[PATH_ROOM];
    TAP_CHECK(put_chunk(theirs, 4, 5000) == 0 && put_chunk(mine, 4, 5000) == 0);
    path_of(&b, 4, from), path_of(&a, 4, to);
    TAP_CHECK(rename(from, to) == 0);
    TAP_CHECK(get_chunk(mine, 4, 5000) == MISSED && !is_there(&a, 4));
    store_close(mine), store_close(theirs);
    teardown(&a), teardown(&b);
}

/* ---- damage ----------------------------------------------------------------------------- */

static void test_damage(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char path[PATH_ROOM];
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
        char from[PATH_ROOM];
        struct store_name name = name_of(i);
        TAP_CHECK(put_chunk(store, i, LEN) == 0);
        path_of(&x, i, from);
        TAP_CHECK(put_chunk(store, i + 51, LEN) == 0);
        path_of(&x, i + 51, path);
        TAP_CHECK(rename(from, path) == 0 && get_chunk(store, i + 51, LEN) == MISSED &&
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
        name.level--;
        name.codec = name.codec == SEND_GZIP ? SEND_ZSTD : SEND_GZIP;
        store_path(below, &name);
        snprintf(path, sizeof(path), "%s/chunks/%s", x.path, below);
        TAP_CHECK(put_chunk(store, i, LEN) == 0 && rename(from, path) == 0 &&
                  !store_get(store, &name, &s) && stats_of(store).damaged == ++n);
    }
    store_close(store);
    teardown(&x);
}

static void test_foreign(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char path[PATH_ROOM], other[PATH_ROOM];
    snprintf(other, sizeof(other), "%s/other", x.top);
    tap_case("a FIFO, a link, one to itself and a socket in a chunk's place are removed");
    for (size_t i = 0; i < 4; i++) {
        path_of(&x, i, path);
        TAP_CHECK(put_chunk(store, i, 100) == 0 && rename(path, other) == 0);
        bool made = i == 0   ? mkfifo(path, 0600) == 0
                    : i == 1 ? symlink(other, path) == 0
                    : i == 2 ? symlink(path, path) == 0
                             : mknod(path, S_IFSOCK | 0600, 0) == 0;
        TAP_CHECK(made && get_chunk(store, i, 100) == MISSED && !is_there(&x, i));
        TAP_CHECK(stats_of(store).damaged == i + 1);
        TAP_CHECK(put_chunk(store, i, 100) == 0 && get_chunk(store, i, 100) == RIGHT);
    }
    tap_case("a directory in a chunk's place is not found");
    path_of(&x, 0, path);
    TAP_CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    TAP_CHECK(get_chunk(store, 0, 100) == MISSED && put_chunk(store, 0, 100) == 0);

    tap_case("a link in a shard's place leads nowhere, not even to remove what is there");
    char shard[PATH_ROOM];
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
    char path[PATH_ROOM], other[PATH_ROOM];
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

/* ---- readers ---------------------------------------------------------------------------- */

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

    tap_case("nor where there is an empty directory");
    char above[PATH_ROOM];
    snprintf(above, sizeof(above), "%s/a", x.top);
    TAP_CHECK(mkdir(above, 0700) == 0 && mkdir(x.path, 0700) == 0);
    before = list_all(&x);
    store = open_store(&x, &roomy, true);
    TAP_CHECK(!store->usable && get_chunk(store, 1, 100) == MISSED);
    store_close(store);
    after = list_all(&x);
    TAP_CHECK(digest128_equal(&before, &after));

    tap_case("a reader finds chunks and changes nothing: no use, no damage, no sweep");
    store = open_store(&x, &roomy, false);
    for (size_t i = 0; i < 6; i++) {
        TAP_CHECK(put_chunk(store, i, 5000) == 0);
        set_age(&x, i, 20 * 86400);
    }
    store_close(store);
    char path[PATH_ROOM];
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

int main(void)
{
    test_round_trip();
    test_names();
    test_publish();
    test_seen();
    test_key_race();
    test_directory();
    test_bad_key();
    test_other_user();
    test_damage();
    test_foreign();
    test_after_verification();
    test_read_only();
    return tap_end();
}
