/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "watched.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* Runs body() in a child with namespaces of its own. Returns its wait status; -1: no namespace
 * can be made. */
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
    /* A directory that is mounted over is marked by each drain: writes raise their events at
     * the other place. */
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

    /* If a directory above a mount moves, the mount is known at its new path. */
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

    /* An unmount is marked once; after that the directory below is watched again. */
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

    /* A part of the root that is mounted at a second place: a write is marked at both. */
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

    /* A mount that comes and goes between two drains is known if the loop looked meanwhile. */
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
    /* The root is elsewhere while the table is read, by a drain or for the loop, so the mount
     * is not below the root's path. A file is mounted, because a walk knows a mounted directory
     * by itself. */
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
    /* Directories that were entered while mounted, and unmounted before the next drain: their
     * watches have ended. */
    ok &= TAP_CHECK(sh(x.path, "umount src") == 0);
    ok &= drain_and_follow(&x, &d);
    ok &= TAP_CHECK(drain(&x, &d) && d.n == 0);
    ok &= check_watches(&x);
    /* A walk sees the mount, but no drain does. */
    ok &= TAP_CHECK(sh(x.path, "mount -t tmpfs none src") == 0);
    enter(&x, "src");
    ok &= TAP_CHECK(sh(x.path, "umount src") == 0);
    ok &= TAP_CHECK(drain(&x, &d) && marked(&d, MARK_BELOW, "src"));
    dirty_clear(&d);
    /* A mount over the root itself. */
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

int main(void)
{
    test_namespaces();
    return tap_end();
}
