/* SPDX-License-Identifier: Apache-2.0 */
#include "mounts.h"
#include "places.h"
#include "tap.h"
#include "watched.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* ---- mounts ----------------------------------------------------------------------------- */

/* In a child with a mount namespace of its own. Returns what it returned, -1: can't. */
static int in_namespace(bool (*body)(void), int flags)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(flags) < 0 ||
            (flags & CLONE_NEWNS && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0))
            _exit(77);
        bool ok = body();
        fflush(stdout);
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 77 ? -1 : status;
}

static bool bound_dir(void)
{
    struct fixture x = setup(0);
    struct dirty d = {0};
    bool ok = true;
    /* Mounted over: it is seen, and stays marked, though a write raises events elsewhere. */
    ok &= TAP_CHECK(sh(x.path, "mount --bind ../outside src") == 0);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "src"));
    ok &= follow(&x, &d);
    dirty_clear(&d);
    sh(x.top, "echo x >outside/kept/deep/g");
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "src"));
    dirty_clear(&d);
    struct watch_stats stats;
    watch_stats(x.watch, &stats);
    ok &= TAP_CHECK(stats.n_mounts == 1 && strstr(stats.slow, "1 mount"));

    /* The directory above it moves: the mount is known at its new path. */
    sh(x.path, "mkdir up; mkdir up/at; mount --bind ../outside/kept up/at");
    ok &= drain_and_follow(&x, &d);
    sh(x.path, "mv up down");
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "down/at"));
    ok &= follow(&x, &d);
    dirty_clear(&d);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "down/at"));
    dirty_clear(&d);
    sh(x.path, "umount down/at");
    ok &= drain_and_follow(&x, &d);

    /* Unmounted: told once, then what was below is watched again. */
    ok &= TAP_CHECK(sh(x.path, "umount src") == 0);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "src"));
    ok &= follow(&x, &d);
    dirty_clear(&d);
    ok &= TAP_CHECK(drain(&x, &d) && d.n == 0);
    put(&x, "src/lib/d", "x");
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "src/lib/d"));
    ok &= follow(&x, &d);
    dirty_clear(&d);
    ok &= check_watches(&x);

    /* The root's own parts at a second place: both are told of. */
    sh(x.path, "mount --bind src/lib empty");
    ok &= drain_and_follow(&x, &d);
    put(&x, "empty/d", "z");
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_CONTENT, "src/lib/d"));
    dirty_clear(&d);
    sh(x.path, "umount empty");
    teardown(&x);
    return ok;
}

static bool bound_file(void)
{
    struct fixture x = setup(0);
    struct dirty d = {0};
    bool ok = TAP_CHECK(sh(x.path, "mount --bind ../outside/f a") == 0);
    ok &= drain_and_follow(&x, &d);
    sh(x.top, "echo longer >outside/f");
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(sh(x.path, "umount a") == 0);
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(drain(&x, &d) && d.n == 0);

    /* Came and went between two drains, but the loop had a look. */
    ok &= TAP_CHECK(sh(x.path, "mount --bind ../outside/f a") == 0);
    struct pollfd ask = {.fd = watch_mounts_fd(x.watch), .events = POLLPRI};
    ok &= TAP_CHECK(poll(&ask, 1, 0) == 1 && poll(&ask, 1, 0) == 0);
    watch_mounts_changed(x.watch);
    ok &= TAP_CHECK(sh(x.path, "umount a") == 0);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "a"));
    dirty_clear(&d);
    teardown(&x);
    return ok;
}

static bool moved_root(void)
{
    struct fixture x = setup(0);
    struct dirty d = {0};
    bool ok = TAP_CHECK(sh(x.path, "mount --bind ../outside/f a") == 0);
    ok &= drain_and_follow(&x, &d);
    /* A file: of a directory the walk would know by itself. Elsewhere while the table is read,
     * by a drain or for the loop: then the mount is not below the root's path. */
    sh(x.top, "mv root away; mount --bind outside/kept outside/kept");
    ok &= TAP_CHECK(!drain(&x, &d));
    dirty_clear(&d);
    sh(x.top, "mv away root");
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "a"));
    dirty_clear(&d);
    sh(x.top, "mv root away");
    watch_mounts_changed(x.watch);
    sh(x.top, "mv away root");
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "a"));
    dirty_clear(&d);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "a"));
    dirty_clear(&d);
    sh(x.top, "umount root/a; umount outside/kept");
    teardown(&x);
    return ok;
}

