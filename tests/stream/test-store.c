/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk store: what it keeps, damage that it finds, and readers beside a daemon. */
#include "scratch.h"
#include "store-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

/* ---- keeping ----------------------------------------------------------------------------- */

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

/* Of the paths, lengths and times of all files. */
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
    test_other_user();
    test_damage();
    test_foreign();
    test_after_verification();
    test_read_only();
    return tap_end();
}
