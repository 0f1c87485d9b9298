/* SPDX-License-Identifier: Apache-2.0 */
#include "rune-class.h"

#include "base.h"

#include <stdlib.h>

void class_add(struct class_builder *c, uint32_t low, uint32_t high)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 8;
        c->ranges = xrealloc(c->ranges, c->cap * sizeof(*c->ranges));
    }
    c->ranges[c->n++] = (struct rune_range){low, high};
}

void class_add_all(struct class_builder *c, const struct class_builder *from)
{
    for (size_t i = 0; i < from->n; i++)
        class_add(c, from->ranges[i].low, from->ranges[i].high);
}

static int class_compare_ranges(const void *a, const void *b)
{
    const struct rune_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

void class_clean(struct class_builder *c)
{
    if (c->n == 0)
        return;
    qsort(c->ranges, c->n, sizeof(*c->ranges), class_compare_ranges);
    size_t n = 1;
    for (size_t i = 1; i < c->n; i++) {
        struct rune_range *last = &c->ranges[n - 1], next = c->ranges[i];
        if (next.low > last->high + 1)
            c->ranges[n++] = next;
        else if (next.high > last->high)
            last->high = next.high;
    }
    c->n = n;
}

void class_negate(struct class_builder *c)
{
    class_clean(c);
    size_t n = c->n;
    struct rune_range *old = steal(&c->ranges);
    *c = (struct class_builder){0};
    uint32_t next = 0;
    for (size_t i = 0; i < n; i++) {
        if (old[i].low > next)
            class_add(c, next, old[i].low - 1);
        next = old[i].high + 1;
    }
    if (next <= RUNE_MAX)
        class_add(c, next, RUNE_MAX);
    free(old);
}

bool class_has(const struct rune_class *c, uint32_t rune)
{
    if (rune < 128)
        return c->ascii[rune / 64] >> rune % 64 & 1;
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->ranges[middle].high < rune)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->n && c->ranges[low].low <= rune;
}