static bool mounted_tmpfs(void)
{
    struct fixture x = setup(0);
    struct dirty d = {0};
    bool ok = TAP_CHECK(sh(x.path, "mount -t tmpfs none src; mkdir src/in") == 0);
    ok &= drain_and_follow(&x, &d);
    /* Entered while it was mounted, gone before the next drain: its watches ended. */
    ok &= TAP_CHECK(sh(x.path, "umount src") == 0);
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(drain(&x, &d) && d.n == 0);
    ok &= check_watches(&x);
    /* Seen by the walk, never by a drain. */
    ok &= TAP_CHECK(sh(x.path, "mount -t tmpfs none src") == 0);
    enter(&x, "src");
    ok &= TAP_CHECK(sh(x.path, "umount src") == 0);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "src"));
    dirty_clear(&d);
    /* Over the root itself. */
    ok &= TAP_CHECK(sh(x.top, "mount --bind outside root") == 0 && !drain(&x, &d));
    ok &= TAP_CHECK(sh(x.top, "umount root") == 0);
    dirty_clear(&d);
    teardown(&x);
    return ok;
}

static void allow(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(77);
}

static bool refused_by_kernel(void)
{
    allow("/proc/sys/user/max_inotify_watches", "3");
    struct fixture x = setup(0);
    struct dirty d = {0};
    struct watch_stats stats;
    watch_stats(x.watch, &stats);
    bool ok = TAP_CHECK(stats.n_watches == 3 && stats.n_unwatched == 2);
    ok &= TAP_CHECK(strstr(stats.slow, "raise fs.inotify.max_user_watches (now "));
    sh(x.path, "echo x >src/lib/d; echo x >docs/e; echo x >empty/n; echo x >src/c");
    ok &= drain_and_follow(&x, &d);
    allow("/proc/sys/user/max_inotify_watches", "1000");
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(drain(&x, &d) && d.n == 0);
    ok &= check_watches(&x);
    dirty_clear(&d);
    teardown(&x);
    return ok;
}

