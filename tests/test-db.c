/* SPDX-License-Identifier: Apache-2.0 */
/* The hash database: what it promises while it works, and what it makes of every bad file. */
#include "hashdb.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The queue's maximum, from hashdb/db-priv.h, which no other room sees. */
#define QUEUE_MAX 65536

static const struct bytes root = {(const uint8_t *)"/src/app", 8};

/* ---- fixtures ------------------------------------------------------------------------------
 */

struct fixture {
    char dir[64];
    char path[128]; /* of hashes.db */
    struct notes notes;
    struct hashdb *db;
    int64_t tree;
};

static void reopen(struct fixture *x)
{
    hashdb_close(x->db);
    hashdb_open(x->dir, &x->notes, &x->db);
    x->tree = hashdb_tree(x->db, root, 1, 2);
}

static struct fixture setup(void)
{
    struct fixture x = {.dir = "/tmp/ctxd-db-XXXXXX"};
    if (!mkdtemp(x.dir))
        abort();
    snprintf(x.path, sizeof(x.path), "%s/hashes.db", x.dir);
    reopen(&x);
    return x;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void teardown(struct fixture *x)
{
    hashdb_close(x->db);
    notes_release(&x->notes);
    nftw(x->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file, and a hash that can only be that file's: each made of nothing but its number. */
static struct stat_identity file(uint64_t n)
{
    return (struct stat_identity){.dev = 0xfd00 + n % 2,
                                  .ino = n,
                                  .size = n * 3,
                                  .mtime_ns = (int64_t)(1700000000000000000u + n),
                                  .ctime_ns = (int64_t)(1700000000000000007u + n),
                                  .mode = S_IFREG | 0644};
}

static struct content_hash hash(uint64_t n)
{
    struct content_hash h = {.xxh = digest128(bytes_at(&n, sizeof(n))), .has_sha = n % 3 == 0};
    if (h.has_sha)
        memset(h.sha.at, (int)(n % 251) + 1, sizeof(h.sha.at));
    return h;
}

static bool is_hash(const struct content_hash *h, uint64_t n)
{
    struct content_hash want = hash(n);
    return digest128_equal(&h->xxh, &want.xxh) && h->has_sha == want.has_sha &&
           (!h->has_sha || sha256_equal(&h->sha, &want.sha));
}

static void put(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    struct content_hash h = hash(n);
    hashdb_put(x->db, x->tree, &id, &h);
}

static void put_many(struct fixture *x, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++)
        put(x, n);
    hashdb_sync(x->db);
}

static void forget(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    hashdb_void(x->db, x->tree, id.dev, id.ino);
}

static bool known_as(struct fixture *x, const struct stat_identity *id, uint64_t n)
{
    struct content_hash h;
    bool known = hashdb_get(x->db, x->tree, id, &h);
    if (known)
        TAP_CHECKF(is_hash(&h, n), "file %llu has a hash that was never put",
                   (unsigned long long)n);
    return known;
}

/* Both ways to ask must agree. */
static bool knows(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    bool known = known_as(x, &id, n);
    struct hashes *all = hashdb_load(x->db, x->tree);
    struct content_hash h;
    bool loaded = hashes_get(all, &id, &h);
    hashes_free(all);
    TAP_CHECKF(loaded == known && (!loaded || is_hash(&h, n)),
               "file %llu: hashdb_get says %d, hashdb_load %d", (unsigned long long)n, known,
               loaded);
    return known;
}

static size_t count_known(struct fixture *x, uint64_t from, uint64_t to)
{
    struct hashes *all = hashdb_load(x->db, x->tree);
    size_t known = 0;
    for (uint64_t n = from; n < to; n++) {
        struct stat_identity id = file(n);
        struct content_hash h;
        bool there = hashes_get(all, &id, &h);
        known += there;
        if (there && !is_hash(&h, n))
            TAP_CHECKF(false, "file %llu has a hash that was never put", (unsigned long long)n);
    }
    hashes_free(all);
    return known;
}

static struct hashdb_stats stats(struct fixture *x)
{
    struct hashdb_stats s;
    hashdb_stats(x->db, &s);
    return s;
}

/* A connection past all of our code, as another program's. */
static sqlite3 *raw_open(const char *path)
{
    sqlite3 *raw;
    if (sqlite3_open(path, &raw) != SQLITE_OK)
        abort();
    return raw;
}

static void raw_run(const char *path, const char *sql)
{
    sqlite3 *raw = raw_open(path);
    char *why = NULL;
    if (!TAP_CHECKF(sqlite3_exec(raw, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why))
        sqlite3_free(why);
    sqlite3_close(raw);
}

static int64_t raw_number(const char *path, const char *sql)
{
    sqlite3 *raw = raw_open(path);
    sqlite3_stmt *row = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(raw, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(raw);
    return number;
}

/* Files of the directory whose name begins and ends so; the last one's name into name[256]. */
static size_t count_names(const char *dir, const char *start, const char *end, char *name)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    if (!d)
        return 0;
    for (const struct dirent *entry; (entry = readdir(d));)
        if (bytes_starts(bytes_of(entry->d_name), bytes_of(start)) &&
            bytes_ends(bytes_of(entry->d_name), bytes_of(end))) {
            n++;
            if (name)
                snprintf(name, 256, "%s", entry->d_name);
        }
    closedir(d);
    return n;
}

static bool noted(const struct fixture *x, const char *text)
{
    for (size_t i = 0; i < x->notes.n; i++)
        if (memmem(x->notes.at[i].text.at, x->notes.at[i].text.len, text, strlen(text)))
            return true;
    return false;
}

static void write_file(const char *path, off_t at, const void *data, size_t len)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || lseek(fd, at, SEEK_SET) < 0 || io_write_full(fd, data, len) < 0)
        abort();
}

static void scribble(const char *path, off_t from, off_t to)
{
    uint8_t noise[4096];
    for (off_t at = from; at < to; at += (off_t)sizeof(noise)) {
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)((uint64_t)(at + (off_t)i + 1) * 0x9e3779b97f4a7c15u >> 56);
        write_file(path, at, noise,
                   to - at < (off_t)sizeof(noise) ? (size_t)(to - at) : sizeof(noise));
    }
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* ---- what it keeps
 * --------------------------------------------------------------------------- */

static void test_round_trip(void)
{
    struct fixture x = setup();
    tap_case("what was put is known at once, after a commit and in the next process's life");
    put(&x, 3);
    put(&x, 4);
    TAP_CHECK(knows(&x, 3) && knows(&x, 4) && !knows(&x, 5));
    hashdb_sync(x.db);
    TAP_CHECK(knows(&x, 3) && knows(&x, 4) && !knows(&x, 5));
    TAP_CHECK(raw_number(x.path, "SELECT count(*) FROM files") == 2);
    put(&x, 5);
    reopen(&x);
    TAP_CHECK(knows(&x, 3) && knows(&x, 4) && knows(&x, 5) && x.notes.n == 0);

    tap_case(
        "a tree has the same number in each process, and knows nothing of another's files");
    int64_t other = hashdb_tree(x.db, root, 1, 3);
    TAP_CHECK(other != x.tree && other > 0 && x.tree == hashdb_tree(x.db, root, 1, 2));
    TAP_CHECK(hashdb_tree(x.db, BYTES("/src"), 1, 2) != x.tree);
    struct stat_identity id = file(3);
    struct content_hash h = hash(3);
    TAP_CHECK(!hashdb_get(x.db, other, &id, &h));

    tap_case(
        "the largest and the smallest numbers that a stat can have come back as they were");
    struct stat_identity odd = {.dev = UINT64_MAX,
                                .ino = UINT64_MAX,
                                .size = UINT64_MAX,
                                .mtime_ns = INT64_MIN,
                                .ctime_ns = INT64_MAX,
                                .mode = UINT32_MAX};
    hashdb_put(x.db, x.tree, &odd, &h);
    struct stat_identity none = {.mtime_ns = -1};
    hashdb_put(x.db, x.tree, &none, &h);
    reopen(&x);
    TAP_CHECK(known_as(&x, &odd, 3) && known_as(&x, &none, 3));
    struct hashes *all = hashdb_load(x.db, x.tree);
    TAP_CHECK(hashes_get(all, &odd, &h) && hashes_get(all, &none, &h));
    hashes_free(all);

    tap_case("the file is its owner's alone, whatever the umask");
    struct stat st;
    TAP_CHECK(stat(x.path, &st) == 0 && (st.st_mode & 07777) == 0600);
    TAP_CHECK(raw_number(x.path, "PRAGMA journal_mode = wal") == 0 &&
              raw_number(x.path, "PRAGMA application_id") == 0x63747868 &&
              raw_number(x.path, "PRAGMA user_version") == 1);
    teardown(&x);
}

static void test_identity(void)
{
    struct fixture x = setup();
    put(&x, 7);
    put_many(&x, 8, 9);
    for (int queued = 1; queued >= 0; queued--) {
        tap_case("a stat that differs in any one field gets no hash, %s",
                 queued ? "while the put waits" : "once it is committed");
        if (queued)
            put(&x, 7);
        for (int field = 0; field < 6; field++) {
            struct stat_identity id = file(7);
            id.dev += field == 0;
            id.ino += field == 1 ? 1000 : 0;
            id.size += field == 2;
            id.mtime_ns += field == 3;
            id.ctime_ns -= field == 4;
            id.mode ^= field == 5 ? 0111 : 0;
            struct hashes *all = hashdb_load(x.db, x.tree);
            struct content_hash h;
            TAP_CHECKF(!known_as(&x, &id, 7) && !hashes_get(all, &id, &h), "field %d", field);
            hashes_free(all);
        }
        hashdb_sync(x.db);
    }
    tap_case("a newer stat of a file takes the older one's place");
    struct stat_identity newer = file(7);
    newer.ctime_ns++;
    struct content_hash h = hash(8);
    hashdb_put(x.db, x.tree, &newer, &h);
    TAP_CHECK(!knows(&x, 7) && known_as(&x, &newer, 8));
    reopen(&x);
    TAP_CHECK(!knows(&x, 7) && known_as(&x, &newer, 8));
    teardown(&x);
}

static void test_void(void)
{
    struct fixture x = setup();
    tap_case("a void holds at once, over what waits and over what is committed");
    put_many(&x, 0, 10);
    forget(&x, 1);
    put(&x, 11);
    forget(&x, 11);
    TAP_CHECK(!knows(&x, 1) && !knows(&x, 11) && knows(&x, 2));
    hashdb_sync(x.db);
    TAP_CHECK(!knows(&x, 1) && !knows(&x, 11) && knows(&x, 2));

    tap_case("puts and voids of one file count in their order");
    forget(&x, 3);
    put(&x, 3);
    forget(&x, 4);
    put(&x, 4);
    forget(&x, 4);
    TAP_CHECK(knows(&x, 3) && !knows(&x, 4));
    reopen(&x);
    TAP_CHECK(knows(&x, 3) && !knows(&x, 4) && count_known(&x, 0, 20) == 8);

    tap_case("so they do for 10,000 files at random, against a list kept beside");
    static bool want[10000];
    uint64_t random = 42;
    for (int i = 0; i < 60000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t n = 1000 + (random >> 33) % ARRAY_SIZE(want);
        want[n - 1000] = random >> 62 != 0;
        if (want[n - 1000])
            put(&x, n);
        else
            forget(&x, n);
        if (i % 20000 == 9999)
            hashdb_sync(x.db);
    }
    size_t wrong = 0, n_known = 0;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct stat_identity id = file(1000 + i);
        wrong += known_as(&x, &id, 1000 + i) != want[i];
        n_known += want[i];
    }
    TAP_CHECK(wrong == 0 && count_known(&x, 1000, 1000 + ARRAY_SIZE(want)) == n_known);
    reopen(&x);
    TAP_CHECK(count_known(&x, 1000, 1000 + ARRAY_SIZE(want)) == n_known);
    teardown(&x);
}

