/* SPDX-License-Identifier: Apache-2.0 */
/* The hash database and other processes: a busy writer, several at once, and kill -9. */
#include "db-fixture.h"
#include "scratch.h"
#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* DB_QUEUE_MAX of hashdb/db-state.h. */
#define QUEUE_MAX 65536

/* ---- other processes with the same file ------------------------------------------- */

static void test_busy(void)
{
    struct fixture x = setup();
    put_many(&x, 0, 100);
    sqlite3 *raw = raw_open(x.path);
    if (sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        abort();
    tap_case("while another process writes, look-ups work, puts are dropped, and voids wait");
    put(&x, 200);
    forget(&x, 1);
    forget(&x, 2);
    put(&x, 2); /* the hash from before the void must not come back */
    /* First the writer gathers more ops, then it waits for the other process. */
    struct stat_identity waiting = file(200), gone = file(1);
    size_t n_wrong = 0;
    for (uint64_t then = clock_now_ns(); clock_now_ns() < then + 300000000u;) {
        bool wrong = !known_as(&x, &waiting, 200) || known_as(&x, &gone, 1) || !knows(&x, 2);
        /* On a loaded machine the writer may give up before that, which is no failure. */
        if (stats(&x).n_dropped > 0)
            break;
        n_wrong += wrong;
    }
    TAP_CHECKF(n_wrong == 0, "%zu times", n_wrong);
    hashdb_sync(x.db);
    TAP_CHECK(stats(&x).n_dropped == 2 && !knows(&x, 200) && !knows(&x, 1) && !knows(&x, 2) &&
              knows(&x, 3));

    tap_case("the queue has a maximum: past it puts are dropped, but no void");
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

/* Opens the database, writes a tree of its own, and looks all of it up. */
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
    /* On a loaded machine a batch may be dropped while another process writes. */
    for (int tries = 0; tries < 20 && count_known(&x, from, from + 5000) < 4000; tries++) {
        for (uint64_t n = from; n < from + 5000; n++)
            if (n % 5)
                put(&x, n);
        hashdb_sync(x.db);
    }
    bool fine = stats(&x).usable && count_known(&x, from, from + 5000) == 4000;
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

/* ---- kill -9 ---------------------------------------------------------------------- */

static _Noreturn void write_for_ever(const char *dir, uint64_t random)
{
    struct fixture x = {0};
    hashdb_open(dir, NULL, &x.db);
    x.tree = hashdb_tree(x.db, DB_ROOT, 1, 2);
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
    tap_case("after a kill at any of 60 moments it opens again, and has only what was put");
    struct fixture x = setup();
    const char *seed = getenv("SEED");
    uint64_t random = 1;
    if (seed && number_parse(bytes_of(seed), &random) < 0)
        abort();
    printf("# seed %llu\n", (unsigned long long)random);
    size_t n_known = 0, n_aside = 0;
    for (unsigned i = 0; i < 60; i++) {
        hashdb_close(steal(&x.db));
        /* Every third time the file must be set aside, and every third time there is none. */
        if (i % 3 == 1)
            scribble(x.path, 0, 8192);
        if (i % 3 == 2)
            scratch_remove(x.dir);
        random = random * 6364136223846793005u + 1442695040888963407u;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(x.dir, random);
        /* The first milliseconds are the open, the rest is writing and checkpoints. */
        uint64_t ns = i % 2 ? (random >> 33) % 4000000 : (random >> 33) % 120000000;
        nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
        int status;
        kill(child, SIGKILL);
        TAP_CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        size_t notes_before = x.notes.n;
        reopen(&x);
        n_aside += x.notes.n - notes_before;
        /* The damage done above may still be there, but a kill must not do any. */
        TAP_CHECKF(x.notes.n == notes_before || i % 3 == 1, "%s", last_note(&x));
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

int main(void)
{
    test_busy();
    test_two_processes();
    test_kill();
    return tap_end();
}
