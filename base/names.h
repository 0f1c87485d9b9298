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
    uint32_t at; /* offset in `bytes` */
    uint16_t len;
    uint8_t type; /* DT_*; DT_UNKNOWN if the file system gives none */
};

struct names {
    struct name *at;
    size_t n, cap;
    struct buf bytes;
};

/* Bytes of names in one directory: as far as a uint32_t offset reaches, 4 GiB. */
#define NAMES_MAX UINT32_MAX

/* maximum: bytes of all names, each with its NUL; at most NAMES_MAX. */
#define NAMES(maximum) ((struct names){.bytes = BUF(maximum)})
#define cleanup_names __attribute__((cleanup(names_release)))

/*
 * Reads the directory from the current position of fd up to its end. 0, -E2BIG or -errno; the
 * caller releases *names in each case.
 */
int names_read(int fd, struct names *names) must_use;
void names_release(struct names *names);

/* Name i, valid until *names is released. A NUL follows it, which the length does not count. */
struct bytes names_at(const struct names *names, size_t i);

#endif