struct told {
    size_t n;
    char text[256];
    struct hashdb *db;
};

static void tell(void *context, struct bytes key, struct bytes value)
{
    struct told *told = context;
    told->n++;
    size_t len = strlen(told->text);
    snprintf(told->text + len, sizeof(told->text) - len, "%.*s=%.*s;", BYTES_ARG(key),
             BYTES_ARG(value));
    /* As hashdb.h allows. */
    if (hashdb_set(told->db, key, &value) < 0)
        told->n = 1000;
}

static void test_settings(void)
{
    struct fixture x = setup();
    tap_case("settings outlive the process, by prefix and in order, empty ones too");
    struct bytes one = BYTES("1"), two = BYTES("22"), empty = BYTES("");
    TAP_CHECK(hashdb_set(x.db, BYTES("view/b"), &two) == 0 &&
              hashdb_set(x.db, BYTES("view/a"), &two) == 0 &&
              hashdb_set(x.db, BYTES("view/a"), &one) == 0 &&
              hashdb_set(x.db, BYTES("view/c"), &empty) == 0 &&
              hashdb_set(x.db, BYTES("view/d"), &one) == 0 &&
              hashdb_set(x.db, BYTES("view/d"), NULL) == 0 &&
              hashdb_set(x.db, BYTES("vieux"), &one) == 0 &&
              hashdb_set(x.db, BYTES(""), &one) == 0);
    reopen(&x);
    struct told told = {.db = x.db};
    hashdb_each(x.db, BYTES("view/"), tell, &told);
    TAP_EQUAL(bytes_of(told.text), BYTES("view/a=1;view/b=22;view/c=;"));
    struct told all = {.db = x.db};
    hashdb_each(x.db, BYTES(""), tell, &all);
    TAP_CHECK(all.n == 5);

    tap_case("a setting past its maximum is refused");
    static const uint8_t large[(1 << 20) + 1];
    struct bytes too_large = bytes_at(large, sizeof(large));
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &too_large) == -E2BIG &&
              hashdb_set(x.db, bytes_at(large, 4097), &one) == -E2BIG);
    teardown(&x);
}

