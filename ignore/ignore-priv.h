/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside ignore/:
 *
 *   parse.c      file -> lines -> patterns        (ignorefile.ReadAll, patternmatcher.New)
 *   syntax.c     the check that New makes
 *   translate.c  pattern -> kind and regex text   (Pattern.compile)
 *   regex-*.c    regex text -> program -> answer  (the part of Go's regexp that can come up)
 *   literal.c    verdicts by the rules' own text: the slow truth
 *   ignore.c     the public functions
 */
#ifndef CTXD_IGNORE_PRIV_H
#define CTXD_IGNORE_PRIV_H

#include "ignore.h"

#include <errno.h>

/* ---- regex ------------------------------------------------------------------------- */

#define RUNE_MAX 0x10ffffu

enum regex_op {
    OP_RUNE,             /* arg: the rune */
    OP_CLASS,            /* arg: index into classes */
    OP_NOT_SLASH,        /* `[^/]` */
    OP_NOT_NEWLINE,      /* `.` */
    OP_NOT_SLASH_LOOP,   /* `[^/]*`: any number of runes here, or on to the next */
    OP_NOT_NEWLINE_LOOP, /* `.*` */
    OP_ANY_LOOP,         /* before a regex that is not anchored */
    OP_SPLIT,            /* the next, and arg further */
    OP_JUMP,             /* arg further */
    OP_BEGIN,            /* start of text */
    OP_END,              /* end of text */
    OP_WORD,             /* `\b` */
    OP_NOT_WORD,         /* `\B` */
    OP_MATCH,            /* found, whatever follows */
};

struct instruction {
    uint32_t op;
    int32_t arg; /* distances are relative, so that fragments can be moved and copied */
};

struct rune_range {
    uint32_t low, high; /* inclusive */
};

struct rune_class {
    struct rune_range *ranges; /* sorted, disjoint */
    size_t n;
    uint64_t ascii[2];
};

struct regex {
    struct instruction *at;
    uint32_t n;
    const struct rune_class *classes;
};

/* What is left of what one ignore file's programs may take together. */
struct regex_budget {
    size_t bytes;
};

/*
 * Compiles Go regexp syntax as far as a translated pattern can hold it: no flags, no lazy
 * operators. 0; -EINVAL: Go rejects it; -E2BIG: past the budget. In the arena.
 */
int regex_compile(struct arena *arena, struct bytes text, struct regex_budget *budget,
                  struct regex **ret) must_use;

/* Parses the class at text (from its '[' on, or a `\pL`), for regex-parse.c. */
struct class_builder {
    struct rune_range *ranges;
    size_t n, cap;
};
void class_add(struct class_builder *c, uint32_t low, uint32_t high);
void class_negate(struct class_builder *c);
void class_clean(struct class_builder *c);
bool class_has(const struct rune_class *c, uint32_t rune);
/* Each takes its piece off *text and returns 1, 0 where it isn't one, -EINVAL malformed. */
int class_parse(struct bytes *text, struct class_builder *c);
int class_parse_escape(struct bytes *text, struct class_builder *c);
int rune_parse_escape(struct bytes *text, uint32_t *ret);
/* Adds the runes of a Unicode group by its Go name; false where there is none such. */
bool class_add_group(struct class_builder *c, struct bytes name, bool negated);

/* Unicode's tables, printed by tests/oracle/unicode. A run: first code point << 8 | value. */
struct category_alias {
    const char *name, *category;
};
extern const char *const category_names[], *const script_names[];
extern const struct category_alias category_aliases[];
extern const uint32_t category_runs[], script_runs[];
extern const size_t category_names_n, category_aliases_n, category_runs_n;
extern const size_t script_names_n, script_runs_n;

/* Whether it matches somewhere in text: Go's MatchString. */
bool regex_match(const struct regex *re, struct bytes text);

/* ---- patterns ---------------------------------------------------------------------- */

enum pattern_kind {
    PATTERN_EXACT,  /* the path is `literal` */
    PATTERN_PREFIX, /* the path starts with `literal` */
    PATTERN_SUFFIX, /* the path ends with `literal`, or is it without its leading '/' */
    PATTERN_REGEX,
    PATTERN_BAD, /* Go's regexp rejects it, but only once it is evaluated */
};

struct pattern {
    struct bytes text;    /* cleaned, without the '!' */
    struct bytes literal; /* part of text */
    struct bytes shown;   /* as parsed, with its '!' */
    const struct regex *regex;
    uint32_t line;
    uint16_t kind;
    bool exception;
};

struct line {
    struct bytes text;
    uint32_t number; /* 1-based */
};

/*
 * The lines of an ignore file that are patterns, cleaned. Source: moby/patternmatcher
 * ignorefile.ReadAll. -EINVAL: a line too long for Go's scanner; -E2BIG.
 */
int ignore_read(struct arena *arena, struct bytes name, struct bytes text,
                struct line **ret_lines, size_t *ret_n, struct failure *f) must_use;

struct ignore {
    struct arena arena;
    struct bytes name;
    enum ignore_rules rules;
    struct pattern *patterns;
    size_t n;
    size_t n_bad, n_exceptions;
    bool prefix_exceptions; /* no exception has a wildcard but a last `*` or `**` */
    struct ignore_dir *root;
};

/* Whether patternmatcher.New takes it. Source: Go filepath.Match(text, "."). */
bool pattern_valid(struct bytes text);
/* Fills the kind, the literal and the regex of p. Source: patternmatcher Pattern.compile. */
int pattern_compile(struct arena *arena, struct pattern *p, enum ignore_rules rules,
                    struct regex_budget *budget) must_use;
/* Whether the pattern matches the whole path; never of a PATTERN_BAD. */
bool pattern_match(const struct pattern *p, struct bytes path);
/* The failure of evaluating a PATTERN_BAD. */
int pattern_fail(const struct ignore *ig, const struct pattern *p, struct failure *f);
/* Puts "name:line" for messages into q. */
const char *pattern_place(struct quoted *q, struct bytes name, uint32_t line);

/* ---- verdicts by the letter -------------------------------------------------------- */

struct ignore_dir *literal_root(const struct ignore *ig);
int literal_check(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                  bool is_dir, struct ignore_verdict *ret_verdict,
                  struct ignore_dir **ret_below, struct failure *f) must_use;
void literal_leave(struct ignore_dir *dir);

#endif
