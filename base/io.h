/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: EINTR and short I/O in one place, O_CLOEXEC always, and no path below a
 * context root ever resolved through a link.
 *
 * Thread: any.
 */
#ifndef CTXD_IO_H
#define CTXD_IO_H

#include "buf.h"

#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens root_fd/path (no NUL inside; at most PATH_MAX - 1 bytes) without following a link in
 * any component and without leaving the root. `flags` as for open(2), O_CLOEXEC is added.
 * Path "" or "." is the root itself.
 * Returns the descriptor or -errno: -ELOOP where a component is a link (-ENOTDIR with
 * O_DIRECTORY), -ENAMETOOLONG, …
 */
int io_open_beneath(int root_fd, const char *path, int flags) must_use;

/*
 * The same, but links are followed as if root_fd were the root of the file system: absolute
 * ones from there, ".." not above it (so BuildKit follows them in a context). A link that leads
 * nowhere below gives -ENOENT.
 */
int io_open_in_root(int root_fd, const char *path, int flags) must_use;

/* Reads until `len` bytes or the end of the file. Returns the bytes read or -errno. */
ssize_t io_read_full(int fd, void *at, size_t len) must_use;
ssize_t io_pread_full(int fd, void *at, size_t len, off_t offset) must_use;

/* Writes all. 0 or -errno (-EPIPE with SIGPIPE ignored). Waits where fd is non-blocking. */
int io_write_full(int fd, const void *at, size_t len) must_use;

/* Appends the rest of fd to *into; -E2BIG past its maximum. */
int io_read_rest(int fd, struct buf *into) must_use;

/*
 * Appends the content of dirfd/path (dirfd may be AT_FDCWD), following links. Opens without
 * blocking and takes regular files only, so that a FIFO or device can't hang us: they give
 * -EINVAL, a directory -EISDIR. Others: -errno of open and read, -E2BIG.
 */
int io_read_file(int dirfd, const char *path, struct buf *into) must_use;
/* The same of an open descriptor. */
int io_read_regular(int fd, struct buf *into) must_use;

/*
 * mkdir -p: makes what is missing of a path, at most PATH_MAX - 1 bytes, for its owner alone.
 * Others may make it at the same time; whether what is there is a directory is not looked at.
 * 0 or -errno.
 */
int io_make_directories(const char *path) must_use;

/*
 * Opens /dev/null for what is closed of 0, 1 and 2: what a program opens first would get such a
 * number, and messages with it. The first call of main.
 */
void io_hold_standard(void);

/* Monotonic time in nanoseconds. */
uint64_t clock_now_ns(void);

#endif
