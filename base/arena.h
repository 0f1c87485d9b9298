/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that lives and dies together: a parse, a tree, a plan. Allocation never fails: a
 * size we chose, or one already bounded by a maximum, dies on out-of-memory.
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
    size_t used_bytes; /* allocated so far, for limits and statistics */
};

#define cleanup_arena __attribute__((cleanup(arena_release)))

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed, room for n of size each; dies where the product overflows. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* A copy that ends in a NUL, which its length does not count. */
struct bytes arena_copy(struct arena *a, struct bytes b);
char *arena_string(struct arena *a, struct bytes b);
struct bytes arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/*
 * Room for one more at the end of an arena array of *n elements and *cap room: doubles the
 * array where it is full (the old one stays in the arena). Returns the new element, zeroed.
 */
void *arena_push(struct arena *a, void *array_ptr, size_t *n, size_t *cap, size_t size);
#define ARENA_PUSH(a, array, n, cap)                                                           \
    ((__typeof__(array))arena_push((a), &(array), (n), (cap), sizeof(*(array))))

#endif
