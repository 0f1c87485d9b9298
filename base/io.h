/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors. EINTR and short reads and writes are handled here and nowhere else, every
 * descriptor is O_CLOEXEC, and no path below a context root is resolved through a symbolic
 * link, unless io_open_in_root() is asked to.
 *
 * Thread: any.
 */
#ifndef CTXD_IO_H
#define CTXD_IO_H

#include "buf.h"

#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens root_fd/path (at most PATH_MAX - 1 bytes) without following a symbolic link in any
 * component and without leaving the root. `flags` are those of open(2); O_CLOEXEC is added.
 * The path "" or "." is the root itself.
 *
 * Returns the descriptor or -errno: -ELOOP if a component is a symbolic link (-ENOTDIR with
 * O_DIRECTORY), -ENAMETOOLONG, …
 */
int io_open_beneath(int root_fd, const char *path, int flags) must_use;

/*
 * The same, but symbolic links are followed as if root_fd were the root of the file system: an
 * absolute link starts there, and ".." does not leave it. This is how BuildKit follows links in
 * a context. A link to something that does not exist below the root gives -ENOENT.
 */
int io_open_in_root(int root_fd, const char *path, int flags) must_use;

/* Reads until `len` bytes or the end of the file. Returns the bytes read or -errno. */
ssize_t io_read_full(int fd, void *at, size_t len) must_use;
ssize_t io_pread_full(int fd, void *at, size_t len, off_t offset) must_use;

/* Writes all; waits if fd is non-blocking. 0 or -errno (-EPIPE if SIGPIPE is ignored). */
int io_write_full(int fd, const void *at, size_t len) must_use;

/* Appends everything up to the end of the file. 0, -errno, or -E2BIG past into's maximum. */
int io_read_rest(int fd, struct buf *into) must_use;

/*
 * Appends the content of the regular file dirfd/path (dirfd may be AT_FDCWD), following
 * symbolic links. A FIFO or a device can't block the caller: it gives -EINVAL, a directory
 * -EISDIR. Other failures: -errno of open and read, -E2BIG.
 */
int io_read_file(int dirfd, const char *path, struct buf *into) must_use;
/* The same for an open descriptor. */
int io_read_regular(int fd, struct buf *into) must_use;

/*
 * mkdir -p: makes the missing directories of a path (at most PATH_MAX - 1 bytes) with mode
 * 0700. Another process may make them at the same time. What already exists is not checked to
 * be a directory. 0 or -errno.
 */
int io_make_directories(const char *path) must_use;

/*
 * Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed. Without this, the
 * first file that a program opens could get the number of stderr, and messages would be written
 * into it. Must be the first call of main().
 */
void io_hold_standard(void);

/* Monotonic time in nanoseconds. */
uint64_t clock_now_ns(void);

#endif
