/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guarantee that a file is read in one version:
 *
 * 1. content_open() returns a stat whose change time lies in an earlier clock tick than the
 *    stat call itself, so that any later write gives the file another change time;
 * 2. content_check(), called after the last byte was read, finds the same stat, so that there
 *    was no such write.
 *
 * The walk's own stat nearly always fulfils the first sentence. Then one fstat() after reading
 * is enough.
 *
 * A write stamps the file when it begins, not when it ends, and its thread may lose the
 * processor in between: the file is then half of one version and half of another, under one
 * stamp. So if a file was stamped in the last ten seconds, content_is_sure() tells, after the
 * first stat, whether any process has the file open for writing (the kernel grants a read lease
 * only if none has), and content_settle() waits until none has. Three cases remain: a single
 * write() that takes longer than the wait; a write to a file of another user, on which this
 * process may take no lease; and a write through a mapping that was made before, because the
 * kernel stamps the file only when a clean page is first touched.
 */
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

/* The longest wait is a hundred steps of 1 ms: many clock ticks of any kernel (1-10 ms). If the
 * change time is further in the future than that, the clock was set back, and a write would
 * move the change time back to now: waiting is no use. */
enum { SETTLE_STEP_NS = 1000000, SETTLE_STEPS = 100 };

/* A change within ten seconds counts as recent. Older files are spared the lease, because its
 * three system calls take 5 us. */
#define RECENT_NS (10 * 1000000000ll)

enum content_sure content_is_sure(int fd)
{
    /* If another process opens the file while we hold the lease, that process waits for the
     * release, and the kernel sends us a signal. The default, SIGIO, would end this process;
     * SIGURG is ignored. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN ? CONTENT_HELD : CONTENT_UNKNOWN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return CONTENT_SURE;
}

/* Whether a write that began before the stat `id` may still be under way. */
static bool content_may_be_half_written(int fd, const struct stat_identity *id,
                                        int64_t clock_ns)
{
    if (id->ctime_ns < clock_ns - RECENT_NS)
        return false;
    return content_is_sure(fd) == CONTENT_HELD;
}

int content_settle(int fd, struct stat *st)
{
    for (int step = 0;; step++) {
        int64_t before = stat_clock_ns();
        if (fstat(fd, st) < 0)
            return -errno;
        struct stat_identity id = stat_identity(st);
        if ((stat_settled(&id, before) && !content_may_be_half_written(fd, &id, before)) ||
            step == SETTLE_STEPS ||
            id.ctime_ns - before > (int64_t)SETTLE_STEPS * SETTLE_STEP_NS)
            return 0;
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_STEP_NS}, NULL);
    }
}

void content_dir_close(struct content_dir *dir)
{
    if (dir->fd >= 0)
        close(dir->fd);
    *dir = (struct content_dir){.fd = -1};
}

/* Opens the directory of `path`, unless the last file was in the same one. A descriptor that
 * *dir owns, or -errno. */
static int content_dir_fd(const struct content_source *source, struct content_dir *dir,
                          struct bytes path)
{
    struct bytes parent = path_dir(path);
    if (dir->fd >= 0 && bytes_equal(dir->path, parent))
        return dir->fd;
    content_dir_close(dir);
    char name[PATH_MAX];
    if (parent.len >= sizeof(name))
        return -ENAMETOOLONG;
    memcpy(name, parent.at, parent.len);
    name[parent.len] = '\0';
    int fd = io_open_beneath(source->root_fd, name, O_PATH | O_DIRECTORY);
    if (fd >= 0)
        *dir = (struct content_dir){.fd = fd, .path = parent};
    return fd;
}

bool content_read_as_walked(const struct content_source *source, struct content_dir *dir,
                            struct bytes path, const struct stat_identity *walked, void *at,
                            enum content_sure *ret_sure)
{
    if (!stat_settled(walked, source->clock_ns))
        return false;
    int dir_fd = content_dir_fd(source, dir, path);
    if (dir_fd < 0)
        return false;
    cleanup_fd int fd = openat(dir_fd, (const char *)path_name(path).at,
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || content_may_be_half_written(fd, walked, source->clock_ns) ||
        io_read_full(fd, at, (size_t)walked->size) != (ssize_t)walked->size ||
        fstat(fd, &st) < 0)
        return false;
    struct stat_identity now = stat_identity(&st);
    if (!stat_identity_equal(walked, &now))
        return false;
    if (ret_sure)
        *ret_sure = content_is_sure(fd);
    return true;
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
    int r = content_settle(fd, ret_stat);
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
