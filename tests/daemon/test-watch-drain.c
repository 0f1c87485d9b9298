/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "watched.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* ---- each kind of change ---------------------------------------------------------------- */

static const struct {
    const char *title, *script;
} changes[] = {
    {"a file is created", "echo x >new"},
    {"a file is created in a directory", "echo x >src/lib/new"},
    {"a file is appended to", "echo x >>src/c"},
    {"a file is rewritten in place, size and time restored",
     "touch -r a ../stamp; printf '9\\n' 1<>a; touch -r ../stamp a"},
    {"a file is truncated", ": >b"},
    {"a file is made longer without a write", "truncate -s 100 b"},
    {"a file is renamed", "mv a src/aa"},
    {"a file is renamed over another", "mv a b"},
    {"a file comes from outside", "mv ../outside/f src/f"},
    {"a file goes outside", "mv a ../outside/a"},
    {"a file is unlinked", "rm src/c"},
    {"a file is unlinked and created again", "rm a; echo 1 >a"},
    {"a file becomes a directory", "rm a; mkdir a; echo x >a/b"},
    {"a directory becomes a file", "rm -r src; echo x >src"},
    {"directories are made deep at once",
     "mkdir -p x/y/z/w; echo x >x/y/z/w/file; echo y >x/y/f"},
    {"an empty directory is removed", "rmdir empty"},
    {"a tree is removed", "rm -r src"},
    {"a tree is removed and made anew", "rm -r src; mkdir -p src/lib; echo 4 >src/lib/d"},
    {"a tree comes from outside", "mv ../outside/kept src/kept"},
    {"a tree goes outside", "mv src ../outside/src"},
    {"a tree goes outside and comes back elsewhere",
     "mv src ../outside/s; mv ../outside/s docs/s"},
    {"a directory is renamed", "mv src srx"},
    {"a directory is renamed, and another takes its place",
     "mv src srx; mkdir src; echo n >src/n; echo m >srx/m"},
    {"a directory is renamed, and its parent too",
     "mv src/lib docs/lib; mv docs dox; echo n >dox/lib/n"},
    {"a mode changes", "chmod 600 a"},
    {"a directory's mode changes", "chmod 700 src"},
    {"a time changes", "touch -d @1 src/c"},
    {"a link is swapped", "ln -sfn b link"},
    {"a link takes a directory's place", "mv src srx; ln -s srx src"},
    {"a name is linked to a file", "ln a src/other"},
    {"a file is written by its other name", "echo x >>twin2"},
    {"a fifo comes", "mkfifo fifo"},
    {"odd names", "mkdir 'a b'; echo x >'a b/new\nline\\ '; echo y >\"$(printf '\\377')\""},
};

static void test_changes(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        tap_case("%s: it is marked", changes[i].title);
        struct fixture x = setup(0);
        struct dirty d = {0};
        TAP_CHECK(drain(&x, &d) && d.n == 0);
        TAP_CHECK(sh(x.path, changes[i].script) == 0);
        TAP_CHECK(drain(&x, &d));
        TAP_CHECK(d.n > 0);
        follow(&x, &d);
        dirty_clear(&d);
        check_watches(&x);
        /* Everything that is there now is watched, too. */
        TAP_CHECK(drain(&x, &d));
        dirty_clear(&d);
        sh(x.path, "find . -type d | while read -r dir; do echo x >\"$dir/later\"; done");
        TAP_CHECK(drain(&x, &d));
        follow(&x, &d);
        dirty_clear(&d);
        teardown(&x);
    }
}

