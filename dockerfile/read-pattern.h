/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read-pattern: the `*` and `?` patterns of ${x#p}, ${x%p} and ${x/p/r}, matched as BuildKit's
 * regular expressions do. Texts are runes. All memory is in the arena. Thread: any.
 */
#ifndef CTXD_READ_PATTERN_H
#define CTXD_READ_PATTERN_H

#include "base.h"

struct rune_pattern {
    int32_t *at; /* each a rune, PATTERN_ANY or PATTERN_STAR */
    size_t n;
};
enum { PATTERN_ANY = -1, PATTERN_STAR = -2 };
/* No match begins here. */
#define PATTERN_NONE UINT32_MAX

/* `mirror`: the pattern is for matching mirrored text. -EINVAL with f filled: a backslash
 * before a rune that it can't escape. */
int rune_pattern_compile(struct arena *arena, struct bytes word, bool mirror,
                         struct rune_pattern *ret, struct failure *f) must_use;

/* Text as runes. at[i] is the offset of rune i in the bytes it was decoded from; at[n] is their
 * length. */
struct runes {
    uint32_t *rune;
    uint32_t *at;
    size_t n;
};
void runes_decode(struct arena *arena, struct bytes text, struct runes *ret);
/* Reverses the order of the runes. `at` stays as it is, so it is of no use afterwards. */
void runes_mirror(struct runes *runes);

/*
 * Sets ret_ends[i] (the caller gives room for text->n + 1) to the place where a match that
 * begins at rune i ends, or to PATTERN_NONE: the longest match if greedy, else the shortest.
 * Takes text->n * p->n steps.
 */
void rune_pattern_match(const struct rune_pattern *p, const struct runes *text, bool greedy,
                        uint32_t *ret_ends);

#endif
