/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexer of words: quotes, escapes, and where a substitution begins. It reads runes, as the
 * builder's lexer does: a byte that is not UTF-8 comes out as U+FFFD, and a byte-order mark at
 * the front is dropped. heredoc.c finds heredocs with the same lexer, which then keeps quotes
 * and escapes.
 *
 * This file and expand.c call each other, because the grammar is recursive: a word contains
 * substitutions (lex_dollar()), and a substitution contains words (lex_until()).
 */
#include "expand.h"

#include <errno.h>

/* Levels of nesting. Docker's only limit is its stack; people write two levels. */
enum { DEPTH_MAX = 64 };

void lex_text_release(struct lex_text *t)
{
    buf_release(&t->text);
}

void lex_init(struct lex *l, struct arena *arena, struct bytes word, uint8_t escape)
{
    *l = (struct lex){.arena = arena, .rest = word, .escape = escape, .word = BUF(EXPAND_MAX)};
    if (bytes_starts(word, BYTES("\xef\xbb\xbf")))
        l->rest = bytes_from(word, 3);
}

void lex_release(struct lex *l)
{
    buf_release(&l->word);
}

uint32_t lex_peek(const struct lex *l)
{
    uint32_t rune;
    if (l->rest.len == 0)
        return LEX_END;
    utf8_decode(l->rest, &rune);
    return rune;
}

uint32_t lex_next(struct lex *l)
{
    uint32_t rune;
    if (l->rest.len == 0)
        return LEX_END;
    l->rest = bytes_from(l->rest, utf8_decode(l->rest, &rune));
    return rune;
}

void lex_put(struct lex *l, struct lex_text *out, struct bytes more)
{
    if (buf_add_bytes(&out->text, more) < 0)
        l->too_long = true;
}

void lex_put_rune(struct lex *l, struct lex_text *out, uint32_t rune)
{
    uint8_t bytes[4];
    lex_put(l, out, bytes_at(bytes, utf8_encode(rune, bytes)));
}

/* ---- words ------------------------------------------------------------------------- */

/*
 * The builder has one word buffer for all levels of nesting, and clears it when it enters and
 * when it leaves a level: `3<<${x:-EOF}` loses its `3<<` and is no heredoc. This lexer does the
 * same, because what is taken for a heredoc decides which lines are instructions.
 */
static void lex_word_end(struct lex *l)
{
    if (l->depth == 1 && l->word.len) {
        struct bytes word = buf_bytes(&l->word);
        if (l->n_words++ == 0 || memmem(word.at, word.len, "<<", 2))
            *ARENA_PUSH(l->arena, l->words, &l->n_kept, &l->cap_kept) =
                arena_copy(l->arena, word);
    }
    buf_clear(&l->word);
}

/* Adds text to the word at hand, or ends the word at unquoted space. Space in raw text, which
 * was quoted or escaped, doesn't end it. */
static void lex_word_add(struct lex *l, bool *in_word, struct bytes text, bool raw)
{
    while (l->split && text.len) {
        uint32_t rune;
        size_t len = utf8_decode(text, &rune);
        if (raw || !utf8_is_space(rune)) {
            if (buf_add(&l->word, text.at, len) < 0)
                l->too_long = true;
            *in_word = true;
        } else if (*in_word && l->word.len) {
            lex_word_end(l);
            *in_word = false;
        }
        text = bytes_from(text, len);
    }
    if (raw)
        *in_word = true;
}

/* ---- quotes and escapes ------------------------------------------------------------ */

static int lex_single_quote(struct lex *l, struct lex_text *out)
{
    uint32_t c = lex_next(l);
    do {
        if (c != '\'' || l->raw_quotes)
            lex_put_rune(l, out, c);
        /* Doubled, the escape is literal in the pattern too. */
        if (c == l->escape && l->kind == LEX_PATTERN)
            lex_put_rune(l, out, c);
        c = lex_next(l);
        if (c == LEX_END)
            return fail(l->f, -EINVAL, "a single quote is not closed");
    } while (c != '\'');
    if (l->raw_quotes)
        lex_put_rune(l, out, c);
    return 0;
}

