/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t cap, used;
    max_align_t at[];
};

/* Bytes of the first block (a page) and of the largest. Each block is twice as large as the one
 * before, so a tree of any size takes few of them. */
enum { BLOCK_FIRST = 4096 - sizeof(struct arena_block), BLOCK_LARGEST = 1 << 20 };

/* align: 1 for text, that of max_align_t for objects. */
static void *arena_take(struct arena *a, size_t size, size_t align)
{
    struct arena_block *b = a->first;
    size_t start = b ? (b->used + align - 1) & ~(align - 1) : 0;
    if (!b || start > b->cap || size > b->cap - start) {
        size_t cap = b ? b->cap * 2 : BLOCK_FIRST;
        if (cap > BLOCK_LARGEST)
            cap = BLOCK_LARGEST;
        if (cap < size)
            cap = size;
        if (cap > SIZE_MAX - sizeof(*b))
            xmalloc_failed();
        struct arena_block *more = xcalloc(1, sizeof(*b) + cap);
        *more = (struct arena_block){.next = b, .cap = cap};
        a->first = b = more;
        start = 0;
    }
    b->used = start + size;
    a->used_bytes += size;
    return (uint8_t *)b->at + start;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return arena_take(a, size, _Alignof(max_align_t));
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        xmalloc_failed();
    return arena_alloc(a, total);
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
    if (b.len == SIZE_MAX)
        xmalloc_failed();
    uint8_t *at = arena_take(a, b.len + 1, 1);
    if (b.len)
        memcpy(at, b.at, b.len);
    at[b.len] = 0;
    return (struct bytes){at, b.len};
}

char *arena_string(struct arena *a, struct bytes b)
{
    struct bytes copy = arena_copy(a, b);
    return (char *)(uintptr_t)copy.at;
}

struct bytes arena_printf(struct arena *a, const char *format, ...)
{
    char most[256]; /* most texts fit, and need not be formatted twice */
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(most, sizeof(most), format, args);
    va_end(args);
    if (len < 0)
        xmalloc_failed();
    char *at = arena_take(a, (size_t)len + 1, 1);
    if ((size_t)len < sizeof(most))
        memcpy(at, most, (size_t)len + 1);
    else
        vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return bytes_at(at, (size_t)len);
}

void *arena_push(struct arena *a, void *array_ptr, size_t *n, size_t *cap, size_t size)
{
    uint8_t *array;
    memcpy(&array, array_ptr, sizeof(array));
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        uint8_t *more = arena_array(a, *cap, size);
        if (*n)
            memcpy(more, array, *n * size);
        array = more;
        memcpy(array_ptr, &array, sizeof(array));
    }
    return array + (*n)++ * size;
}

void arena_release(struct arena *a)
{
    while (a->first) {
        struct arena_block *b = a->first;
        a->first = b->next;
        free(b);
    }
    *a = (struct arena){0};
}
