/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind dockerfile_parse() and df_expand() share. */
#ifndef CTXD_DOCKERFILE_PRIV_H
#define CTXD_DOCKERFILE_PRIV_H

#include "dockerfile.h"

/* ---- lines (dockerfile-parse.c) --------------------------------------------------------------- */

/* Where a stretch of a logical line comes from. */
struct df_piece {
    size_t joined; /* offset in the logical line */
    size_t at;     /* offset in the text */
};

/* Physical lines, joined as continuations are. Never without a piece. */
struct df_line {
    struct bytes text;
    struct df_piece *pieces; /* by offset */
    size_t n_pieces, cap_pieces;
    uint32_t first; /* 1-based number of its first physical line */
};

/* The offset in the text of the byte at `joined`; of its end, the one behind the byte before.
 */
size_t df_line_at(const struct df_line *line, size_t joined);
size_t df_line_end(const struct df_line *line, size_t joined);

/* -EINVAL, with "NAME:LINE: " before the text. */
int df_fail(const struct dockerfile *df, uint32_t line, struct failure *f, const char *format,
            ...) __attribute__((format(printf, 4, 5)));
/* The same prefix put before what f has. */
int df_wrap(const struct dockerfile *df, uint32_t line, struct failure *f, int code);

/* ---- instructions (instruction.c) -------------------------------------------------- */

/* The instruction on a logical line, but for what only dockerfile-parse.c knows: heredocs, last_line, end,
 * stage. *words_left: how many words the rest of the file may have. */
int df_instruction(struct dockerfile *df, const struct df_line *line, size_t *words_left,
                   struct df_instruction *ret, struct failure *f) must_use;

/*
 * Reads ONBUILD's trigger once more, as the builder does when it runs: as a file of its own,
 * without directives. Where that is malformed the first reading stays, which is the builder's
 * for all that is decided in this file.
 */
void df_reread_trigger(struct dockerfile *df, const struct df_line *line,
                       struct df_instruction *ins);

/* A stage's name as FROM gives it, lower-cased and checked. */
int df_stage_name(struct dockerfile *df, uint32_t line, struct bytes written, struct bytes *ret,
                  struct failure *f) must_use;

/* ---- directives (directive.c) ------------------------------------------------------ */

struct df_directives {
    bool done;     /* a line was none: no later one is */
    unsigned seen; /* 1 << enum df_directive */
};

enum df_directive { DF_NO_DIRECTIVE, DF_SYNTAX, DF_ESCAPE, DF_CHECK };

/*
 * The directive on a line that begins with `comment`, and its value. DF_NO_DIRECTIVE ends
 * directive mode. -EINVAL: one that was seen before.
 */
int df_directive(struct df_directives *d, struct bytes line, struct bytes comment,
                 struct bytes *ret_value) must_use;

/* What the whole text names as its syntax, in any of the forms the builder looks for; empty
 * where none. In the arena or in the text. */
struct bytes df_detect_syntax(struct arena *arena, struct bytes text);
/* Whether the syntax is Docker's own Dockerfile frontend, some version of it. */
bool df_syntax_is_ours(struct bytes syntax);

/* ---- words (words.c, json-form.c) ------------------------------------------------------- */

/* Go's `[\t\v\f\r ]`, by which BuildKit splits what is not quoted. */
bool df_is_blank(uint8_t c);

struct df_words {
    struct bytes *at;
    size_t n, cap;
    size_t left; /* how many more may be added; past it -E2BIG */
};
int df_words_add(struct arena *arena, struct df_words *words, struct bytes word) must_use;

/* Splits off the leading --flags of args; *ret_rest is what follows, untrimmed. `line` maps
 * their places. Source: BuildKit extractBuilderFlags. */
int df_split_flags(struct arena *arena, const struct df_line *line, struct bytes args,
                   uint8_t escape, struct df_flag **ret, size_t *ret_n,
                   struct bytes *ret_rest) must_use;

/* By blanks alone: quotes protect nothing. */
int df_split_blanks(struct arena *arena, struct bytes text, struct df_words *words) must_use;

/* By Unicode space, quotes and escapes protect and are kept. Source: BuildKit parseWords. */
int df_split_quoted(struct arena *arena, struct bytes text, uint8_t escape,
                    struct df_words *words) must_use;

/* ENV's names and values, by turns. -EINVAL says in f what is wrong. Source: parseNameVal. */
int df_split_env(struct arena *arena, struct bytes text, uint8_t escape, struct df_words *words,
                 struct failure *f) must_use;

