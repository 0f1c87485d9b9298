/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include "arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *b)
{
    free(b->at);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->at, b->len};
}

int buf_reserve(struct buf *b, size_t more)
{
    if (more > b->max || b->len > b->max - more)
        return -E2BIG;
    size_t need = b->len + more;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    b->at = xrealloc(b->at, cap);
    b->cap = cap;
    return 0;
}

int buf_add(struct buf *b, const void *at, size_t len)
{
    int r = buf_reserve(b, len);
    if (r < 0 || len == 0)
        return r;
    memcpy(b->at + b->len, at, len);
    b->len += len;
    return 0;
}

int buf_add_bytes(struct buf *b, struct bytes more)
{
    return buf_add(b, more.at, more.len);
}

int buf_add_byte(struct buf *b, uint8_t c)
{
    return buf_add(b, &c, 1);
}

int buf_add_zeros(struct buf *b, size_t len)
{
    int r = buf_reserve(b, len);
    if (r < 0 || len == 0)
        return r;
    memset(b->at + b->len, 0, len);
    b->len += len;
    return 0;
}

int buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int len = vsnprintf(room ? (char *)b->at + b->len : NULL, room, format, args);
    va_end(args);
    /* One byte more than the text: vsnprintf writes a NUL, which len does not count. */
    int r = len < 0 ? -EINVAL : buf_reserve(b, (size_t)len + 1);
    if (r == 0 && (size_t)len >= room)
        vsnprintf((char *)b->at + b->len, (size_t)len + 1, format, again);
    if (r == 0)
        b->len += (size_t)len;
    va_end(again);
    return r;
}
