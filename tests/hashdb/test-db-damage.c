/* SPDX-License-Identifier: Apache-2.0 */
/* The hash database if its file is damaged, another program's, or removed while it is open. */
#include "db-fixture.h"
#include "scratch.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void test_bad_rows(void)
{
    static const char *const damage[] = {
        "UPDATE files SET xxh = x'00' WHERE ino = 10",
        "UPDATE files SET xxh = zeroblob(17) WHERE ino = 11",
        "UPDATE files SET sha = zeroblob(31) WHERE ino = 12",
        "UPDATE files SET sha = zeroblob(32) WHERE ino = 13", /* it has no sha */
        "UPDATE files SET sha = NULL WHERE ino = 15",         /* it has a sha */
        "UPDATE files SET xxh = zeroblob(16) WHERE ino = 16",
        "UPDATE files SET xxh = 'sixteen letters.' WHERE ino = 17",
        "UPDATE files SET sum = sum + 1 WHERE ino = 18",
        "UPDATE files SET sum = 'text' WHERE ino = 19",
        "UPDATE files SET mtime_ns = mtime_ns + 1 WHERE ino = 20",
        "UPDATE files SET size = 'large' WHERE ino = 21",
        "UPDATE files SET mode = mode + 4294967296 WHERE ino = 22",
        /* A row that is whole, but of another file: */
        "UPDATE files SET ino = 1000023 WHERE ino = 23",
        "UPDATE files SET tree = tree + 1 WHERE ino = 24",
    };
    struct fixture x = setup();
    put_many(&x, 0, 100);
    for (size_t i = 0; i < ARRAY_SIZE(damage); i++)
        raw_run(x.path, damage[i]);
    tap_case("a row with wrong types, sizes or content counts as missing");
    TAP_CHECK(count_known(&x, 0, 100) == 100 - ARRAY_SIZE(damage));
    for (uint64_t n = 10; n < 25; n++)
        TAP_CHECKF(knows(&x, n) == (n == 14), "file %llu", (unsigned long long)n);
    struct stat_identity id = file(24);
    struct content_hash h;
    TAP_CHECK(!hashdb_get(x.db, x.tree + 1, &id, &h));
    id = file(23);
    id.ino = 1000023;
    TAP_CHECK(!known_as(&x, &id, 23));
    id = file(22); /* what the row says if 64 bits are cut to 32 */
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
    BAD_OTHER_ID,
    BAD_NEWER,
    BAD_OLDER,
    BAD_OWNER,
    BAD_N
};
/* What is wrong with the file, and a part of the note about it. */
static const struct {
    const char *name, *note;
} bads[] = {
    [BAD_NOISE] = {"random bytes", "damaged, or no SQLite database"},
    [BAD_TEXT] = {"text", "damaged, or no SQLite database"},
    [BAD_EMPTY] = {"no byte", "it is empty"},
    [BAD_SHORT] = {"half a header", "not a hash database"},
    [BAD_CUT] = {"its second half cut off", "it is damaged"},
    [BAD_SCHEMA] = {"random bytes in its first page", "malformed"},
    [BAD_COLUMN] = {"a column missing", "no column named sum"},
    [BAD_OTHER_PROGRAM] = {"another program's tables", "not a hash database"},
    [BAD_OTHER_ID] = {"another program's number", "not a hash database"},
    [BAD_NEWER] = {"a newer version's format", "of format 2, this ctxd is for 1"},
    [BAD_OLDER] = {"an older version's format", "of format 0, this ctxd is for 1"},
    [BAD_OWNER] = {"another owner", "it belongs to user 12345"},
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
    case BAD_OTHER_ID:
        raw_run(x->path, "PRAGMA application_id = 7");
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
        tap_case("a file with %s is set aside with a note, and made anew", bads[bad].name);
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
        /* A log of the bad file must not be used for the new one. */
        snprintf(old, sizeof(old), "%s-wal", x.path);
        write_file(old, 0, "not a log", 9);
        reopen(&x);
        char name[256] = "", path[512];
        TAP_CHECKF(x.notes.n == 1 && noted(&x, "hashes.db.damaged-") &&
                       noted(&x, bads[bad].note),
                   "%zu notes: %s", x.notes.n, last_note(&x));
        TAP_CHECK(stats(&x).usable && stats(&x).n_files == 0 && stats(&x).n_set_aside == 0);
        TAP_CHECK(count_names(x.dir, "hashes.db.damaged-", "Z", name) == 1);
        TAP_CHECK(strcmp(name, "hashes.db.damaged-20010101T000000Z") != 0);
        snprintf(path, sizeof(path), "%s/%s", x.dir, name);
        TAP_CHECKF(size_of(path) == size, "%lld bytes", (long long)size_of(path));
        /* If SQLite opens the file, it removes the log itself. */
        if (bad == BAD_EMPTY || bad == BAD_OWNER)
            TAP_CHECK(count_names(x.dir, name, "Z-wal", NULL) == 1);
        put_many(&x, 0, 10);
        reopen(&x);
        TAP_CHECK(x.notes.n == 1 && count_known(&x, 0, 1000) == 10);
        teardown(&x);
    }
}

