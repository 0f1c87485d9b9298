/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes tar headers: ustar, with further entries before it only if ustar has no room for a
 * value. tar-header.c has the table.
 *
 *     struct tar_header h = {.path = path, .type = '0', .mode = 0644, .size = len};
 *     tar_add_header(&out, &h);
 *
 * Thread: any.
 */
#ifndef CTXD_TAR_HEADER_H
#define CTXD_TAR_HEADER_H

#include "base.h"

/* Bytes. Enough for a PAX header with the longest path and target of Linux (4 KiB each). */
#define TAR_HEADER_MAX (64u << 10)

struct tar_header {
    struct bytes path; /* of a directory: without a slash at the end */
    uint8_t type;      /* '0' file, '1' hard link, '2' symbolic link, '5' directory, '6' FIFO */
    uint32_t mode;     /* permission, set-id and sticky bits */
    uint64_t size;     /* content bytes; 0 for all types but '0' */
    int64_t mtime;     /* seconds since 1970 */
    struct bytes link; /* the target; for '1' and '2' */
};

/* Appends the header. Aborts if *out has no room for tar_header_size(h) bytes. */
void tar_add_header(struct buf *out, const struct tar_header *h);
/* The number of bytes that tar_add_header() appends. */
size_t tar_header_size(const struct tar_header *h);
/* Whether a single ustar header has room for every value. */
bool tar_is_plain(const struct tar_header *h);
/* Appends junk in header position that every reader rejects (docs/stream.md). */
void tar_add_poison(struct buf *out);

#endif