static void test_prune(void)
{
    struct fixture x = setup();
    put_many(&x, 0, 100);
    int64_t old = hashdb_tree(x.db, BYTES("/src/old"), 9, 9);
    struct stat_identity id = file(1);
    struct content_hash h = hash(1);
    hashdb_put(x.db, old, &id, &h);
    hashdb_sync(x.db);
    reopen(&x); /* so that this process does not use the old one */
    hashdb_sync(x.db);

    tap_case("a tree that was unused for too long is dropped with its files, others stay");
    hashdb_prune(x.db, 3600, 0);
    TAP_CHECK(stats(&x).n_trees == 2 && hashdb_get(x.db, old, &id, &h));
    raw_run(x.path, "UPDATE trees SET last_used = last_used - 7200");
    hashdb_prune(x.db, 3600, 0); /* this process uses x.tree, whatever the file says */
    TAP_CHECK(stats(&x).n_trees == 1 && !hashdb_get(x.db, old, &id, &h));
    TAP_CHECK(stats(&x).n_files == 100 && count_known(&x, 0, 100) == 100);

    tap_case("a put after a prune makes its tree known again");
    hashdb_prune(x.db, -10, 0);
    TAP_CHECK(stats(&x).n_trees == 0 && stats(&x).n_files == 0);
    put_many(&x, 5, 6);
    TAP_CHECK(stats(&x).n_trees == 1 && knows(&x, 5));

    tap_case("past a size the longest unused trees go, and the file shrinks");
    put_many(&x, 0, 20000);
    int64_t next = hashdb_tree(x.db, BYTES("/src/next"), 9, 9);
    hashdb_put(x.db, next, &id, &h);
    hashdb_sync(x.db);
    raw_run(x.path, "UPDATE trees SET last_used = last_used - 60 WHERE path <> x'"
                    "2f7372632f6e657874'");
    raw_run(x.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    off_t before = size_of(x.path);
    hashdb_prune(x.db, INT64_MAX, 100000);
    raw_run(x.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    TAP_CHECK(stats(&x).n_trees == 1 && stats(&x).n_files == 1 &&
              hashdb_get(x.db, next, &id, &h));
    TAP_CHECKF(size_of(x.path) < before / 10, "%lld of %lld bytes", (long long)size_of(x.path),
               (long long)before);
    TAP_CHECK(stats(&x).file_bytes >= (uint64_t)size_of(x.path));

    tap_case("a put for a tree that nobody asked for is dropped, and counted");
    hashdb_put(x.db, 12345, &id, &h);
    TAP_CHECK(stats(&x).n_dropped == 1 && !hashdb_get(x.db, 12345, &id, &h));
    teardown(&x);
}

/* ---- bad rows and files
 * ------------------------------------------------------------------------ */

static void test_bad_rows(void)
{
    static const char *const damage[] = {
        "UPDATE files SET xxh = x'00' WHERE ino = 10",
        "UPDATE files SET xxh = zeroblob(17) WHERE ino = 11",
        "UPDATE files SET sha = zeroblob(31) WHERE ino = 12",
        "UPDATE files SET sha = zeroblob(32) WHERE ino = 13", /* has none */
        "UPDATE files SET sha = NULL WHERE ino = 15",         /* has one */
        "UPDATE files SET xxh = zeroblob(16) WHERE ino = 16",
        "UPDATE files SET xxh = 'sixteen letters.' WHERE ino = 17",
        "UPDATE files SET sum = sum + 1 WHERE ino = 18",
        "UPDATE files SET sum = 'text' WHERE ino = 19",
        "UPDATE files SET mtime_ns = mtime_ns + 1 WHERE ino = 20",
        "UPDATE files SET size = 'large' WHERE ino = 21",
        "UPDATE files SET mode = mode + 4294967296 WHERE ino = 22",
        /* A row that is another one's, whole: */
        "UPDATE files SET ino = 1000023 WHERE ino = 23",
        "UPDATE files SET tree = tree + 1 WHERE ino = 24",
    };
    struct fixture x = setup();
    put_many(&x, 0, 100);
    for (size_t i = 0; i < ARRAY_SIZE(damage); i++)
        raw_run(x.path, damage[i]);
    tap_case("a row of wrong types, sizes or content is no row");
    TAP_CHECK(count_known(&x, 0, 100) == 100 - ARRAY_SIZE(damage));
    for (uint64_t n = 10; n < 25; n++)
        TAP_CHECKF(knows(&x, n) == (n == 14), "file %llu", (unsigned long long)n);
    struct stat_identity id = file(23);
    id.ino = 1000023;
    TAP_CHECK(!known_as(&x, &id, 23));
    id = file(22); /* as it would be if 64 bits were cut to 32 */
    TAP_CHECK(!known_as(&x, &id, 22));
    teardown(&x);
}

enum bad {
    BAD_NOISE,
    BAD_TEXT,
    BAD_EMPTY,
    BAD_SHORT,
    BAD_CUT,
    BAD_SCHEMA,
    BAD_COLUMN,
    BAD_OTHER_PROGRAM,
    BAD_NEWER,
    BAD_OLDER,
    BAD_OWNER,
    BAD_N
};
static const char *const bad_names[] = {
    "random bytes",
    "text",
    "no byte",
    "half a header",
    "its second half cut off",
    "random bytes in its second page",
    "a column missing",
    "another program's tables",
    "a newer version's format",
    "an older version's format",
    "another owner",
};

static void make_bad(const struct fixture *x, enum bad bad)
{
    off_t size = size_of(x->path);
    switch (bad) {
    case BAD_NOISE:
        scribble(x->path, 0, size);
        return;
    case BAD_TEXT:
        write_file(x->path, 0, "SQLite format 4\n", 16);
        return;
    case BAD_EMPTY:
    case BAD_SHORT:
    case BAD_CUT:
        if (truncate(x->path, bad == BAD_EMPTY ? 0 : bad == BAD_SHORT ? 50 : size / 2) < 0)
            abort();
        return;
    case BAD_SCHEMA:
        scribble(x->path, 100, 4096);
        return;
    case BAD_COLUMN:
        raw_run(x->path, "ALTER TABLE files DROP COLUMN sum");
        return;
    case BAD_OTHER_PROGRAM:
        remove(x->path);
        raw_run(x->path, "CREATE TABLE bookmarks(url); INSERT INTO bookmarks VALUES('x')");
        return;
    case BAD_NEWER:
        raw_run(x->path, "PRAGMA user_version = 2");
        return;
    case BAD_OLDER:
        raw_run(x->path, "PRAGMA user_version = 0");
        return;
    case BAD_OWNER:
        if (chown(x->path, 12345, 12345) < 0)
            abort();
        return;
    case BAD_N:
        return;
    }
}

static void test_set_aside(void)
{
    for (enum bad bad = 0; bad < BAD_N; bad++) {
        tap_case("a file with %s is set aside with a word, and made anew", bad_names[bad]);
        if (bad == BAD_OWNER && geteuid() != 0) {
            tap_skip("only root can give a file away");
            continue;
        }
        struct fixture x = setup();
        char old[256];
        snprintf(old, sizeof(old), "%s.damaged-20010101T000000Z", x.path);
        write_file(old, 0, "older", 5);
        put_many(&x, 0, 1000);
        hashdb_close(steal(&x.db));
        make_bad(&x, bad);
        off_t size = size_of(x.path);
        /* What belongs to the bad file must not be taken for the new one's. */
        snprintf(old, sizeof(old), "%s-wal", x.path);
        write_file(old, 0, "not a log", 9);
        reopen(&x);
        char name[256] = "", path[512];
        TAP_CHECKF(x.notes.n == 1 && noted(&x, "hashes.db.damaged-"), "%zu notes: %s",
                   x.notes.n, x.notes.n ? (const char *)x.notes.at[0].text.at : "");
        TAP_CHECK(stats(&x).usable && stats(&x).n_files == 0 && stats(&x).n_set_aside == 0);
        TAP_CHECK(count_names(x.dir, "hashes.db.damaged-", "Z", name) == 1);
        TAP_CHECK(strcmp(name, "hashes.db.damaged-20010101T000000Z") != 0);
        snprintf(path, sizeof(path), "%s/%s", x.dir, name);
        TAP_CHECKF(size_of(path) == size, "%lld bytes", (long long)size_of(path));
        put_many(&x, 0, 10);
        reopen(&x);
        TAP_CHECK(x.notes.n == 1 && count_known(&x, 0, 1000) == 10);
        if (x.notes.n)
            printf("# %.*s\n", BYTES_ARG(x.notes.at[0].text));
        teardown(&x);
    }
}

/* A copy of database and log as a killed process would leave them. */
static void copy_file(const char *from, const char *to)
{
    cleanup_buf struct buf all = BUF(1 << 28);
    if (io_read_file(AT_FDCWD, from, &all) < 0)
        return;
    remove(to);
    write_file(to, 0, all.at, all.len);
}

static void test_bad_log(void)
{
    static const char *const what[] = {"random bytes", "random bytes at its end",
                                       "its end cut off", "another database's log",
                                       "random shared memory"};
    for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
        tap_case("a log with %s costs hashes, never a wrong one", what[i]);
        struct fixture x = setup(), left = setup(), other = setup();
        hashdb_close(steal(&left.db));
        put_many(&x, 0, 3000);
        for (uint64_t n = 0; n < 3000; n += 2)
            forget(&x, n);
        hashdb_sync(x.db);
        put_many(&x, 3000, 3100);
        put_many(&other, 100000, 104000);
        char from[256], to[256];
        for (size_t k = 0; k < 3; k++) {
            static const char *const suffixes[] = {"", "-wal", "-shm"};
            const struct fixture *of = i == 3 && k == 1 ? &other : &x;
            snprintf(from, sizeof(from), "%s%s", of->path, suffixes[k]);
            snprintf(to, sizeof(to), "%s%s", left.path, suffixes[k]);
            copy_file(from, to);
        }
        snprintf(to, sizeof(to), "%s%s", left.path, i == 4 ? "-shm" : "-wal");
        off_t size = size_of(to);
        if (i == 0 || i == 4)
            scribble(to, 0, size);
        if (i == 1)
            scribble(to, size / 2, size);
        if (i == 2 && truncate(to, size * 2 / 3) < 0)
            abort();
        TAP_CHECK(size > 10000);
        reopen(&left);
        size_t known = count_known(&left, 0, 3100);
        hashdb_sync(left.db); /* should damage have been found: until it is healed */
        put_many(&left, 50000, 50010);
        TAP_CHECK(stats(&left).usable && count_known(&left, 50000, 50010) == 10);
        TAP_CHECK(i != 4 || known == 1600);
        printf("# %zu of 1600 hashes, %zu notes, set aside %d\n", known, left.notes.n,
               (int)stats(&left).n_set_aside);
        teardown(&x);
        teardown(&left);
        teardown(&other);
    }
}

static void test_damage_found_late(void)
{
    tap_case("damage that is met while running is set aside then, and a new file made");
    struct fixture x = setup();
    put_many(&x, 0, 5000);
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &(struct bytes){(const uint8_t *)"v", 1}) == 0);
    hashdb_close(steal(&x.db));
    scribble(x.path, 6 * 4096, size_of(x.path));
    reopen(&x);
    TAP_CHECK(x.notes.n == 0 && stats(&x).usable);
    count_known(&x, 0, 5000);
    hashdb_sync(x.db);
    TAP_CHECK(stats(&x).n_set_aside == 1 && stats(&x).usable && stats(&x).n_files == 0);
    TAP_CHECK(count_names(x.dir, "hashes.db.damaged-", "Z", NULL) == 1);
    put_many(&x, 0, 10);
    TAP_CHECK(count_known(&x, 0, 5000) == 10 && stats(&x).n_trees == 1);
    reopen(&x);
    TAP_CHECK(count_known(&x, 0, 5000) == 10 && x.notes.n == 0);

    tap_case(
        "a database that somebody removed or replaced is followed, and not by its old log");
    put_many(&x, 10, 20);
    char beside[192];
    snprintf(beside, sizeof(beside), "%s.gone", x.path);
    if (rename(x.path, beside) < 0)
        abort();
    put_many(&x, 20, 30);
    TAP_CHECK(count_known(&x, 0, 100) == 10 && stats(&x).n_trees == 1);
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &(struct bytes){(const uint8_t *)"v", 1}) == 0);
    nftw(x.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &(struct bytes){(const uint8_t *)"v", 1}) == 0);
    put_many(&x, 30, 40);
    reopen(&x);
    TAP_CHECK(count_known(&x, 0, 100) == 10);
    teardown(&x);
}

