/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse-rows: files, and what dockerfile_parse() makes of each, as text. For the tests of
 * dockerfile/dockerfile-parse.c and of the files below it. The rules are BuildKit's;
 * tests/oracle-dockerfile asks BuildKit itself about many more files than these.
 */
#ifndef CTXD_PARSE_ROWS_H
#define CTXD_PARSE_ROWS_H

#include "dockerfile.h"

struct parse_row {
    const char *title;
    const char
        *source; /* of the rule: a file or function of BuildKit's or of Go's, or "ours" */
    struct bytes text;
    const char *want; /* as parse_render() writes it */
};

/* A string literal as bytes, for tables. */
#define B(literal)                                                                             \
    {                                                                                          \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                     \
    }

/* A case for each row. */
void parse_rows(const struct parse_row *rows, size_t n);

/*
 * Parses `text` as "Dockerfile" and appends its instructions to out, a line each:
 *
 *     2 COPY --from=x [a][b]      first line, keyword, flags, words in brackets
 *     3-5 RUN <<E {E:body\n}      first and last line, arguments, heredocs in braces
 *
 * A word that is a heredoc is in `<…>`. If the parse fails, the text is the message.
 */
void parse_render(struct bytes text, struct buf *out);

/* The parse of a good file; NULL, and the case fails, if it is not. */
struct dockerfile *parse_good(struct bytes text);

#endif
