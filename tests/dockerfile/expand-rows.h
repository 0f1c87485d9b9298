/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand-rows: words, and what df_expand() makes of each. For the tests of dockerfile/expand.c
 * and of the files below it. The rules are those of BuildKit's shell/lex.go;
 * tests/oracle-dockerfile asks BuildKit itself about many more words than these.
 */
#ifndef CTXD_EXPAND_ROWS_H
#define CTXD_EXPAND_ROWS_H

#include "dockerfile.h"

/*
 * The variables of all rows. Known: A=a/b.c.c  E= (empty)  S="x y"  D=$0  Q=it's
 * N=a<newline>b  G=aab  B=a\b*  1=one  12=twelve  @=at. Unknown: U, and P with the guess
 * guess/b. All others are unset.
 */
enum df_value expand_look_up(void *scope, struct bytes name, struct bytes *ret_value);

struct expand_row {
    const char *word, *want; /* NULL: refused with -EINVAL */
};

void expand_check(const struct expand_row *row, uint8_t escape);

/* Checks each {word, want} in the case at hand. */
#define EXPAND_ROWS(escape, ...)                                                               \
    do {                                                                                       \
        static const struct expand_row rows_[] = {__VA_ARGS__};                                \
        for (size_t i = 0; i < ARRAY_SIZE(rows_); i++)                                         \
            expand_check(&rows_[i], (escape));                                                 \
    } while (0)

#endif