/* ---- where it can't be had
 * ----------------------------------------------------------------------- */

/* Works as one that knows nothing, and says why. */
static bool is_nothing(struct fixture *x, const char *why)
{
    put_many(x, 0, 10);
    forget(x, 1);
    hashdb_prune(x->db, 0, 0);
    struct bytes one = BYTES("1");
    struct told told = {.db = x->db};
    hashdb_each(x->db, BYTES(""), tell, &told);
    bool said = x->notes.n >= 1 && noted(x, why);
    if (!said)
        printf("# wanted \"%s\", got: %s\n", why,
               x->notes.n ? (const char *)x->notes.at[0].text.at : "nothing");
    return said && count_known(x, 0, 10) == 0 && !knows(x, 1) && !stats(x).usable &&
           hashdb_set(x->db, BYTES("k"), &one) == -EROFS && told.n == 0 &&
           stats(x).n_dropped == 10;
}

static void open_in(struct fixture *x, const char *dir)
{
    hashdb_close(steal(&x->db));
    hashdb_open(dir, &x->notes, &x->db);
    x->tree = hashdb_tree(x->db, root, 1, 2);
}

/* As another user, in a child: 0 where it is a database that knows nothing, for that reason. */
static int as_nobody(const char *dir, const char *why)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(3);
        struct fixture x = {0};
        open_in(&x, dir);
        bool fine = is_nothing(&x, why);
        fflush(stdout);
        _exit(fine ? 0 : 1);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static void test_nowhere(void)
{
    struct fixture x = setup();
    char path[256];
    tap_case("a directory that is missing is made with its parents, for the owner alone");
    snprintf(path, sizeof(path), "%s/a/b/c", x.dir);
    mode_t mask = umask(0);
    open_in(&x, path);
    umask(mask);
    struct stat st;
    TAP_CHECK(stats(&x).usable && x.notes.n == 0);
    for (size_t i = 0; i < 3; i++) {
        TAP_CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700);
        path[strlen(path) - 2] = '\0';
    }

    tap_case("one that others may write to is refused, and what to do is said");
    snprintf(path, sizeof(path), "%s/open", x.dir);
    if (mkdir(path, 0700) < 0 || chmod(path, 0777) < 0)
        abort();
    open_in(&x, path);
    TAP_CHECK(is_nothing(&x, "chmod 700") && count_names(path, "hashes", "", NULL) == 0);

    tap_case("a directory below a file, and a name that is no file, are refused");
    snprintf(path, sizeof(path), "%s/not/a/directory", x.path);
    open_in(&x, path);
    TAP_CHECK(is_nothing(&x, "can't make the directory"));
    snprintf(path, sizeof(path), "%s/odd", x.dir);
    open_in(&x, path);
    hashdb_close(steal(&x.db));
    snprintf(path, sizeof(path), "%s/odd/hashes.db", x.dir);
    if (unlink(path) < 0 || mkdir(path, 0700) < 0)
        abort();
    *strrchr(path, '/') = '\0';
    open_in(&x, path);
    TAP_CHECK(is_nothing(&x, "not a regular file"));
    snprintf(path, sizeof(path), "%s/odd/hashes.db", x.dir);
    if (rmdir(path) < 0 || symlink(x.path, path) < 0)
        abort();
    *strrchr(path, '/') = '\0';
    open_in(&x, path);
    TAP_CHECK(is_nothing(&x, "not a regular file"));

    tap_case("somebody else's, and one that can't be written, are refused");
    if (geteuid() != 0) {
        tap_skip("only root can be somebody else");
    } else {
        if (chmod(x.dir, 0755) < 0)
            abort();
        TAP_CHECK(as_nobody(x.dir, "belongs to user 0") == 0);
        snprintf(path, sizeof(path), "%s/theirs", x.dir);
        if (mkdir(path, 0500) < 0 || chown(path, 65534, 65534) < 0)
            abort();
        TAP_CHECK(as_nobody(path, "Permission denied") == 0);
        snprintf(path, sizeof(path), "%s/theirs/below", x.dir);
        TAP_CHECK(as_nobody(path, "Permission denied") == 0);
    }
    teardown(&x);
}

