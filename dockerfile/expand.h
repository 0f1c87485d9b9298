/* SPDX-License-Identifier: Apache-2.0 */
/* expand: substitutions, as lex.c meets them. df_expand(), which expands a whole word, is in
 * dockerfile.h. Thread: any. */
#ifndef CTXD_EXPAND_H
#define CTXD_EXPAND_H

#include "lex.h"

/* Reads the `$` at the head of l->rest with the substitution that it begins, and puts its value
 * into out. -EINVAL with f filled: malformed. -E2BIG: it takes too long or is nested too
 * deep. */
int lex_dollar(struct lex *l, struct lex_text *out) must_use;

#endif