static void test_namespaces(void)
{
    static const struct {
        const char *title;
        bool (*body)(void);
        int flags;
    } cases[] = {
        {"a directory mounted over another is looked at until it goes", bound_dir, CLONE_NEWNS},
        {"a file mounted over another is looked at until it goes", bound_file, CLONE_NEWNS},
        {"a mount is known again when the root is back", moved_root, CLONE_NEWNS},
        {"a file system that goes takes its watches along", mounted_tmpfs, CLONE_NEWNS},
        {"directories the kernel refuses a watch are looked at", refused_by_kernel,
         CLONE_NEWUSER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("%s", cases[i].title);
        int status = in_namespace(cases[i].body, cases[i].flags);
        if (status == -1)
            tap_skip("no namespace to be had");
        else
            TAP_CHECK(status == 0);
    }
}

static const struct {
    const char *root, *line, *want; /* want NULL: not below */
} mount_lines[] = {
    {"/a/b", "36 35 98:0 / /a/b/c rw - ext3 /dev/root rw", "c"},
    {"/a/b", "36 35 98:0 / /a/b/c/d rw shared:1 master:2 - ext3 none rw", "c/d"},
    {"/a/b", "36 35 98:0 / /a/b rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a/bc rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a/bcd/e rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / / rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /x/a/b/c rw - ext3 /dev/root rw", NULL},
    {"/", "36 35 98:0 / /proc rw - proc proc rw", "proc"},
    {"/", "36 35 98:0 / / rw - ext3 none rw", NULL},
    {"/a/b", "36 35 98:0 / /a/b/sp\\040ace rw - ext3 none rw", "sp ace"},
    {"/a/b", "36 35 98:0 / /a/b/t\\011ab rw - ext3 none rw", "t\tab"},
    {"/a/b", "36 35 98:0 / /a/b/new\\012line rw - ext3 none rw", "new\nline"},
    {"/a/b", "36 35 98:0 / /a/b/back\\134slash rw - ext3 none rw", "back\\slash"},
    {"/a/b", "36 35 98:0 / /a/b/\\134040 rw - ext3 none rw", "\\040"},
    {"/a/b", "36 35 98:0 / /a/b/\\377\\043 rw - ext3 none rw", "\377#"},
    {"/a/b", "36 35 98:0 / /a/b/end\\04 rw - ext3 none rw", "end\\04"},
    {"/a/b", "36 35 98:0 / /a/b/no\\999 rw - ext3 none rw", "no\\999"},
    {"/a/b", "36 35 98:0 / /a/b/\\400 rw - ext3 none rw", "\\400"},
    {"/a b", "36 35 98:0 / /a\\040b/c rw - ext3 none rw", "c"},
    {"/a", "36 35 98:0 /a/b /a/b\\040 rw", "b "},
    {"/a", "36 35 98:0 / /a/", NULL},
    {"/a", "36 35 98:0 / a/b rw", NULL},
    {"/a", "36 35 98:0 /", NULL},
    {"/a", "", NULL},
    {"/a", "    /a/b", NULL},
};

static void test_mountinfo(void)
{
    tap_case("a line of mountinfo gives its mount point below the root, unescaped");
    for (size_t i = 0; i < ARRAY_SIZE(mount_lines); i++) {
        struct mounts got;
        mounts_parse(bytes_of(mount_lines[i].line), bytes_of(mount_lines[i].root), &got);
        const char *want = mount_lines[i].want;
        TAP_CHECKF(got.n == (want != NULL), "%s", mount_lines[i].line);
        if (got.n && want)
            TAP_EQUAL(got.paths[0], bytes_of(want));
        mounts_release(&got);
    }

    tap_case("mount points come sorted, each once");
    struct mounts got;
    mounts_parse(BYTES("1 1 1:1 / /r/b rw\n1 1 1:1 / /r/a/c rw\nrubbish\n\n1 1 1:1 / /r/b rw\n"
                       "1 1 1:1 / /r/a rw"),
                 BYTES("/r"), &got);
    TAP_CHECK(got.n == 3);
    TAP_EQUAL(got.paths[0], BYTES("a"));
    TAP_EQUAL(got.paths[1], BYTES("a/c"));
    TAP_EQUAL(got.paths[2], BYTES("b"));
    mounts_release(&got);

    tap_case("no text makes the parser read past its end");
    unsigned seed = 3;
    for (int i = 0; i < 50000; i++) {
        static const char letters[] = "/ab \\0147\n\xff ";
        size_t len = (size_t)rand_r(&seed) % 60;
        uint8_t *text = xmalloc(len + 1);
        for (size_t j = 0; j < len; j++)
            text[j] = (uint8_t)letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
        mounts_parse(bytes_at(text, len), BYTES("/a"), &got);
        for (size_t j = 0; j < got.n; j++)
            TAP_CHECK(got.paths[j].len > 0 && got.paths[j].len < len);
        mounts_release(&got);
        free(text);
    }
}

/* ---- the table of places --- */

static void test_places(void)
{
    tap_case("places agree with a plain list through a hundred thousand random steps");
    enum { PATHS = 340, WDS = 50 };
    struct places places;
    places_init(&places);
    int32_t wds[PATHS] = {0};
    char names[PATHS][16];
    for (int i = 0; i < PATHS; i++)
        snprintf(names[i], sizeof(names[i]), i < 20 ? "%d" : "%d/x%d", i % 20, i);
    unsigned seed = 5;
    for (int step = 0; step < 100000; step++) {
        int i = (int)((unsigned)rand_r(&seed) % PATHS);
        int32_t wd = (int32_t)((unsigned)rand_r(&seed) % WDS);
        struct place *place = places_make(&places, bytes_of(names[i]));
        int32_t freed = places_set_wd(&places, place, wd);
        bool held = false;
        int32_t was = wds[i];
        wds[i] = wd;
        for (int j = 0; j < PATHS; j++)
            held |= wds[j] == was;
        TAP_CHECK(freed == (was && was != wd && !held ? was : 0));
        places_set_flags(&places, place, (uint8_t)(rand_r(&seed) & 1));
        uint8_t path[PLACE_PATH_MAX];
        TAP_EQUAL(place_path(place, path), bytes_of(names[i]));
        TAP_CHECK(places_find(&places, bytes_of(names[i])) == place);
        if (step & 1)
            places_set_flags(&places, place, 0);
        places_prune(&places, place);
        if (step % 1000)
            continue;
        size_t n = 0, want = 0;
        for (int32_t w = 1; w < WDS; w++)
            for (size_t at = 0; places_of_wd(&places, w, &at);)
                n++;
        for (int j = 0; j < PATHS; j++)
            want += wds[j] != 0;
        TAP_CHECK(n == want && n == places.by_wd.n);
    }
    places_release(&places);
}

int main(void)
{
    test_namespaces();
    test_mountinfo();
    test_places();
    return tap_end();
}
