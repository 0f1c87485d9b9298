/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: the ways in which the text of an instruction is split into words.
 *
 * Flags have their quotes and escapes resolved. All other words keep them for df_expand().
 * Words are in the arena or in the text that is split. Thread: any.
 * Source: BuildKit parser/line_parsers.go and parser/split_command.go.
 */
#ifndef CTXD_WORDS_H
#define CTXD_WORDS_H

#include "line.h"

/* Go's `[\t\v\f\r ]`, the blanks at which BuildKit splits text without regard to quotes. */
bool df_is_blank(uint8_t c);

struct df_words {
    struct bytes *at;
    size_t n, cap;
    size_t left; /* how many more may be added */
};
/* -E2BIG if none is left. */
int df_words_add(struct arena *arena, struct df_words *words, struct bytes word) must_use;

/* Splits the leading --flags off args, which is a part of line->text. *ret_rest is what follows
 * them, untrimmed. -E2BIG past DOCKERFILE_WORDS_MAX flags. Source: extractBuilderFlags. */
int df_split_flags(struct arena *arena, const struct df_line *line, struct bytes args,
                   uint8_t escape, struct df_flag **ret, size_t *ret_n,
                   struct bytes *ret_rest) must_use;

/* Splits at blanks; quotes protect nothing. -E2BIG as df_words_add(). */
int df_split_blanks(struct arena *arena, struct bytes text, struct df_words *words) must_use;

/* Splits at Unicode space. Quotes and escapes protect it, and stay in the words. -E2BIG as
 * df_words_add(). Source: parseWords. */
int df_split_quoted(struct arena *arena, struct bytes text, uint8_t escape,
                    struct df_words *words) must_use;

/* Splits the arguments of ENV into names and values, by turns. -EINVAL with f filled, but
 * without a line; -E2BIG as df_words_add(). Source: parseNameVal. */
int df_split_env(struct arena *arena, struct bytes text, uint8_t escape, struct df_words *words,
                 struct failure *f) must_use;

#endif
