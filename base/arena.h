/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed together: that of a parse, a tree, a plan.
 *
 * Allocation never fails. Every size is one that we chose or that a maximum already bounds, so
 * the process ends if there is no memory.
 *
 *     cleanup_arena struct arena arena = {0};
 *     struct stage *s = ARENA_NEW(&arena, struct stage);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_ARENA_H
#define CTXD_ARENA_H

#include "bytes.h"
#include "xmalloc.h"

struct arena_block;
struct arena {
    struct arena_block *first;
    size_t used_bytes; /* given out so far; for limits and statistics */
};

#define cleanup_arena __attribute__((cleanup(arena_release)))

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed memory for n elements of `size` bytes; the process ends if the product overflows. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* A copy. A NUL, which the length does not count, follows it. */
struct bytes arena_copy(struct arena *a, struct bytes b);
/* The same as a C string. */
char *arena_string(struct arena *a, struct bytes b);
struct bytes arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/*
 * Appends one zeroed element to an array of *n elements, for which there is space for *cap, and
 * returns it. Doubles a full array; the old one stays in the arena. array_ptr is the address of
 * the array's pointer.
 */
void *arena_push(struct arena *a, void *array_ptr, size_t *n, size_t *cap, size_t size);
#define ARENA_PUSH(a, array, n, cap)                                                           \
    ((__typeof__(array))arena_push((a), &(array), (n), (cap), sizeof(*(array))))

#endif
