/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which directory a descriptor or path leads to, and by which mount; and which mount points lie
 * below a directory, by /proc/self/mountinfo (proc(5)).
 *
 *     struct mounts mounts = {0};
 *     if (mounts_changed(fd))
 *         r = mounts_read(fd, BYTES("/home/me/app"), &mounts);
 *
 * Thread: any; one at a time for each descriptor and each struct.
 */
#ifndef CTXD_MOUNTS_H
#define CTXD_MOUNTS_H

#include "base.h"

/* A directory, as reached by one mount. By another mount, other things may lie below. */
struct identity {
    uint64_t dev, ino, mount; /* mount 0: the kernel doesn't tell (before 5.8) */
};

/* Identifies dir_fd/path; flags as in statx(2). false: errno says why. The kernel may use the
 * number of a mount again when the mount is gone and no descriptor refers to it. */
bool identify(int dir_fd, const char *path, int flags, struct identity *ret) must_use;
bool same_mount(const struct identity *a, const struct identity *b);
bool same_directory(const struct identity *a, const struct identity *b);

struct mounts {
    struct arena arena;
    struct bytes *paths; /* relative to the directory, sorted, each once */
    size_t n;
};

/* Bytes of the text. fs.mount-max allows a namespace 100,000 mounts; a line has some 200 bytes,
 * that of an overlay of many layers some thousands. */
#define MOUNTS_TEXT_MAX (64u << 20)

void mounts_release(struct mounts *mounts);

/* Reads the text of a mountinfo, and keeps the mount points below `root`, an absolute path.
 * Lines that can't be read are skipped. *ret is overwritten. */
void mounts_parse(struct bytes text, struct bytes root, struct mounts *ret);

/* Opens this process's mountinfo: a descriptor or -errno. */
int mounts_open(void) must_use;
/* Whether the mount table has changed since it was opened, or since the last call for the same
 * open file. Never waits. */
bool mounts_changed(int fd);
/* Reads the table anew. 0, or -errno (-E2BIG …) and *ret is untouched. */
int mounts_read(int fd, struct bytes root, struct mounts *ret) must_use;

#endif
