/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of runes: built range by range, then asked.
 *
 *     struct class_builder c = {0};
 *     class_add(&c, 'a', 'z');
 *     class_negate(&c);
 *     … c.ranges[0 … c.n) …
 *     free(c.ranges);
 *
 * Thread: any, one at a time for each builder.
 */
#ifndef CTXD_RUNE_CLASS_H
#define CTXD_RUNE_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNE_MAX 0x10ffffu

struct rune_range {
    uint32_t low, high; /* inclusive */
};

/* A finished set, in the arena of its program. */
struct rune_class {
    struct rune_range *ranges; /* sorted, disjoint */
    size_t n;
    uint64_t ascii[2]; /* a bit for each rune below 128, which most names consist of */
};

/* A set under construction. The caller frees `ranges`. */
struct class_builder {
    struct rune_range *ranges; /* in any order and overlapping, until class_clean() */
    size_t n, cap;
};

void class_add(struct class_builder *c, uint32_t low, uint32_t high);
/* Adds all ranges of `from`. */
void class_add_all(struct class_builder *c, const struct class_builder *from);
/* Makes it the set of all other runes up to RUNE_MAX; the result is clean. */
void class_negate(struct class_builder *c);
/* Sorts the ranges and merges those that touch. */
void class_clean(struct class_builder *c);

bool class_has(const struct rune_class *c, uint32_t rune);

#endif