static void test_system_calls(void)
{
    tap_case("a directory whose mode changes is read again: it may be shut, or open, now");
    struct fixture x = setup(0);
    struct dirty d = {0};
    TAP_CHECK(fchmodat(x.fd, "src", 0700, 0) == 0 && drain(&x, &d));
    TAP_CHECK(marked(&d, MARK_ENTRY, "src") && marked(&d, MARK_LISTING, "src"));
    dirty_clear(&d);

    tap_case("two directories that are exchanged are walked again");
    TAP_CHECK(renameat2(x.fd, "src", x.fd, "docs", RENAME_EXCHANGE) == 0);
    put(&x, "docs/lib/d", "written after");
    TAP_CHECK(drain(&x, &d));
    TAP_CHECK(marked(&d, MARK_BELOW, "src") && marked(&d, MARK_BELOW, "docs"));
    follow(&x, &d);
    dirty_clear(&d);
    put(&x, "docs/lib/d", "and later");
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "docs/lib/d"));
    dirty_clear(&d);

    tap_case("stores into a mapping are marked when it is gone");
    cleanup_fd int fd = openat(x.fd, "b", O_RDWR | O_CLOEXEC);
    TAP_CHECK(ftruncate(fd, 4096) == 0 && drain(&x, &d));
    dirty_clear(&d);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(steal_fd(&fd));
    map[10] = 'x';
    TAP_CHECK(munmap(map, 4096) == 0);
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "b"));
    dirty_clear(&d);

    tap_case("what O_TMPFILE made is marked when it gets a name, and when it is written later");
    cleanup_fd int tmp = openat(x.fd, "docs", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    char proc[32];
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", tmp);
    TAP_CHECK(linkat(AT_FDCWD, proc, x.fd, "docs/t", AT_SYMLINK_FOLLOW) == 0);
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "docs/t"));
    dirty_clear(&d);
    TAP_CHECK(io_write_full(tmp, "x", 1) == 0);
    TAP_CHECK(drain(&x, &d) && d.files);
    dirty_clear(&d);

    tap_case("a write by the descriptor of an unlinked name may be one to any file");
    cleanup_fd int held = openat(x.fd, "twin", O_WRONLY | O_CLOEXEC);
    TAP_CHECK(unlinkat(x.fd, "twin", 0) == 0 && drain(&x, &d));
    dirty_clear(&d);
    TAP_CHECK(io_write_full(held, "x", 1) == 0);
    TAP_CHECK(drain(&x, &d) && d.files);
    dirty_clear(&d);

    tap_case("what is done by a second name is told of the file, not of that name alone");
    sh(x.path, "ln a second");
    TAP_CHECK(drain(&x, &d) && d.n_inodes > 0);
    dirty_clear(&d);
    sh(x.path, "chmod 600 second");
    TAP_CHECK(drain(&x, &d) && d.n_inodes > 0);
    dirty_clear(&d);
    sh(x.path, "rm second; chmod 640 a");
    TAP_CHECK(drain(&x, &d) && d.n_inodes == 0);
    dirty_clear(&d);

    tap_case("thousands of writes to one file are few marks");
    cleanup_fd int often = openat(x.fd, "a", O_WRONLY | O_CLOEXEC);
    for (int i = 0; i < 5000; i++)
        if (pwrite(often, "x", 1, 0) != 1 || fchmod(often, i & 1 ? 0600 : 0644) < 0)
            abort();
    TAP_CHECK(drain(&x, &d) && d.calls <= 4 && marked(&d, MARK_CONTENT, "a"));
    dirty_clear(&d);
    teardown(&x);
}

/* ---- names that are gone ---------------------------------------------------------------- */

static const struct {
    const char *title, *script;
    bool any; /* any file may have changed */
} gone_rows[] = {
    {"a file is written to", "echo x >>a", false},
    {"a file is made and stays", "echo x >new", false},
    {"a file is removed", "echo x >>a; rm a", false},
    {"a file is renamed and removed", "mv a new; echo x >>new; rm new", false},
    {"a file is made and removed, untouched", "ln -s a new; rm new", false},
    {"a file is written and renamed over another", "echo x >new; mv new a", false},
    {"a file is moved out", "mv a ../outside/a", false},
    {"a file comes from outside", "mv ../outside/f f", false},
    {"a directory goes", "rm -r src", false},
    {"a file is linked, and both stay", "ln a new; echo x >>new", false},
    {"a link is written to and removed", "ln a new; echo x >>new; rm new", true},
    {"a link is made and moved out", "ln a new; mv new ../outside/new", true},
    {"a link is renamed over", "ln a new; echo x >>new; mv b new", true},
    {"a link comes and goes in a directory that goes", "ln a src/new; mv src ../outside/s",
     true},
    {"a directory comes", "mkdir new", true},
    {"a directory is renamed", "mv src new", true},
};

