/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which directory it is, and by which mount; and the mount points below one, by
 * /proc/self/mountinfo (proc(5)).
 *
 *     struct mounts mounts = {0};
 *     if (mounts_changed(fd))
 *         r = mounts_read(fd, BYTES("/home/me/app"), &mounts);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_MOUNTS_H
#define CTXD_MOUNTS_H

#include "base.h"

/* One directory, as reached by one mount: by another one, other things may be mounted below. */
struct identity {
    uint64_t dev, ino, mount; /* mount 0: the kernel doesn't say (before 5.8) */
};

/* Of dir_fd/path, with AT_* flags. The kernel uses a mount's number again once nobody has it
 * open. false: errno says why. */
bool identify(int dir_fd, const char *path, int flags, struct identity *ret) must_use;
bool same_mount(const struct identity *a, const struct identity *b);
bool same_directory(const struct identity *a, const struct identity *b);

struct mounts {
    struct arena arena;
    struct bytes *paths; /* relative to the directory, sorted, each once */
    size_t n;
};

/* fs.mount-max lets a namespace have 100,000 mounts; a line has some 200 bytes, of an overlay
 * of many layers some thousands. */
#define MOUNTS_TEXT_MAX (64u << 20)

void mounts_release(struct mounts *mounts);

/* Reads the text of a mountinfo: what lies below `root`, an absolute path. A line that is no
 * line of a mountinfo is passed over. *ret is overwritten. */
void mounts_parse(struct bytes text, struct bytes root, struct mounts *ret);

/* Opens this process's mountinfo: a descriptor or -errno. */
int mounts_open(void) must_use;
/* Whether the mount table changed since it was opened or since this was last asked of the same
 * open file. Never waits. */
bool mounts_changed(int fd);
/* Reads it anew. 0 or -errno (-E2BIG …), with *ret untouched. */
int mounts_read(int fd, struct bytes root, struct mounts *ret) must_use;

#endif
