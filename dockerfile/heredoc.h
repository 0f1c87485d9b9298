/* SPDX-License-Identifier: Apache-2.0 */
/* heredoc: which words of a logical line are heredocs. df_is_heredoc(), which judges one word,
 * is in dockerfile.h. Thread: any. Source: BuildKit parser/parser.go, ParseHeredoc. */
#ifndef CTXD_HEREDOC_H
#define CTXD_HEREDOC_H

#include "dockerfile.h"

/* The heredocs that a logical line asks for, in order, with empty bodies; dockerfile-parse.c
 * reads those. -EINVAL with f filled: a word that looks like a heredoc but can't be one.
 * -E2BIG: a word is too long, or nested too deep. */
int df_heredocs(struct arena *arena, struct bytes line, struct df_heredoc **ret, size_t *ret_n,
                struct failure *f) must_use;

#endif