static void test_full_disk(void)
{
    struct fixture x = setup();
    char mounted[128];
    snprintf(mounted, sizeof(mounted), "%s/disk", x.dir);
    tap_case("a full disk: nothing is known at the open, and only puts are lost later");
    /* A name space of its own takes its mounts with it, however we end. */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mkdir(mounted, 0700) < 0 ||
        mount("none", mounted, "tmpfs", 0, "size=8k,mode=0700") < 0) {
        tap_skip("only root can mount");
        teardown(&x);
        return;
    }
    open_in(&x, mounted);
    TAP_CHECK(is_nothing(&x, "No space left") && count_names(mounted, "hashes", "", NULL) == 0);

    if (mount("none", mounted, "tmpfs", MS_REMOUNT, "size=512k") < 0)
        abort();
    open_in(&x, mounted);
    put_many(&x, 0, 500);
    TAP_CHECK(stats(&x).usable && stats(&x).n_dropped == 0 && count_known(&x, 0, 500) == 500);
    put_many(&x, 1000, 11000);
    TAP_CHECKF(stats(&x).n_dropped == 10000, "%d dropped", (int)stats(&x).n_dropped);
    forget(&x, 7);
    TAP_CHECK(!knows(&x, 7) && knows(&x, 8) && count_known(&x, 1000, 11000) == 0);
    struct bytes one = BYTES("1");
    for (int i = 0, r = 0; i < 100 && r == 0; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key %d", i);
        r = hashdb_set(x.db, bytes_of(key), &one);
        TAP_CHECKF(r == 0 || r == -ENOSPC, "%d", r);
    }
    if (mount("none", mounted, "tmpfs", MS_REMOUNT, "size=16m") < 0)
        abort();
    put_many(&x, 1000, 2000);
    open_in(&x, mounted);
    TAP_CHECK(count_known(&x, 0, 500) == 499 && !knows(&x, 7) &&
              count_known(&x, 1000, 2000) == 1000);
    hashdb_close(steal(&x.db));
    umount2(mounted, MNT_DETACH);
    teardown(&x);
}

