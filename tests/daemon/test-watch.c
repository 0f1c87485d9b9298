/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "watched.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

/* ---- directories that move -------------------------------------------------------------- */

static void test_moves(void)
{
    tap_case("a moved directory is covered before it is entered, and told of after");
    struct fixture x = setup(0);
    struct dirty d = {0};
    sh(x.path, "mv src docs/s; echo x >docs/s/lib/d");
    TAP_CHECK(drain(&x, &d) && covered(&x, &d, "docs/s/lib/d", true));
    dirty_clear(&d);
    enter(&x, "docs/s");
    enter(&x, "docs/s/lib");
    watch_leave(x.watch, BYTES("src"));
    put(&x, "docs/s/lib/d", "y");
    put(&x, "docs/s/c", "y");
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "docs/s/lib/d") &&
              marked(&d, MARK_CONTENT, "docs/s/c"));
    TAP_CHECK(!covered(&x, &d, "src/c", true));
    TAP_CHECK(n_watches(&x) == 5);
    dirty_clear(&d);

    tap_case("a slow walk that enters a moved directory at its old path takes no watch away");
    cleanup_fd int lib = openat(x.fd, "docs/s/lib", O_RDONLY | O_CLOEXEC);
    sh(x.path, "mv docs/s/lib lib");
    enter(&x, "lib");
    watch_enter(x.watch, lib, BYTES("docs/s/lib"));
    TAP_CHECK(drain(&x, &d));
    dirty_clear(&d);
    watch_leave(x.watch, BYTES("docs/s/lib"));
    put(&x, "lib/d", "z");
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "lib/d"));
    dirty_clear(&d);

    tap_case("after watch_leave() changes below are not marked, and the watch is given back");
    watch_leave(x.watch, BYTES("docs"));
    uint64_t left = n_watches(&x);
    TAP_CHECKF(left == 3, "%ju", (uintmax_t)left);
    put(&x, "docs/e", "z");
    TAP_CHECK(drain(&x, &d) && d.n == 0);
    dirty_clear(&d);
    teardown(&x);
}

static void test_ends(void)
{
    tap_case("a directory whose watch ended is marked once, and its watch no longer counted");
    struct fixture x = setup(0);
    struct dirty d = {0};
    TAP_CHECK(unlinkat(x.fd, "empty", AT_REMOVEDIR) == 0);
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_ENTRY, "empty") &&
              marked(&d, MARK_BELOW, "empty"));
    TAP_CHECK(n_watches(&x) == 4);
    dirty_clear(&d);
    TAP_CHECK(drain(&x, &d) && d.n == 0);

    tap_case("a directory that was removed without watch_leave() keeps no memory");
    struct watch_stats before, after;
    watch_stats(x.watch, &before);
    sh(x.path, "mkdir -p src/brief/deep");
    enter(&x, "src/brief");
    enter(&x, "src/brief/deep");
    sh(x.path, "rm -r src/brief");
    TAP_CHECK(drain(&x, &d) && drain(&x, &d));
    dirty_clear(&d);
    watch_stats(x.watch, &after);
    TAP_CHECK(after.n_watches == before.n_watches && after.bytes == before.bytes);

    tap_case("an unwatched directory's mode is told of by its parent");
    watch_leave(x.watch, BYTES("docs"));
    TAP_CHECK(fchmodat(x.fd, "docs", 0700, 0) == 0 && drain(&x, &d));
    TAP_CHECK(marked(&d, MARK_LISTING, "docs"));
    dirty_clear(&d);
    teardown(&x);
}

/* ---- limits, and the root --------------------------------------------------------------- */

