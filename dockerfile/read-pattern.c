/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches the patterns of ${x#p}, ${x%p} and ${x/p/r}. BuildKit turns them into regular
 * expressions, so the rules are those of Go's regexp: `*` is `.*` and `?` is `.`, which don't
 * match a newline. Of several matches the leftmost counts, either the longest or the shortest.
 *
 * An array contains, for each rune of the text, where a match of a tail of the pattern ends if
 * it begins at that rune. It starts with the empty tail. Then the elements of the pattern are
 * taken from the last to the first, and each turns it into the array of a longer tail:
 *
 *     text    a   b   c   b   .        pattern  *b, longest
 *             0   1   2   3   4   5    empty tail: matches everywhere, and ends where it begins
 *             -   2   -   4   -   -    b: matches only where a b stands
 *             4   4   4   4   -   -    *: ends where a match ends that begins here or later
 *
 * That is n·m steps for any input, with few branches and no backtracking.
 */
#include "read-pattern.h"
#include "lex.h"

#include <errno.h>

void runes_decode(struct arena *arena, struct bytes text, struct runes *ret)
{
    *ret = (struct runes){
        .rune = ARENA_ARRAY(arena, text.len + 1, uint32_t),
        .at = ARENA_ARRAY(arena, text.len + 1, uint32_t),
    };
    size_t at = 0;
    for (; at < text.len; ret->n++) {
        ret->at[ret->n] = (uint32_t)at;
        at += utf8_decode(bytes_from(text, at), &ret->rune[ret->n]);
    }
    ret->at[ret->n] = (uint32_t)at;
}

void runes_mirror(struct runes *runes)
{
    for (size_t i = 0; i < runes->n / 2; i++) {
        uint32_t first = runes->rune[i];
        runes->rune[i] = runes->rune[runes->n - 1 - i];
        runes->rune[runes->n - 1 - i] = first;
    }
}

/* Reverses the pattern, but a backslash stays before the rune that it escapes. */
static void rune_pattern_mirror(struct arena *arena, struct runes *p)
{
    uint32_t *out = ARENA_ARRAY(arena, p->n + 1, uint32_t);
    for (size_t i = 0; i < p->n; i++) {
        size_t to = p->n - 1 - i;
        if (p->rune[i] == '\\' && i + 1 < p->n) {
            out[to - 1] = '\\';
            out[to] = p->rune[++i];
        } else {
            out[to] = p->rune[i];
        }
    }
    p->rune = out;
}

int rune_pattern_compile(struct arena *arena, struct bytes word, bool mirror,
                         struct rune_pattern *ret, struct failure *f)
{
    struct runes from;
    runes_decode(arena, word, &from);
    if (mirror)
        rune_pattern_mirror(arena, &from);
    struct rune_pattern p = {.at = ARENA_ARRAY(arena, from.n + 1, int32_t)};
    /* The builder reads the pattern with a scanner that drops a byte-order mark. */
    for (size_t i = from.n && from.rune[0] == 0xfeff; i < from.n; i++) {
        uint32_t c = from.rune[i];
        if (c == '*') {
            p.at[p.n++] = PATTERN_STAR;
            continue;
        }
        if (c == '?') {
            p.at[p.n++] = PATTERN_ANY;
            continue;
        }
        if (c == '\\') {
            uint32_t next = i + 1 < from.n ? from.rune[i + 1] : LEX_END;
            if (next == '}' || next == '/')
                continue;
            if (next != '*' && next != '?' && next != '\\')
                return fail(f, -EINVAL,
                            "the pattern %s has a backslash that escapes none of * ? \\ / }",
                            QUOTE(word));
            c = next;
            i++;
        }
        p.at[p.n++] = (int32_t)c;
    }
    *ret = p;
    return 0;
}

static void rune_pattern_match_star(const struct runes *text, bool greedy, uint32_t *ends)
{
    for (size_t i = text->n; i-- > 0;) {
        bool further = text->rune[i] != '\n' && ends[i + 1] != PATTERN_NONE;
        if (further && (greedy || ends[i] == PATTERN_NONE))
            ends[i] = ends[i + 1];
    }
}

void rune_pattern_match(const struct rune_pattern *p, const struct runes *text, bool greedy,
                        uint32_t *ret_ends)
{
    for (size_t i = 0; i <= text->n; i++)
        ret_ends[i] = (uint32_t)i;
    for (size_t j = p->n; j-- > 0;) {
        int32_t c = p->at[j];
        if (c == PATTERN_STAR) {
            rune_pattern_match_star(text, greedy, ret_ends);
            continue;
        }
        for (size_t i = 0; i < text->n; i++) {
            uint32_t rune = text->rune[i];
            bool fits = c == PATTERN_ANY ? rune != '\n' : rune == (uint32_t)c;
            ret_ends[i] = fits ? ret_ends[i + 1] : PATTERN_NONE;
        }
        ret_ends[text->n] = PATTERN_NONE;
    }
}
