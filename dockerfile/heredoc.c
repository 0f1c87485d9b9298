/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the heredocs of a logical line. If one is missed, its body is read as instructions; if
 * one is seen that isn't there, instructions are read as a body. So this file follows the
 * builder's rule with all its oddities. The rule always lexes by `\`, whatever the escape
 * directive says.
 */
#include "heredoc.h"
#include "lex.h"

#include <errno.h>

/* Lexes text into words, with no variable set. */
static int heredoc_lex(struct arena *arena, struct bytes text, bool raw_quotes,
                       enum lex_kind kind, struct lex *ret, struct failure *f)
{
    lex_init(ret, arena, text, '\\');
    /* Bytes, for the whole line. It can grow: bytes that are not UTF-8 become U+FFFD, and
     * substitutions are written out again. */
    struct lex_text all = {.text = BUF(8 * (size_t)DOCKERFILE_MAX)};
    ret->word.max = all.text.max;
    ret->raw_quotes = raw_quotes;
    ret->split = true;
    ret->f = f;
    int r = lex_until(ret, LEX_END, kind, &all);
    lex_text_release(&all);
    lex_release(ret);
    return ret->too_long ? fail(f, -E2BIG, "a word is too long") : r;
}

/* Go's `^(\d*)<<(-?)\s*([^<]*)$`. */
static bool heredoc_match(struct bytes word, bool *ret_chomp, struct bytes *ret_name)
{
    while (word.len && word.at[0] >= '0' && word.at[0] <= '9')
        word = bytes_from(word, 1);
    if (!bytes_starts(word, BYTES("<<")))
        return false;
    word = bytes_from(word, 2);
    *ret_chomp = word.len && word.at[0] == '-';
    word = bytes_from(word, *ret_chomp);
    while (word.len && word.at[0] && strchr("\t\n\f\r ", word.at[0]))
        word = bytes_from(word, 1);
    *ret_name = word;
    return bytes_find(word, '<') == word.len;
}

static size_t heredoc_count_quotes(struct bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\'' || text.at[i] == '"';
    return n;
}

/* 1: the word is a heredoc. 0: it is none. -EINVAL, -E2BIG: it can't be lexed. */
static int heredoc_read(struct arena *arena, struct bytes word, struct df_heredoc *ret,
                        struct failure *f)
{
    struct bytes name;
    struct lex plain, raw;
    bool chomp;
    if (!heredoc_match(word, &chomp, &name) || name.len == 0)
        return 0;
    int r = heredoc_lex(arena, name, false, LEX_WORD, &plain, f);
    if (r < 0 || plain.n_words != 1)
        return r;
    r = heredoc_lex(arena, name, true, LEX_WORD, &raw, f);
    if (r < 0)
        return r;
    if (raw.n_words != 1)
        return fail(f, -EINVAL, "the heredoc's name %s is ambiguous", QUOTE(name));
    *ret = (struct df_heredoc){
        .name = plain.words[0],
        .chomp = chomp,
        /* If the first lexing removed quotes that raw_quotes kept, a part was quoted. */
        .expand = heredoc_count_quotes(plain.words[0]) == heredoc_count_quotes(raw.words[0]),
    };
    return 1;
}

bool df_is_heredoc(struct bytes word)
{
    cleanup_arena struct arena arena = {0};
    struct df_heredoc heredoc;
    return memmem(word.at, word.len, "<<", 2) &&
           heredoc_read(&arena, word, &heredoc, NULL) == 1;
}

int df_heredocs(struct arena *arena, struct bytes line, struct df_heredoc **ret, size_t *ret_n,
                struct failure *f)
{
    struct lex l;
    size_t cap = 0;
    *ret = NULL;
    *ret_n = 0;
    if (!memmem(line.at, line.len, "<<", 2))
        return 0;
    /* A line that can't be lexed has no heredocs: `RUN echo it's <<x`. A line past our maxima
     * is an error. */
    int r = heredoc_lex(arena, line, true, LEX_RAW, &l, f);
    if (r < 0)
        return r == -EINVAL ? 0 : r;
    for (size_t i = 0; i < l.n_kept; i++) {
        struct df_heredoc heredoc;
        r = heredoc_read(arena, l.words[i], &heredoc, f);
        if (r < 0)
            return r;
        if (r > 0)
            *ARENA_PUSH(arena, *ret, ret_n, &cap) = heredoc;
    }
    return 0;
}