static void test_limit(void)
{
    tap_case("a directory past the limit is marked at every drain, with the remedy named");
    struct fixture x = setup(2);
    struct dirty d = {0};
    struct watch_stats stats;
    watch_stats(x.watch, &stats);
    TAP_CHECK(stats.n_watches == 2 && stats.n_unwatched == 3);
    TAP_EQUAL(bytes_of(stats.slow),
              BYTES("3 directories are not watched: raise the limit of watches (now 2)"));
    for (int i = 0; i < 3; i++) {
        TAP_CHECK(drain(&x, &d));
        for (size_t j = 0; j < x.known.n; j++)
            TAP_CHECK(!S_ISDIR(x.known.at[j].st.st_mode) || n_watches(&x) == 2);
        put(&x, "src/lib/d", i ? "x" : "y");
        TAP_CHECK(drain(&x, &d));
        follow(&x, &d);
        dirty_clear(&d);
    }

    tap_case("when watches are free again, what had none gets one");
    sh(x.path, "rm -rf src empty");
    for (int i = 0; i < 2; i++) {
        TAP_CHECK(drain(&x, &d));
        follow(&x, &d);
        dirty_clear(&d);
    }
    watch_stats(x.watch, &stats);
    TAP_CHECK(stats.n_watches == 2 && stats.n_unwatched == 0 && stats.slow[0] == '\0');
    TAP_CHECK(drain(&x, &d) && d.n == 0);
    dirty_clear(&d);
    teardown(&x);
}

static void test_root(void)
{
    static const struct {
        const char *title, *script, *undo;
    } fates[] = {
        {"renamed", "mv root elsewhere", "mv elsewhere root"},
        {"replaced", "mv root elsewhere; mkdir root", "rmdir root; mv elsewhere root"},
        {"removed", "rm -rf root", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
        tap_case("a root that was %s can't be told of%s", fates[i].title,
                 fates[i].undo ? ", until it is back" : "");
        struct fixture x = setup(0);
        struct dirty d = {0};
        sh(x.top, fates[i].script);
        struct pollfd ask = {.fd = watch_fd(x.watch), .events = POLLIN};
        TAP_CHECK(poll(&ask, 1, 0) == 1); /* the loop, which polls, learns of it */
        TAP_CHECK(!drain(&x, &d) && !drain(&x, &d));
        struct watch_stats stats;
        watch_stats(x.watch, &stats);
        TAP_CHECK(strstr(stats.slow, "not at its path") != NULL);
        dirty_clear(&d);
        if (fates[i].undo) {
            sh(x.top, fates[i].undo);
            enter_all(&x);
            TAP_CHECK(drain(&x, &d));
            dirty_clear(&d);
            put(&x, "src/lib/d", "x");
            TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "src/lib/d"));
            dirty_clear(&d);
        }
        teardown(&x);
    }

    tap_case("an ancestor that was renamed is noticed as well");
    struct fixture x = setup(0);
    struct dirty d = {0};
    char away[80];
    snprintf(away, sizeof(away), "%s-away", x.top);
    TAP_CHECK(rename(x.top, away) == 0 && !drain(&x, &d));
    TAP_CHECK(rename(away, x.top) == 0 && drain(&x, &d));
    dirty_clear(&d);
    teardown(&x);

    tap_case("a file system that doesn't report its changes can't be told of");
    struct watch *watch = NULL;
    cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct watch_setup ask = {.root_fd = proc, .root = BYTES("/proc")};
    TAP_CHECK(watch_new(&ask, &watch, NULL) == 0 && !watch_drain(watch, &d));
    dirty_clear(&d);
    watch_free(watch);
    /* f_type of statfs(2), which is signed and may be extended to 64 bits. */
    enum { EXT4 = 0xef53, OVERLAY = 0x794c7630, TMPFS = 0x01021994 };
    enum { NFS = 0x6969, FUSE = 0x65735546, V9FS = 0x01021997 };
    const uint64_t cifs = 0xffffffffff534d42;
    TAP_CHECK(watch_silent_fs(NFS) && watch_silent_fs(FUSE) && watch_silent_fs(cifs) &&
              watch_silent_fs(V9FS));
    TAP_CHECK(!watch_silent_fs(EXT4) && !watch_silent_fs(OVERLAY) && !watch_silent_fs(TMPFS));
}

int main(void)
{
    test_moves();
    test_ends();
    test_limit();
    test_root();
    return tap_end();
}
