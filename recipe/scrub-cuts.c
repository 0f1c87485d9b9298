/* SPDX-License-Identifier: Apache-2.0 */
#include "scrub-cuts.h"

#include <stdlib.h>

/* Findings that are kept; nobody reads more, and to count lines takes time. */
#define FINDINGS_MAX 256

static uint32_t scrub_line_of(struct scrub *s, size_t at)
{
    if (s->line == 0 || at < s->line_at) {
        s->line = 1;
        s->line_at = 0;
    }
    for (; s->line_at < at; s->line_at++) {
        bool cr = s->text.at[s->line_at] == '\r' && scrub_peek(s, s->line_at + 1) != '\n';
        s->line += s->text.at[s->line_at] == '\n' || cr;
    }
    return s->line;
}

void scrub_cut_more(struct scrub *s, size_t from, size_t to)
{
    if (from < to)
        *ARENA_PUSH(s->arena, s->cuts, &s->n, &s->cap) = (struct cut){from, to};
}

void scrub_cut(struct scrub *s, size_t from, size_t to, size_t at, struct bytes what)
{
    if (from >= to)
        return;
    scrub_cut_more(s, from, to);
    if (s->n_found == FINDINGS_MAX)
        return;
    *ARENA_PUSH(s->arena, s->found, &s->n_found, &s->cap_found) =
        (struct finding){scrub_line_of(s, at), what};
}

struct scrub_mark scrub_mark(const struct scrub *s)
{
    return (struct scrub_mark){s->n, s->n_found};
}

void scrub_return(struct scrub *s, struct scrub_mark mark)
{
    s->n = mark.n;
    s->n_found = mark.n_found;
}

static int scrub_compare(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

void scrub_settle(struct scrub *s)
{
    size_t n = 0;
    if (s->n)
        qsort(s->cuts, s->n, sizeof(*s->cuts), scrub_compare);
    for (size_t i = 0; i < s->n; i++) {
        if (n && s->cuts[i].from <= s->cuts[n - 1].to) {
            if (s->cuts[i].to > s->cuts[n - 1].to)
                s->cuts[n - 1].to = s->cuts[i].to;
        } else {
            s->cuts[n++] = s->cuts[i];
        }
    }
    s->n = s->settled = n;
}

size_t scrub_inside(const struct scrub *s, size_t at)
{
    size_t low = 0, high = s->settled;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->cuts[middle].to <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->settled && s->cuts[low].from <= at ? s->cuts[low].to : 0;
}

struct bytes scrub_result(struct scrub *s)
{
    uint8_t *out = arena_alloc(s->arena, s->text.len + 1);
    size_t len = 0, at = 0;
    scrub_settle(s);
    for (size_t i = 0; i <= s->n; i++) {
        size_t to = i < s->n ? s->cuts[i].from : s->text.len;
        memcpy(out + len, s->text.at + at, to - at);
        len += to - at;
        at = i < s->n ? s->cuts[i].to : to;
    }
    return bytes_at(out, len);
}

size_t scrub_line_end(const struct scrub *s, size_t at)
{
    while (at < s->text.len && s->text.at[at] != '\n')
        at++;
    return at;
}

size_t scrub_line_start(const struct scrub *s, size_t at)
{
    while (at > 0 && s->text.at[at - 1] != '\n')
        at--;
    return at;
}

struct cut scrub_whole_lines(const struct scrub *s, size_t from, size_t to)
{
    size_t start = from, end = to;
    while (start > 0 && strchr(" \t", s->text.at[start - 1]))
        start--;
    while (end < s->text.len && strchr(" \t\r", s->text.at[end]))
        end++;
    bool alone = (start == 0 || s->text.at[start - 1] == '\n') &&
                 (end == s->text.len || s->text.at[end] == '\n');
    if (!alone)
        return (struct cut){from, to};
    return (struct cut){start, end < s->text.len ? end + 1 : end};
}
