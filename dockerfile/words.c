/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <errno.h>

bool df_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

int df_words_add(struct arena *arena, struct df_words *words, struct bytes word)
{
    if (words->left == 0)
        return -E2BIG;
    words->left--;
    *ARENA_PUSH(arena, words->at, &words->n, &words->cap) = word;
    return 0;
}

int df_split_blanks(struct arena *arena, struct bytes text, struct df_words *words)
{
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && !df_is_blank(text.at[at]))
            at++;
        int r = df_words_add(arena, words, bytes_head(bytes_from(text, start), at - start));
        if (r < 0)
            return r;
        while (at < text.len && df_is_blank(text.at[at]))
            at++;
    }
    return 0;
}

/* ---- flags ------------------------------------------------------------------------- */

/*
 * The builder reads flags byte by byte and takes each byte for a rune: "é" becomes "Ã©", and
 * the second byte of "à" is a no-break space, which ends the word. This reader does the same,
 * so that it finds the flags that the builder finds.
 */
static bool words_is_byte_space(uint8_t c)
{
    return utf8_is_space(c);
}

static int words_put_byte(struct buf *value, uint8_t c)
{
    uint8_t bytes[4];
    return buf_add(value, bytes, utf8_encode(c, bytes));
}

/* Reads the flag that begins at text[start]: its bytes with quotes and escapes resolved, and
 * where it ends. *ret_equals is the offset after its first `=`, or 0. */
static int words_read_flag(struct bytes text, size_t start, uint8_t escape, struct buf *word,
                           size_t *ret_end, size_t *ret_equals)
{
    uint8_t quote = 0;
    size_t i = start;
    *ret_equals = 0;
    for (; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (!quote && words_is_byte_space(c))
            break;
        if (!quote && (c == '\'' || c == '"')) {
            quote = c;
            continue;
        }
        if (quote && c == quote) {
            quote = 0;
            continue;
        }
        if (c == escape) {
            if (i + 1 == text.len)
                continue; /* the builder drops an escape at the very end */
            c = text.at[++i];
        }
        if (c == '=' && *ret_equals == 0)
            *ret_equals = i + 1;
        int r = words_put_byte(word, c);
        if (r < 0)
            return r;
    }
    *ret_end = i;
    return 0;
}

int df_split_flags(struct arena *arena, const struct df_line *line, struct bytes args,
                   uint8_t escape, struct df_flag **ret, size_t *ret_n, struct bytes *ret_rest)
{
    cleanup_buf struct buf word = BUF(2 * DOCKERFILE_MAX);
    size_t base = (size_t)(args.at - line->text.at), cap = 0, i = 0;
    *ret = NULL;
    *ret_n = 0;
    for (;;) {
        while (i < args.len && words_is_byte_space(args.at[i]))
            i++;
        *ret_rest = bytes_from(args, i);
        if (!bytes_starts(*ret_rest, BYTES("--")))
            return 0;
        size_t start = i, equals;
        buf_clear(&word);
        int r = words_read_flag(args, start, escape, &word, &i, &equals);
        if (r < 0)
            return r;
        struct bytes whole = buf_bytes(&word);
        *ret_rest = bytes_from(args, i);
        if (bytes_equal(whole, BYTES("--")))
            return 0;
        if (*ret_n == DOCKERFILE_WORDS_MAX)
            return -E2BIG;
        whole = arena_copy(arena, whole);
        size_t cut = bytes_find(whole, '=');
        size_t end = df_line_end(line, base + i);
        *ARENA_PUSH(arena, *ret, ret_n, &cap) = (struct df_flag){
            .name = bytes_from(bytes_head(whole, cut), 2),
            .value = bytes_from(whole, cut + 1),
            .has_value = cut < whole.len,
            .at = df_line_at(line, base + start),
            .value_at = equals ? df_line_end(line, base + equals) : end,
            .value_end = end,
        };
    }
}

/* ---- ARG, ENV ---------------------------------------------------------------------- */

struct splitter {
    struct bytes text;
    size_t at;
    struct buf word;
    bool empty_counts; /* a quote was seen: the word counts even if it is empty */
};

static uint32_t words_take(struct splitter *s)
{
    uint32_t rune;
    s->at += utf8_decode(bytes_from(s->text, s->at), &rune);
    return rune;
}

static int words_put(struct splitter *s, uint32_t rune)
{
    uint8_t bytes[4];
    return buf_add(&s->word, bytes, utf8_encode(rune, bytes));
}

/* Reads the word at s->at, up to an unquoted space or the end. */
static int words_read_quoted(struct splitter *s, uint8_t escape)
{
    uint32_t quote = 0;
    buf_clear(&s->word);
    s->empty_counts = false;
    while (s->at < s->text.len) {
        uint32_t c = words_take(s);
        if (!quote && utf8_is_space(c))
            break;
        if (!quote && (c == '\'' || c == '"')) {
            quote = c;
            s->empty_counts = true;
        } else if (quote && c == quote) {
            quote = 0;
        }
        if (c == escape && quote != '\'') {
            if (s->at == s->text.len)
                break; /* the builder drops an escape at the very end */
            int r = words_put(s, c);
            if (r < 0)
                return r;
            c = words_take(s);
        }
        int r = words_put(s, c);
        if (r < 0)
            return r;
    }
    return 0;
}

int df_split_quoted(struct arena *arena, struct bytes text, uint8_t escape,
                    struct df_words *words)
{
    /* Bytes. A byte that is not UTF-8 becomes U+FFFD, which has three. */
    struct splitter s = {.text = text, .word = BUF(3 * (size_t)DOCKERFILE_MAX)};
    int r = 0;
    while (r == 0 && s.at < text.len) {
        size_t before = s.at;
        if (utf8_is_space(words_take(&s)))
            continue;
        s.at = before;
        r = words_read_quoted(&s, escape);
        if (r == 0 && (s.word.len || s.empty_counts))
            r = df_words_add(arena, words, arena_copy(arena, buf_bytes(&s.word)));
    }
    buf_release(&s.word);
    return r;
}

/* `ENV name the rest of the line`. */
static int words_split_env_old(struct arena *arena, struct bytes text, struct df_words *words,
                               struct failure *f)
{
    size_t name = 0;
    while (name < text.len && !df_is_blank(text.at[name]))
        name++;
    if (name == text.len)
        return fail(f, -EINVAL, "%s has no value: write NAME=VALUE", QUOTE(text));
    size_t value = name;
    while (value < text.len && df_is_blank(text.at[value]))
        value++;
    int r = df_words_add(arena, words, bytes_head(text, name));
    return r < 0 ? r : df_words_add(arena, words, bytes_from(text, value));
}

int df_split_env(struct arena *arena, struct bytes text, uint8_t escape, struct df_words *words,
                 struct failure *f)
{
    struct df_words pairs = {.left = words->left};
    int r = df_split_quoted(arena, text, escape, &pairs);
    if (r < 0 || pairs.n == 0)
        return r;
    if (bytes_find(pairs.at[0], '=') == pairs.at[0].len)
        return words_split_env_old(arena, text, words, f);
    for (size_t i = 0; i < pairs.n; i++) {
        struct bytes pair = pairs.at[i];
        size_t cut = bytes_find(pair, '=');
        if (cut == pair.len)
            return fail(f, -EINVAL,
                        "%s has no \"=\": write NAME=VALUE, with quotes around spaces",
                        QUOTE(pair));
        r = df_words_add(arena, words, bytes_head(pair, cut));
        if (r == 0)
            r = df_words_add(arena, words, bytes_from(pair, cut + 1));
        if (r < 0)
            return r;
    }
    return 0;
}
