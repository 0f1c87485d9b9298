/* SPDX-License-Identifier: Apache-2.0 */
/* The hash database if it can't be used: not yet, not by this user, or because the disk is
 * full. */
#include "db-fixture.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void tell(void *context, struct bytes key, struct bytes value)
{
    (void)key, (void)value;
    ++*(size_t *)context;
}

/* Whether the database finds and stores nothing, and a note says why. */
static bool is_nothing(struct fixture *x, const char *why)
{
    put_many(x, 0, 10);
    forget(x, 1);
    hashdb_prune(x->db, 0, 0);
    struct bytes one = BYTES("1");
    size_t n_told = 0;
    hashdb_each(x->db, BYTES(""), tell, &n_told);
    bool said = x->notes.n >= 1 && noted(x, why);
    if (!said)
        printf("# wanted \"%s\", got: %s\n", why, last_note(x));
    return said && count_known(x, 0, 10) == 0 && !knows(x, 1) && !stats(x).usable &&
           hashdb_set(x->db, BYTES("k"), &one) == -EROFS && n_told == 0 &&
           stats(x).n_dropped == 10;
}

static void open_in(struct fixture *x, const char *dir)
{
    hashdb_close(steal(&x->db));
    hashdb_open(dir, &x->notes, &x->db);
    x->tree = hashdb_tree(x->db, DB_ROOT, 1, 2);
}

/* Opens the database as another user, in a child. Returns 0 if is_nothing(). */
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
    tap_case("a missing directory is made with its parents, for the owner alone");
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

    tap_case("a directory that others may write to is refused, and the note says what to do");
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

    tap_case("another user's directory, and one that can't be written, are refused");
    if (geteuid() != 0) {
        tap_skip("only root can become another user");
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

/* Waits up to a minute until the database is usable. */
static bool comes_back(struct fixture *x)
{
    for (int i = 0; i < 3000 && !hashdb_usable(x->db); i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return hashdb_usable(x->db);
}

static void test_tried_again(void)
{
    struct fixture x = setup();
    put_many(&x, 0, 10);
    hashdb_close(steal(&x.db));
    tap_case("a database that can't be used when it is opened is tried again, with one note");
    if (chmod(x.dir, 0777) < 0)
        abort();
    reopen(&x);
    TAP_CHECK(!stats(&x).usable && strstr(stats(&x).why, "chmod 700"));
    TAP_CHECK(stats(&x).retry_in_ns > 0 && stats(&x).retry_in_ns <= 2000000000);
    put(&x, 20);
    forget(&x, 1);
    hashdb_sync(x.db);
    for (int i = 0; i < 3000 && stats(&x).n_retries == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    TAP_CHECK(!stats(&x).usable && stats(&x).n_retries == 1 && stats(&x).n_dropped == 1);
    TAP_CHECK(stats(&x).retry_in_ns > 2000000000);
    if (chmod(x.dir, 0700) < 0)
        abort();
    TAP_CHECK(comes_back(&x) && stats(&x).n_retries == 2 && !*stats(&x).why);
    TAP_CHECK(x.notes.n == 1);

    tap_case("... and a void in the meantime takes effect when it is usable again");
    TAP_CHECK(!knows(&x, 1) && knows(&x, 2) && !knows(&x, 20));
    put_many(&x, 20, 30);
    reopen(&x);
    TAP_CHECK(count_known(&x, 0, 10) == 9 && !knows(&x, 1) && count_known(&x, 20, 30) == 10);
    teardown(&x);

    tap_case("... also if its directory could not be made");
    x = setup();
    char path[256];
    snprintf(path, sizeof(path), "%s/file/below", x.dir);
    *strrchr(path, '/') = '\0';
    write_file(path, 0, "x", 1);
    path[strlen(path)] = '/';
    open_in(&x, path);
    TAP_CHECK(!stats(&x).usable && strstr(stats(&x).why, "can't make the directory"));
    *strrchr(path, '/') = '\0';
    if (unlink(path) < 0)
        abort();
    TAP_CHECK(comes_back(&x));
    put_many(&x, 0, 10);
    TAP_CHECK(count_known(&x, 0, 10) == 10);
    teardown(&x);
}

static void test_full_disk(void)
{
    struct fixture x = setup();
    char mounted[128];
    snprintf(mounted, sizeof(mounted), "%s/disk", x.dir);
    tap_case(
        "a full disk: a new database can't be used, and of an open one only puts are lost");
    /* A mount namespace of its own ends with the process, and its mounts with it. */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 || mkdir(mounted, 0700) < 0 ||
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
    /* A batch is written or fails as a whole. */
    uint64_t n_dropped = stats(&x).n_dropped;
    TAP_CHECKF(n_dropped > 0 && count_known(&x, 1000, 11000) == 10000 - n_dropped, "%d dropped",
               (int)n_dropped);
    /* More voids than can be written. */
    put_many(&x, 11000, 21000);
    for (uint64_t n = 0; n < 500; n += 2)
        forget(&x, n);
    hashdb_sync(x.db);
    TAP_CHECK(!knows(&x, 6) && knows(&x, 7) && count_known(&x, 0, 500) == 250);
    struct bytes one = BYTES("1");
    for (int i = 0, r = 0; i < 100 && r == 0; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key %d", i);
        r = hashdb_set(x.db, bytes_of(key), &one);
        TAP_CHECKF(r == 0 || r == -ENOSPC, "%d", r);
    }
    if (mount("none", mounted, "tmpfs", MS_REMOUNT, "size=16m") < 0)
        abort();
    put_many(&x, 30000, 31000);
    open_in(&x, mounted);
    TAP_CHECK(count_known(&x, 0, 500) == 250 && !knows(&x, 6) &&
              count_known(&x, 30000, 31000) == 1000);
    hashdb_close(steal(&x.db));
    umount2(mounted, MNT_DETACH);
    teardown(&x);
}

int main(void)
{
    test_nowhere();
    test_tried_again();
    test_full_disk(); /* the last one, because it leaves the mount namespace */
    return tap_end();
}