/*
 * The strings of a JSON array. 1: it is one; 0: text is no JSON array, or malformed; -EINVAL:
 * an array with something else in it, which BuildKit refuses; -E2BIG. Source: Go encoding/json.
 */
int df_json_words(struct arena *arena, struct bytes text, struct df_words *words) must_use;
/* Whether text is a JSON object whose (last) member `key` is a string. */
bool df_json_member(struct arena *arena, struct bytes text, struct bytes key,
                    struct bytes *ret_value);

/* ---- heredocs (heredoc.c) ---------------------------------------------------------- */

/* The heredocs that a logical line asks for, in order; bodies are still empty. -EINVAL with f
 * filled: a word that looks like one but can't be. */
int df_heredocs(struct arena *arena, struct bytes line, struct df_heredoc **ret, size_t *ret_n,
                struct failure *f) must_use;

/* ---- the lexer of words (lex.c, expand.c, read-pattern.c, letters.c) -------------------- */

/* Part of a word, expanded: its bytes, and how many of them are certain. */
struct lex_text {
    struct buf text;
    bool unknown;
    size_t known; /* where unknown */
    struct bytes variable;
};
#define LEX_TEXT ((struct lex_text){.text = BUF(EXPAND_MAX)})
#define cleanup_lex_text __attribute__((cleanup(lex_text_release)))
void lex_text_release(struct lex_text *t);

/* What the end of the word looks like to lex_peek(); no rune. */
#define LEX_END UINT32_MAX

/* What becomes of escapes in a stretch of text. */
enum lex_kind {
    LEX_WORD,    /* they are resolved */
    LEX_RAW,     /* they stay */
    LEX_PATTERN, /* they stay, and what quotes made literal gets one, to be so in the pattern */
};

/* Source: BuildKit shell/lex.go; the options are its own, for it lexes heredocs by them. */
struct lex {
    struct arena *arena;
    struct bytes rest; /* not read yet */
    uint8_t escape;
    bool raw_quotes;   /* they stay in the result */
    df_lookup *lookup; /* NULL: nothing is set, and substitutions stay as they are */
    void *scope;
    struct failure *f;

    enum lex_kind kind;
    unsigned depth;
    bool too_long; /* some text passed its maximum */

    /* The result cut at unquoted space, for heredocs: kept only where split is set. Of many
     * words only the first and those with `<<` are of interest. */
    bool split;
    struct buf word;
    size_t n_words; /* all */
    struct bytes *words;
    size_t n_kept, cap_kept;
};

void lex_init(struct lex *l, struct arena *arena, struct bytes word, uint8_t escape);
void lex_release(struct lex *l);

/* Reads until the rune `stop`, which is taken, or with LEX_END to the end of the word. */
int lex_until(struct lex *l, uint32_t stop, enum lex_kind kind, struct lex_text *out) must_use;
uint32_t lex_peek(const struct lex *l);
uint32_t lex_next(struct lex *l);
void lex_put(struct lex *l, struct lex_text *out, struct bytes more);
void lex_put_rune(struct lex *l, struct lex_text *out, uint32_t rune);

/* `$` and what belongs to it (expand.c). */
int lex_dollar(struct lex *l, struct lex_text *out) must_use;

/* Go's unicode.IsLetter and unicode.IsDigit. */
bool rune_is_letter(uint32_t rune);
bool rune_is_digit(uint32_t rune);

/* A `*` and `?` pattern of ${x#p} and ${x/p/r}, matched as BuildKit's regular expression is. */
struct removal {
    int32_t *at; /* a rune, or one of these */
    size_t n;
};
enum { PATTERN_ANY = -1, PATTERN_STAR = -2 };
#define PATTERN_NONE UINT32_MAX

/* -EINVAL: a backslash before a rune it can't escape. `mirror`: to be matched backwards. */
int rune_pattern_compile(struct arena *arena, struct bytes word, bool mirror,
                         struct removal *ret, struct failure *f) must_use;

/* Text as runes. `at[i]` is rune i's place in the bytes it was decoded from, at[n] their end.
 */
struct runes {
    uint32_t *rune;
    uint32_t *at;
    size_t n;
};
void runes_decode(struct arena *arena, struct bytes text, struct runes *ret);
void runes_mirror(struct runes *runes);

/*
 * ret_ends[i] (room for n + 1) is where a match that begins at rune i ends, or PATTERN_NONE:
 * the longest where greedy, else the shortest. n * pattern.n steps.
 */
void rune_pattern_match(const struct removal *p, const struct runes *text, bool greedy,
                        uint32_t *ret_ends);

#endif
