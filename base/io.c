/* SPDX-License-Identifier: Apache-2.0 */
#include "io.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Opens component by component, if openat2() is missing (Linux < 5.6) or forbidden by an old
 * seccomp profile. */
static int io_open_by_components(int root_fd, const char *path, int flags)
{
    cleanup_fd int held = -1;
    int at = root_fd;
    const char *rest = path;
    for (;;) {
        while (*rest == '/')
            rest++;
        size_t len = strcspn(rest, "/");
        char name[NAME_MAX + 1];
        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, rest, len);
        name[len] = '\0';
        if (strcmp(name, "..") == 0)
            return -EXDEV;
        rest += len;
        bool last = rest[strspn(rest, "/")] == '\0';
        int fd = openat(at, len ? name : ".",
                        last ? flags | O_NOFOLLOW | O_CLOEXEC
                             : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        if (last)
            return fd;
        if (held >= 0)
            close(held);
        at = held = fd;
    }
}

/* -ENOSYS or -EPERM if the kernel or a seccomp profile does not know the call. */
static int io_try_openat2(int root_fd, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                           .resolve = resolve};
    for (int tries = 0; tries < 64; tries++) { /* far more renames than race in practice */
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        /* EAGAIN: a rename anywhere in the system raced with the resolution of a "..". */
        if (errno != EINTR && errno != EAGAIN)
            break;
    }
    return -errno;
}

int io_open_beneath(int root_fd, const char *path, int flags)
{
    static atomic_bool missing;
    if (path[0] == '\0')
        path = ".";
    if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
        int fd = io_try_openat2(root_fd, path, flags | O_NOFOLLOW,
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (fd >= 0 || (fd != -ENOSYS && fd != -EPERM))
            return fd;
        if (fd == -ENOSYS)
            atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
    return io_open_by_components(root_fd, path, flags);
}

int io_open_in_root(int root_fd, const char *path, int flags)
{
    int fd = io_try_openat2(root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    /* Without the call a link is refused (-ELOOP), because it could lead out of the root. */
    return fd == -ENOSYS || fd == -EPERM ? io_open_by_components(root_fd, path, flags) : fd;
}

ssize_t io_read_full(int fd, void *at, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, (uint8_t *)at + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t io_pread_full(int fd, void *at, size_t len, off_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (uint8_t *)at + done, len - done, offset + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int io_write_full(int fd, const void *at, size_t len)
{
    const uint8_t *from = at;
    while (len) {
        ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                return -errno;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

int io_read_rest(int fd, struct buf *into)
{
    for (;;) {
        uint8_t block[65536];
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        int r = buf_add(into, block, (size_t)n);
        if (r < 0)
            return r;
    }
}

int io_read_regular(int fd, struct buf *into)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    /* The size is a hint, as the file may grow or shrink. A file that is too large fails here,
     * before it is read. */
    int r = buf_reserve(into, st.st_size > 0 ? (size_t)st.st_size : 0);
    return r < 0 ? r : io_read_rest(fd, into);
}

int io_read_file(int dirfd, const char *path, struct buf *into)
{
    cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : io_read_regular(fd, into);
}

int io_make_directories(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    int r = 0;
    if (len >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        /* mkdir() of a parent that exists may fail with another error, as EACCES or EROFS. That
         * error only counts if the directories below can't be made either. */
        if (mkdir(part, 0700) == 0 || errno == EEXIST)
            r = 0;
        else if (r == 0)
            r = -errno;
    }
    return r;
}

void io_hold_standard(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

uint64_t clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