/* ---- others at the same file
 * ----------------------------------------------------------------------- */

static void test_busy(void)
{
    struct fixture x = setup();
    put_many(&x, 0, 100);
    sqlite3 *raw = raw_open(x.path);
    if (sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        abort();
    tap_case("while another process writes, all can be asked, puts are skipped, voids wait");
    put(&x, 200);
    forget(&x, 1);
    forget(&x, 2);
    put(&x, 2); /* which must not come back as what it was before the void */
    hashdb_sync(x.db);
    TAP_CHECK(stats(&x).n_dropped == 2 && !knows(&x, 200) && !knows(&x, 1) && !knows(&x, 2) &&
              knows(&x, 3));

    tap_case("the queue has a maximum: past it puts are dropped, and no void is");
    for (uint64_t n = 0; n < QUEUE_MAX + 1000; n++)
        put(&x, 1000 + n);
    TAP_CHECKF(stats(&x).n_queued <= 2 * QUEUE_MAX, "%d queued", (int)stats(&x).n_queued);
    for (uint64_t n = 0; n < QUEUE_MAX + 1000; n++)
        put(&x, 1000000 + n);
    TAP_CHECK(stats(&x).n_dropped >= 1002 && stats(&x).n_queued <= 2 * QUEUE_MAX);
    TAP_CHECK(knows(&x, 50));
    forget(&x, 50);
    forget(&x, 1500);
    TAP_CHECK(!knows(&x, 50) && !knows(&x, 1500));
    /* While another writes, SQLite still says who: so this is that process's last word. */
    sqlite3_exec(raw, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(raw);
    hashdb_sync(x.db);
    hashdb_sync(x.db);
    put_many(&x, 300, 301);
    reopen(&x);
    TAP_CHECK(knows(&x, 300) && !knows(&x, 1) && !knows(&x, 2) && !knows(&x, 50) &&
              !knows(&x, 1500));
    TAP_CHECK(raw_number(x.path, "SELECT count(*) FROM files WHERE ino IN (1, 2, 50, 1500)") ==
              0);
    teardown(&x);
}

/* Opens, writes a tree of its own, asks for all of it. */
static int side_by_side(const char *dir, uint64_t from)
{
    struct fixture x = {0};
    snprintf(x.dir, sizeof(x.dir), "%s", dir);
    hashdb_open(dir, &x.notes, &x.db);
    x.tree = hashdb_tree(x.db, BYTES("/src/child"), 5, from);
    for (uint64_t n = from; n < from + 5000; n++) {
        put(&x, n);
        if (n % 500 == 0)
            hashdb_sync(x.db);
        if (n % 5 == 1)
            forget(&x, n - 1);
    }
    hashdb_sync(x.db);
    bool fine = stats(&x).usable && count_known(&x, from, from + 5000) == 4000 &&
                stats(&x).n_dropped == 0;
    size_t n_notes = x.notes.n;
    hashdb_close(x.db);
    return fine ? 10 + (int)n_notes : 1;
}

static void test_two_processes(void)
{
    for (int bad = 0; bad < 2; bad++) {
        tap_case("four processes share a file that %s", bad ? "was damaged" : "was not there");
        struct fixture x = setup();
        put_many(&x, 0, 100);
        hashdb_close(steal(&x.db));
        if (bad)
            scribble(x.path, 0, 8192);
        else if (remove(x.path) < 0)
            abort();
        fflush(stdout);
        pid_t children[4];
        for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
            children[i] = fork();
            if (children[i] == 0)
                _exit(side_by_side(x.dir, 10000 * (i + 1)));
        }
        int n_notes = 0;
        for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
            int status;
            if (TAP_CHECKF(waitpid(children[i], &status, 0) == children[i] &&
                               WIFEXITED(status) && WEXITSTATUS(status) >= 10,
                           "child %zu: %x", i, (unsigned)status))
                n_notes += WEXITSTATUS(status) - 10;
        }
        TAP_CHECKF(n_notes == bad, "%d notes", n_notes);
        hashdb_open(x.dir, &x.notes, &x.db);
        for (uint64_t from = 10000; from <= 40000; from += 10000) {
            x.tree = hashdb_tree(x.db, BYTES("/src/child"), 5, from);
            TAP_CHECK(count_known(&x, from, from + 5000) == 4000);
        }
        TAP_CHECK(x.notes.n == 0 && stats(&x).n_trees == 4);
        TAP_CHECK(raw_number(x.path, "SELECT count(*) FROM pragma_integrity_check"
                                     " WHERE integrity_check = 'ok'") == 1);
        teardown(&x);
    }
}