static void test_names(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(gone_rows); i++) {
        tap_case("%s: %s", gone_rows[i].title,
                 gone_rows[i].any ? "any file may have changed" : "only what is named");
        struct fixture x = setup(0);
        struct dirty d = {0};
        TAP_CHECK(drain(&x, &d) && d.files); /* the directories are new to the watch */
        dirty_clear(&d);
        TAP_CHECK(drain(&x, &d) && !d.files);
        TAP_CHECK(sh(x.path, gone_rows[i].script) == 0);
        TAP_CHECK(drain(&x, &d) && d.files == gone_rows[i].any);
        dirty_clear(&d);
        TAP_CHECK(drain(&x, &d) && !d.files);
        dirty_clear(&d);
        teardown(&x);
    }
}

static void test_names_unwatched(void)
{
    tap_case("as long as a directory can't be watched, any file may have changed");
    struct fixture x = setup(1); /* the root alone */
    struct dirty d = {0};
    for (int i = 0; i < 3; i++) {
        TAP_CHECK(drain(&x, &d) && d.files);
        dirty_clear(&d);
    }
    teardown(&x);
}

/* ---- what can't be told ----------------------------------------------------------------- */

static void test_overflow(void)
{
    tap_case("an overflow is told once, and what follows again");
    struct fixture x = setup(0);
    struct dirty d = {0};
    cleanup_fd int one = openat(x.fd, "a", O_WRONLY | O_CLOEXEC);
    cleanup_fd int two = openat(x.fd, "b", O_WRONLY | O_CLOEXEC);
    /* By turns, because the kernel doesn't queue an event that equals the last one. */
    for (int i = 0; i < 10000; i++)
        if (pwrite(one, "x", 1, 0) != 1 || pwrite(two, "x", 1, 0) != 1)
            abort();
    sh(x.path, "mkdir hidden; mv src hidden/src");
    TAP_CHECK(!drain(&x, &d));
    struct watch_stats stats;
    watch_stats(x.watch, &stats);
    TAP_CHECK(stats.n_overflows == 1 && stats.n_events > 16000);
    dirty_clear(&d);
    /* As tree_make() does when it walks everything. */
    enter_all(&x);
    watch_leave(x.watch, BYTES("src"));
    TAP_CHECK(drain(&x, &d) && d.n == 0);
    put(&x, "hidden/src/lib/d", "x");
    TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "hidden/src/lib/d"));
    check_watches(&x);
    dirty_clear(&d);
    teardown(&x);
}

static void test_no_descriptors(void)
{
    tap_case("without a descriptor to ask for a file's other names, nothing can be told");
    struct fixture x = setup(0);
    struct dirty d = {0};
    struct rlimit was, now;
    sh(x.path, "ln a second");
    drain_and_follow(&x, &d);
    put(&x, "second", "x");
    cleanup_fd int next = fcntl(x.fd, F_DUPFD_CLOEXEC, 0);
    if (getrlimit(RLIMIT_NOFILE, &was) < 0)
        abort();
    now = (struct rlimit){(rlim_t)next, was.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &now) < 0)
        abort();
    TAP_CHECK(!drain(&x, &d) || d.n_inodes > 0);
    if (setrlimit(RLIMIT_NOFILE, &was) < 0)
        abort();
    dirty_clear(&d);
    teardown(&x);
}

/* ---- many threads, random changes ------------------------------------------------------- */

struct runner {
    struct fixture *x;
    int number;
};

