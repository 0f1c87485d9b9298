/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One version of a file, or a failure. The guarantee:
 *
 * 1. content_open() returns a stat whose change time lies in an earlier clock tick than the
 *    stat call itself, so that any write after it gives the file another change time;
 * 2. content_check(), after the last byte was read, finds the same stat, so that there was no
 *    such write.
 *
 * The race it closes is git's racy index: a write in the same tick as the stat leaves no trace
 * in it. What stays open is a write through a mapping made before, which the kernel stamps only
 * at its first touch of a clean page.
 */
#include "stream-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* A file changed just now is waited for this long at most: many ticks of any kernel (1-10 ms).
 * A change time further in the future is a set clock: a write would take it back to now. */
enum { SETTLE_STEP_NS = 1000000, SETTLE_STEPS = 100 };

/* The clock that the kernel stamps files with. */
static int64_t stamp_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int settled_stat(int fd, struct stat *st)
{
    for (int step = 0;; step++) {
        int64_t before = stamp_clock_ns();
        if (fstat(fd, st) < 0)
            return -errno;
        int64_t changed = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
        /* Whole seconds are the stamp of a file system without fractions. */
        int64_t granule = st->st_ctim.tv_nsec == 0 && st->st_mtim.tv_nsec == 0 ? 1000000000 : 0;
        int64_t ahead = changed + granule - before;
        if (ahead < 0 || step >= SETTLE_STEPS + (int)(granule / SETTLE_STEP_NS) ||
            ahead > (int64_t)SETTLE_STEPS * SETTLE_STEP_NS + granule)
            return 0;
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_STEP_NS}, NULL);
    }
}

int content_open(const struct content_source *source, struct bytes path, int *ret_fd,
                 struct stat *ret_stat, struct failure *f)
{
    /* O_NONBLOCK: what was a file may be a FIFO by now. */
    cleanup_fd int fd = io_open_beneath(source->root_fd, (const char *)path.at,
                                        O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd == -EACCES || fd == -EPERM)
        return fail(f, fd,
                    "can't read %s: %s; make it readable, or exclude it by a line %s in %s",
                    QUOTE(path), strerror(-fd), QUOTE(path), QUOTE(source->ignore_name));
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -ENXIO)
        return fail(f, -ESTALE, "%s vanished while the context was being sent; run it again",
                    QUOTE(path));
    if (fd < 0)
        return fail_errno(f, fd, "can't read %s", QUOTE(path));
    int r = settled_stat(fd, ret_stat);
    if (r < 0)
        return fail_errno(f, r, "can't read %s", QUOTE(path));
    if (!S_ISREG(ret_stat->st_mode))
        return fail(f, -ESTALE, "%s stopped being a file while the context was being sent",
                    QUOTE(path));
    *ret_fd = steal_fd(&fd);
    return 0;
}

int content_check(int fd, const struct stat *seen, struct bytes path, struct failure *f)
{
    struct stat now;
    if (fstat(fd, &now) < 0)
        return fail_errno(f, -errno, "can't read %s", QUOTE(path));
    struct stat_identity was = stat_identity(seen), is = stat_identity(&now);
    if (!stat_identity_equal(&was, &is))
        return fail(f, -ESTALE, "%s changed while it was being sent; run it again",
                    QUOTE(path));
    return 0;
}