/* ---- kill -9
 * --------------------------------------------------------------------------------------- */

static _Noreturn void write_for_ever(const char *dir, uint64_t random)
{
    struct fixture x = {0};
    hashdb_open(dir, NULL, &x.db);
    x.tree = hashdb_tree(x.db, root, 1, 2);
    struct bytes value = BYTES("value");
    for (;;) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t n = (random >> 33) % 20000;
        if (random >> 62)
            put(&x, n);
        else
            forget(&x, n);
        if (n % 1000 == 0)
            hashdb_sync(x.db);
        if (n % 5000 == 1 && hashdb_set(x.db, BYTES("key"), &value) < 0)
            _exit(1);
    }
}

static void test_kill(void)
{
    tap_case("killed at any of 60 moments, it opens again and knows only what was put");
    struct fixture x = setup();
    uint64_t random = (uint64_t)time(NULL);
    printf("# seed %llu\n", (unsigned long long)random);
    size_t n_known = 0, n_aside = 0;
    for (unsigned i = 0; i < 60; i++) {
        hashdb_close(steal(&x.db));
        /* Each third begins with a file that must be set aside, each third with none. */
        if (i % 3 == 1)
            scribble(x.path, 0, 8192);
        if (i % 3 == 2)
            nftw(x.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        random = random * 6364136223846793005u + 1442695040888963407u;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(x.dir, random);
        /* The first milliseconds hold the open, the rest the writing and checkpoints. */
        uint64_t ns = i % 2 ? (random >> 33) % 4000000 : (random >> 33) % 120000000;
        nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
        int status;
        kill(child, SIGKILL);
        TAP_CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        size_t notes_before = x.notes.n;
        reopen(&x);
        n_aside += x.notes.n - notes_before;
        /* The damage that we did may still be there, ours must not be. */
        TAP_CHECKF(x.notes.n == notes_before || i % 3 == 1, "%s",
                   (const char *)x.notes.at[x.notes.n - 1].text.at);
        TAP_CHECK(stats(&x).usable && stats(&x).n_set_aside == 0);
        size_t known = count_known(&x, 0, 20000);
        n_known += known;
        TAP_CHECKF(known == stats(&x).n_files, "%zu of %d rows are whole", known,
                   (int)stats(&x).n_files);
        TAP_CHECK(raw_number(x.path, "SELECT count(*) FROM pragma_integrity_check"
                                     " WHERE integrity_check = 'ok'") == 1);
        put_many(&x, 30000, 30001);
        TAP_CHECK(knows(&x, 30000));
        forget(&x, 30000);
        hashdb_sync(x.db);
        TAP_CHECK(count_names(x.dir, "hashes.db.damaged-", "Z", NULL) <= 1);
    }
    printf("# %zu hashes survived, the parent found the damage %zu times\n", n_known, n_aside);
    TAP_CHECK(n_known > 0);
    teardown(&x);
}

/* ---- threads and time
 * ------------------------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    struct fixture *x;
    uint64_t from;
    bool fine;
};

static void *work(void *context)
{
    struct worker *w = context;
    struct fixture mine = *w->x;
    w->fine = true;
    for (uint64_t n = w->from; n < w->from + 3000; n++) {
        struct stat_identity id = file(n);
        struct content_hash h;
        put(&mine, n);
        w->fine &= hashdb_get(mine.db, mine.tree, &id, &h) && is_hash(&h, n);
        if (n % 2)
            continue;
        forget(&mine, n);
        w->fine &= !hashdb_get(mine.db, mine.tree, &id, &h);
        if (n % 500 == 0) {
            struct hashes *all = hashdb_load(mine.db, mine.tree);
            w->fine &= !hashes_get(all, &id, &h);
            hashes_free(all);
            hashdb_sync(mine.db);
            w->fine &= !hashdb_get(mine.db, mine.tree, &id, &h);
        }
    }
    return NULL;
}

static void test_threads(void)
{
    tap_case("four threads put, void and ask, and each is right at each moment");
    struct fixture x = setup();
    struct worker workers[4];
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        workers[i] = (struct worker){.x = &x, .from = 10000 * i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        TAP_CHECKF(workers[i].fine, "thread %zu", i);
    }
    reopen(&x);
    TAP_CHECK(count_known(&x, 0, 40000) == 6000);
    teardown(&x);
}

static double ms_since(uint64_t then)
{
    return (double)(clock_now_ns() - then) / 1e6;
}

static void test_time(void)
{
    enum { N = 100000 };
    tap_case("the 100,000 files of a tree are loaded in a moment");
    struct fixture x = setup();
    uint64_t then = clock_now_ns();
    for (uint64_t n = 0; n < N; n += 50000)
        put_many(&x, n, n + 50000);
    printf("# put and committed in %.1f ms, %.1f MB, %d dropped\n", ms_since(then),
           (double)stats(&x).file_bytes / 1e6, (int)stats(&x).n_dropped);
    then = clock_now_ns();
    reopen(&x);
    printf("# closed and opened in %.1f ms\n", ms_since(then));
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        then = clock_now_ns();
        struct hashes *all = hashdb_load(x.db, x.tree);
        double ms = ms_since(then);
        best = ms < best ? ms : best;
        hashes_free(all);
    }
    printf("# loaded in %.1f ms (best of 5)\n", best);
    then = clock_now_ns();
    TAP_CHECK(count_known(&x, 0, N) == N);
    printf("# loaded and each asked for in %.1f ms\n", ms_since(then));
    then = clock_now_ns();
    TAP_CHECK(stats(&x).n_files == N);
    printf("# counted in %.1f ms\n", ms_since(then));
    /* Well above what it takes, with room for sanitizers and a loaded machine. */
    TAP_CHECKF(best < 1000, "%.1f ms", best);
    teardown(&x);
}

int main(void)
{
    test_round_trip();
    test_identity();
    test_void();
    test_settings();
    test_prune();
    test_bad_rows();
    test_set_aside();
    test_bad_log();
    test_damage_found_late();
    test_nowhere();
    test_busy();
    test_two_processes();
    test_kill();
    test_threads();
    test_time();
    test_full_disk(); /* the last, since it leaves the name space of the mounts */
    return tap_end();
}