static void *enter_many(void *context)
{
    const struct runner *runner = context;
    for (int i = 0; i < 2000; i++) {
        char path[32];
        snprintf(path, sizeof(path), "t%d/d%d", (runner->number + (i & 1)) % 4, i % 50);
        enter(runner->x, path);
        if (i % 16 == 0) {
            snprintf(path, sizeof(path), "t%d/d%d/f", runner->number, i % 50);
            put(runner->x, path, "x");
        }
    }
    return NULL;
}

static void test_threads(void)
{
    tap_case("four threads enter while another drains and leaves");
    struct fixture x = setup(0);
    struct dirty d = {0};
    sh(x.path,
       "for t in 0 1 2 3; do mkdir t$t; for d in $(seq 0 49); do mkdir t$t/d$d; done; done");
    pthread_t threads[4];
    struct runner runners[4];
    for (int i = 0; i < 4; i++) {
        runners[i] = (struct runner){&x, i};
        if (pthread_create(&threads[i], NULL, enter_many, &runners[i]))
            abort();
    }
    for (int i = 0; i < 300; i++) {
        struct watch_stats stats;
        TAP_CHECK(drain(&x, &d));
        watch_leave(x.watch, BYTES("t3/d7"));
        watch_mounts_changed(x.watch);
        watch_stats(x.watch, &stats);
        dirty_clear(&d);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    enter_all(&x);
    TAP_CHECK(drain(&x, &d));
    dirty_clear(&d);
    check_watches(&x);
    TAP_CHECK(sh(x.path, "rm -rf t0 t1 t2 t3") == 0);
    drain_and_follow(&x, &d);
    check_watches(&x);
    teardown(&x);
}

static void random_step(const struct fixture *x, unsigned *seed)
{
    static const char *const names[] = {
        "a",     "b",        "src",       "src/c",        "src/lib",
        "docs",  "docs/e",   "docs/x",    "empty",        "empty/y",
        "src/z", "docs/x/y", "src/lib/d", "../outside/o", "../outside/p"};
    const char *one = names[(unsigned)rand_r(seed) % ARRAY_SIZE(names)];
    const char *two = names[(unsigned)rand_r(seed) % ARRAY_SIZE(names)];
    char deep[64] = "written";
    cleanup_fd int fd = -1;
    switch ((unsigned)rand_r(seed) % 11) {
    case 0:
    case 1:
        fd = openat(x->fd, one, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0 && write(fd, deep, (unsigned)rand_r(seed) % 8) < 0)
            abort();
        break;
    case 2:
        mkdirat(x->fd, one, 0755);
        break;
    case 3:
    case 4:
    case 5:
        renameat(x->fd, one, x->fd, two);
        break;
    case 6:
        renameat2(x->fd, one, x->fd, two, RENAME_EXCHANGE);
        break;
    case 7:
        if (unlinkat(x->fd, one, 0) < 0)
            unlinkat(x->fd, one, AT_REMOVEDIR);
        break;
    case 8:
        (void)!fchmodat(x->fd, one, (unsigned)rand_r(seed) & 1 ? 0755 : 0700, 0);
        break;
    case 9:
        (void)!symlinkat(two, x->fd, one);
        break;
    default:
        snprintf(deep, sizeof(deep), "%s/q%u", one, (unsigned)rand_r(seed) % 3);
        mkdirat(x->fd, deep, 0755);
    }
}

static void test_random(void)
{
    for (unsigned seed = 1; seed <= 4; seed++) {
        tap_case("a tree under random changes is known at every drain (seed %u)", seed);
        struct fixture x = setup(seed % 2 ? 0 : 6);
        struct dirty d = {0};
        unsigned state = seed;
        bool ok = true;
        for (int i = 0; i < 1000 && ok; i++) {
            for (unsigned n = (unsigned)rand_r(&state) % 6; n-- > 0;)
                random_step(&x, &state);
            ok = drain_and_follow(&x, &d);
            if (ok && seed % 2)
                ok = check_watches(&x);
        }
        teardown(&x);
    }
}

int main(void)
{
    test_changes();
    test_system_calls();
    test_names();
    test_names_unwatched();
    test_overflow();
    test_no_descriptors();
    test_threads();
    test_random();
    return tap_end();
}
