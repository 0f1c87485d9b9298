/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line: logical lines of a Dockerfile, and messages that name one.
 *
 * A logical line is one physical line or several, joined where a continuation mark ends one.
 * dockerfile-parse.c builds it. Its spans lead from an offset in the joined text back to the
 * offset in the file:
 *
 *     COPY --from=a \        spans of the logical line "COPY --from=a   b c":
 *     # a comment                joined 0  <- text 0   "COPY --from=a "
 *       b c                      joined 14 <- text 28  "  b c"
 *
 * df_where(), which gives the "NAME:LINE" of messages, is in dockerfile.h. Thread: any.
 */
#ifndef CTXD_LINE_H
#define CTXD_LINE_H

#include "dockerfile.h"

/* A part of a logical line that is contiguous in the text. */
struct df_span {
    size_t joined; /* offset of its first byte in the logical line */
    size_t at;     /* offset of the same byte in the text */
};

struct df_line {
    struct bytes text;     /* the logical line, without continuation marks and comments */
    struct df_span *spans; /* ascending; one at least */
    size_t n_spans, cap_spans;
    uint32_t first; /* 1-based number of the first physical line */
};

/* The offset in the text of the byte at offset `joined`. */
size_t df_line_at(const struct df_line *line, size_t joined);
/* The offset in the text right after the byte at offset joined - 1: where something ends. If
 * the line is continued there, df_line_at(line, joined) is in the next physical line. */
size_t df_line_end(const struct df_line *line, size_t joined);

/* Fills f with "NAME:LINE: " and the text. Returns -EINVAL. */
int df_fail(const struct dockerfile *df, uint32_t line, struct failure *f, const char *format,
            ...) __attribute__((format(printf, 4, 5)));
/* Puts "NAME:LINE: " before the text that f contains. Returns code. */
int df_wrap(const struct dockerfile *df, uint32_t line, struct failure *f, int code);

#endif