/* Reads what follows an escape in double quotes. If it can't be escaped there, the escape stays
 * as text. */
static void lex_quoted_escape(struct lex *l, struct lex_text *out)
{
    uint32_t c = lex_peek(l);
    if (c == LEX_END)
        return;
    bool escapes = c == '"' || c == '$' || c == l->escape;
    bool raw = l->kind != LEX_WORD;
    if (escapes ? raw : raw && (!l->raw_quotes || l->kind == LEX_PATTERN))
        lex_put_rune(l, out, l->escape);
    lex_put_rune(l, out, escapes ? lex_next(l) : l->escape);
}

static int lex_double_quote(struct lex *l, struct lex_text *out)
{
    lex_next(l);
    if (l->raw_quotes)
        lex_put_rune(l, out, '"');
    for (;;) {
        uint32_t c = lex_peek(l);
        if (c == LEX_END)
            return fail(l->f, -EINVAL, "a double quote is not closed");
        if (c == '$') {
            int r = lex_dollar(l, out);
            if (r < 0)
                return r;
            continue;
        }
        lex_next(l);
        if (c == '"')
            break;
        if (c == l->escape)
            lex_quoted_escape(l, out);
        else
            lex_put_rune(l, out, c);
    }
    if (l->raw_quotes)
        lex_put_rune(l, out, '"');
    return 0;
}

/* Reads a plain rune, or an escape and the rune after it. False: the text ends. */
static bool lex_plain(struct lex *l, struct lex_text *out, bool *in_word)
{
    size_t before = out->text.len;
    uint32_t c = lex_next(l);
    bool escaped = c == l->escape;
    if (escaped) {
        if (l->kind != LEX_WORD)
            lex_put_rune(l, out, c);
        c = lex_next(l);
    }
    if (c != LEX_END)
        lex_put_rune(l, out, c);
    lex_word_add(l, in_word, bytes_from(buf_bytes(&out->text), before), escaped);
    return c != LEX_END;
}

/* Reads `<`, or `<<` with the blanks after it, which may stand before the name of a heredoc. */
static void lex_less(struct lex *l, struct lex_text *out)
{
    lex_put_rune(l, out, lex_next(l));
    if (lex_peek(l) != '<')
        return;
    do
        lex_put_rune(l, out, lex_next(l));
    while (lex_peek(l) == '\t' || lex_peek(l) == '\r' || lex_peek(l) == ' ');
}

static int lex_run(struct lex *l, uint32_t stop, struct lex_text *out)
{
    bool in_word = false;
    buf_clear(&l->word);
    while (l->rest.len && !l->too_long) {
        size_t before = out->text.len;
        uint32_t c = lex_peek(l);
        int r = 0;
        if (c == stop) {
            lex_next(l);
            lex_word_end(l);
            return 0;
        }
        if (c == '$')
            r = lex_dollar(l, out);
        else if (c == '\'')
            r = lex_single_quote(l, out);
        else if (c == '"')
            r = lex_double_quote(l, out);
        else if (c == '<')
            lex_less(l, out);
        else if (!lex_plain(l, out, &in_word))
            break;
        else
            continue;
        if (r < 0)
            return r;
        lex_word_add(l, &in_word, bytes_from(buf_bytes(&out->text), before), c != '$');
    }
    if (stop != LEX_END)
        return fail(l->f, -EINVAL, "a substitution lacks its closing '%c'", (int)stop);
    lex_word_end(l);
    return 0;
}

int lex_until(struct lex *l, uint32_t stop, enum lex_kind kind, struct lex_text *out)
{
    if (l->depth == DEPTH_MAX)
        return fail(l->f, -E2BIG, "substitutions are nested more than %d deep", DEPTH_MAX);
    enum lex_kind outer = l->kind;
    l->kind = kind;
    l->depth++;
    int r = lex_run(l, stop, out);
    l->depth--;
    l->kind = outer;
    return r;
}
