/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one scrub: the text, the ranges that are cut out of it, and what they held. Only
 * scrub*.c include this header. Offsets are bytes into `text`. Thread: one at a time.
 */
#ifndef CTXD_SCRUB_CUTS_H
#define CTXD_SCRUB_CUTS_H

#include "scrub.h"

struct cut {
    size_t from, to;
};

struct scrub {
    struct arena *arena;
    struct bytes path, text;
    struct cut *cuts;
    size_t n, cap, settled; /* settled: so many are sorted */
    struct finding *found;
    size_t n_found, cap_found;
    size_t line_at;  /* a known place: the line of this offset … */
    uint32_t line;   /* … 1-based */
    size_t comments; /* comments before this were looked at */
    bool lock;       /* a lock file: only URLs and shapes count */
};

/* Cuts [from, to) and notes what it was; `at` is where the line is counted. */
void scrub_cut(struct scrub *s, size_t from, size_t to, size_t at, struct bytes what);
/* Cuts without a note, beside another cut. */
void scrub_cut_more(struct scrub *s, size_t from, size_t to);
/* A place to return to, if a larger range is cut instead. */
struct scrub_mark {
    size_t n, n_found;
};
struct scrub_mark scrub_mark(const struct scrub *s);
void scrub_return(struct scrub *s, struct scrub_mark mark);
/* Sorts and joins the cuts. */
void scrub_settle(struct scrub *s);
/* The end of the settled cut that contains the offset; 0 if none does. */
size_t scrub_inside(const struct scrub *s, size_t at);
/* The text without the cuts. */
struct bytes scrub_result(struct scrub *s);

static inline struct bytes scrub_part(const struct scrub *s, size_t from, size_t to)
{
    return bytes_head(bytes_from(s->text, from), to - from);
}
static inline int scrub_peek(const struct scrub *s, size_t at)
{
    return at < s->text.len ? s->text.at[at] : -1;
}
/* The offset of the end of the line that contains `at`. */
size_t scrub_line_end(const struct scrub *s, size_t at);
/* The offset of the beginning of that line. */
size_t scrub_line_start(const struct scrub *s, size_t at);
/* The range of [from, to), and with it the whole line or lines if nothing else is in them. */
struct cut scrub_whole_lines(const struct scrub *s, size_t from, size_t to);

#endif
