/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex: the lexer of words, which expand.c and heredoc.c share.
 *
 *     struct lex l;
 *     cleanup_lex_text struct lex_text out = LEX_TEXT;
 *     lex_init(&l, arena, word, escape);
 *     r = lex_until(&l, LEX_END, LEX_WORD, &out);
 *     lex_release(&l);
 *
 * lex_put() and its kin do not fail: they set too_long, for the caller to look at when all is
 * done. Thread: any. Source: BuildKit shell/lex.go.
 */
#ifndef CTXD_LEX_H
#define CTXD_LEX_H

#include "dockerfile.h"

/* The expansion of a part of a word: its bytes, and how many of them are certain. */
struct lex_text {
    struct buf text;
    bool unknown;          /* a variable in it is unknown: the text is a guess */
    size_t known;          /* then: its first bytes that are certain */
    struct bytes variable; /* then: the first unknown variable */
};
#define LEX_TEXT ((struct lex_text){.text = BUF(EXPAND_MAX)})
#define cleanup_lex_text __attribute__((cleanup(lex_text_release)))
void lex_text_release(struct lex_text *t);

/* What lex_peek() and lex_next() return at the end of the word. It is no rune. */
#define LEX_END UINT32_MAX

/* What becomes of escapes in a part of the text. */
enum lex_kind {
    LEX_WORD,    /* they are resolved */
    LEX_RAW,     /* they stay */
    LEX_PATTERN, /* they stay, and a character that quotes made literal gets one, so that it is
                    literal in the pattern too */
};

/* raw_quotes and split are options of BuildKit's lexer too: it finds heredocs with them. */
struct lex {
    struct arena *arena;
    struct bytes rest; /* not read yet */
    uint8_t escape;
    bool raw_quotes;   /* quotes stay in the result */
    df_lookup *lookup; /* NULL: substitutions stay as they are written */
    void *scope;       /* lookup's first argument */
    struct failure *f;

    enum lex_kind kind; /* of the part at hand */
    unsigned depth;     /* nested calls of lex_until() */
    bool too_long;      /* some text passed its maximum */

    /* The result, split at unquoted space: for heredocs, and filled only if split is set. Of
     * the words only the first one and those that contain `<<` are kept. */
    bool split;
    struct buf word;
    size_t n_words; /* all of them */
    struct bytes *words;
    size_t n_kept, cap_kept; /* those in `words` */
};

void lex_init(struct lex *l, struct arena *arena, struct bytes word, uint8_t escape);
void lex_release(struct lex *l);

/* Reads up to the rune `stop` and takes it off, or with LEX_END reads to the end of the word.
 * -EINVAL with f filled: malformed. -E2BIG: nested too deep. */
int lex_until(struct lex *l, uint32_t stop, enum lex_kind kind, struct lex_text *out) must_use;
uint32_t lex_peek(const struct lex *l);
uint32_t lex_next(struct lex *l);
void lex_put(struct lex *l, struct lex_text *out, struct bytes more);
void lex_put_rune(struct lex *l, struct lex_text *out, uint32_t rune);

#endif
