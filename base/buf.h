/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing buffer with a maximum, for content whose size comes from outside. A call that would
 * exceed the maximum fails with -E2BIG and leaves the content as it was.
 *
 *     cleanup_buf struct buf text = BUF(DOCKERFILE_MAX);
 *     r = io_read_file(dirfd, "Dockerfile", &text);
 *
 * Without memory the process ends (xmalloc.h). Thread: one at a time.
 */
#ifndef CTXD_BUF_H
#define CTXD_BUF_H

#include "bytes.h"
#include "fail.h"

struct buf {
    uint8_t *at;
    size_t len, cap;
    size_t max; /* bytes; 0: nothing may be added */
};

#define BUF(maximum) ((struct buf){.max = (maximum)})
#define cleanup_buf __attribute__((cleanup(buf_release)))

void buf_release(struct buf *b);
/* Drops the content, keeps the memory. */
void buf_clear(struct buf *b);
/* A view of the content, valid until the next call that adds. */
struct bytes buf_bytes(const struct buf *b);

/* Makes space for `more` bytes after the content. Each of these returns 0 or -E2BIG. */
int buf_reserve(struct buf *b, size_t more) must_use;
int buf_add(struct buf *b, const void *at, size_t len) must_use;
int buf_add_bytes(struct buf *b, struct bytes more) must_use;
int buf_add_byte(struct buf *b, uint8_t c) must_use;
int buf_add_zeros(struct buf *b, size_t len) must_use;
int buf_addf(struct buf *b, const char *format, ...) must_use
    __attribute__((format(printf, 2, 3)));

#endif