/* Copies a file of an open database, as a killed process would leave it. */
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
    static const char *const what[] = {"a log of random bytes", "a log that ends in them",
                                       "a log without its end", "another database's log",
                                       "random shared memory"};
    for (size_t i = 0; i < ARRAY_SIZE(what); i++) {
        tap_case("with %s, the last writes may be lost, but no hash is wrong", what[i]);
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
        hashdb_sync(left.db); /* if damage was found: waits until the file is made anew */
        put_many(&left, 50000, 50010);
        TAP_CHECK(stats(&left).usable && count_known(&left, 50000, 50010) == 10);
        TAP_CHECK(i != 4 || known == 1600);
        printf(
            "# %zu hashes of 1600 at the end, 3000 before the voids; %zu notes, set aside %d\n",
            known, left.notes.n, (int)stats(&left).n_set_aside);
        teardown(&x);
        teardown(&left);
        teardown(&other);
    }
}

static void test_taken_away(void)
{
    tap_case(
        "a process that still has a file open that was set aside does not harm the new one");
    struct fixture x = setup();
    put_many(&x, 0, 100);
    struct hashdb *first = x.db;
    raw_run(x.path, "PRAGMA user_version = 2"); /* the first one does not ask again */
    x.db = NULL;
    reopen(&x);
    TAP_CHECK(x.notes.n == 1 && stats(&x).n_files == 0);
    put_many(&x, 0, 10);
    struct hashdb *second = x.db;
    hashdb_close(first);
    x.db = NULL;
    reopen(&x); /* while the second has the file open: its log must be at the same path */
    TAP_CHECK(x.notes.n == 1 && count_known(&x, 0, 100) == 10);
    hashdb_close(steal(&x.db));
    x.db = second;
    put_many(&x, 10, 20);
    reopen(&x);
    TAP_CHECK(x.notes.n == 1 && count_known(&x, 0, 100) == 20);
    teardown(&x);
}

static void test_damage_found_late(void)
{
    tap_case("a file that is found damaged while in use is set aside, and a new one made");
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
        "after the file was removed or replaced, the new one is used, without the old log");
    put_many(&x, 10, 20);
    char beside[192];
    snprintf(beside, sizeof(beside), "%s.gone", x.path);
    if (rename(x.path, beside) < 0)
        abort();
    put_many(&x, 20, 30);
    TAP_CHECK(count_known(&x, 0, 100) == 10 && stats(&x).n_trees == 1);
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &(struct bytes){(const uint8_t *)"v", 1}) == 0);
    scratch_remove(x.dir);
    TAP_CHECK(hashdb_set(x.db, BYTES("k"), &(struct bytes){(const uint8_t *)"v", 1}) == 0);
    put_many(&x, 30, 40);
    reopen(&x);
    TAP_CHECK(count_known(&x, 0, 100) == 10);
    teardown(&x);
}

int main(void)
{
    test_bad_rows();
    test_set_aside();
    test_bad_log();
    test_damage_found_late();
    test_taken_away();
    return tap_end();
}
