/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of one directory, with their types, in byte order; "." and ".." are not among them.
 *
 *     cleanup_names struct names names = NAMES(NAMES_MAX);
 *     r = names_read(fd, &names);
 *     for (size_t i = 0; r == 0 && i < names.n; i++)
 *         look_at(names_at(&names, i), names.at[i].type);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_NAMES_H
#define CTXD_NAMES_H

#include "buf.h"

struct name {
    uint32_t at; /* in the bytes */
    uint16_t len;
    uint8_t type; /* DT_*; DT_UNKNOWN where the file system gives none */
};

struct names {
    struct name *at;
    size_t n, cap;
    struct buf bytes;
};

/* 4 GiB of names in one directory: what a uint32_t offset reaches. */
#define NAMES_MAX UINT32_MAX

/* maximum: of their bytes, a NUL each counted; at most NAMES_MAX. */
#define NAMES(maximum) ((struct names){.bytes = BUF(maximum)})
#define cleanup_names __attribute__((cleanup(names_release)))

/* Reads a directory from where its descriptor stands, which is moved to the end. 0, -E2BIG or
 * -errno; *names is to be released either way. */
int names_read(int fd, struct names *names) must_use;
void names_release(struct names *names);

/* A NUL stands behind it. */
struct bytes names_at(const struct names *names, size_t i);

#endif
