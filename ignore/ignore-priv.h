/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside ignore/:
 *
 *   parse.c      file -> lines -> patterns        (ignorefile.ReadAll, patternmatcher.New)
 *   syntax.c     the check that New makes
 *   translate.c  pattern -> kind and regex text   (Pattern.compile)
 *   regex-*.c    regex text -> program -> answer  (the part of Go's regexp that can come up)
 *   literal.c    verdicts by the rules' own text: the slow truth
 *   edges.c      pattern -> components
 *   trie.c       the components of all patterns
 *   automaton.c  verdicts by the trie's live nodes: the quick ones
 *   classic.c    verdicts of the 20.10 client
 *   ignore.c     the public functions
 */
#ifndef CTXD_IGNORE_PRIV_H
#define CTXD_IGNORE_PRIV_H

#include "ignore.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- regex ---- */

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

/*
 * The same in pieces: goes on from positions `from` with one component, which stands at the
 * start of the text or behind a '/'. Returns whether the text up to its end matches. Positions
 * behind a further '/' go to ret_below (room for re->n) unless that is NULL.
 */
bool regex_step(const struct regex *re, const uint32_t *from, size_t n_from, bool at_start,
                struct bytes name, uint32_t *ret_below, size_t *ret_n_below);

/* ---- patterns ---- */

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
    const struct engine *engine;
    struct trie *trie; /* the automaton's */
    struct ignore_dir *root;
};

/* What walks a set of patterns. Its directories begin with a struct ignore_dir. */
struct engine {
    int (*root)(struct ignore *ig, struct ignore_dir **ret);
    int (*check)(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                 bool is_dir, struct ignore_verdict *ret_verdict, struct ignore_dir **ret_below,
                 struct failure *f);
    int (*path)(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f);
};
extern const struct engine literal_engine, automaton_engine, classic_engine;
/* The path verdict by the letter, which serves the automaton too. */
int literal_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                 struct failure *f);

struct ignore_dir {
    atomic_uint refs; /* one block of malloc, freed with the last */
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

/* Adds "/" and `name` to the path of a directory (just name at the root), at `out`. */
void path_below(uint8_t *out, struct bytes dir, struct bytes name);
/* The text of an exception without its last `*` or `**`. Source: fsutil. */
struct bytes exception_text(const struct pattern *p);

/* ---- the automaton's patterns: trie.c, edges.c ---- */

/* How a name, or nothing, leads from one node of the trie to the next. */
enum edge_kind {
    EDGE_LITERAL,    /* the name is `text` */
    EDGE_STARTS,     /* it starts with text: `abc*` */
    EDGE_ENDS,       /* it ends with text: `*.log` */
    EDGE_GLOB,       /* it matches a part of a program */
    EDGE_ANY,        /* any name: `*` */
    EDGE_LINE,       /* any name without a newline */
    EDGE_FLOAT_ALL,  /* takes no name: below here, at any depth */
    EDGE_FLOAT_LINE, /* the same, but past no directory with a newline in its name */
    EDGE_PRUNE,      /* a component of the text by which BuildKit prunes: trie_add_text() */
};

struct edge {
    enum edge_kind kind;
    struct bytes text;
    const struct regex *regex; /* EDGE_GLOB: its instructions [from, to) */
    uint32_t from, to;
};

struct edges {
    struct arena *arena;
    struct edge *at;
    size_t n, cap;
    bool below; /* all below what the last edge leads to matches too */
};

/*
 * The way of a pattern through the trie; false where it is none of whole components: then it
 * runs as a program. The last edge's name is what the pattern matches.
 */
bool pattern_edges(const struct pattern *p, struct edges *edges);
/* Whether the glob matches the whole name. */
bool edge_match_glob(const struct edge *edge, struct bytes name);

/* The children of a node; most nodes have none. */
struct branches {
    uint64_t literals;               /* bloom filter over the hashes of names */
    uint64_t starts, ends;           /* over first and last bytes, modulo 64 */
    uint32_t *start_lens, *end_lens; /* distinct, ascending */
    size_t n_start_lens, cap_start_lens, n_end_lens, cap_end_lens;
    struct glob_edge {
        struct edge edge;
        uint64_t first[4], last[4]; /* bytes that a name may begin and end with */
        uint32_t child;
    } * globs;
    size_t n_globs, cap_globs;
    uint32_t any, line, float_all, float_line; /* 0: none */
};

struct node {
    struct branches *branches; /* NULL: a leaf */
    uint32_t *drops, *keeps;   /* patterns (1-based) that match here, ascending */
    size_t n_drops, cap_drops, n_keeps, cap_keeps;
    uint32_t last_pattern, last_exception; /* the largest here and below, 1-based */
    bool floats, floats_line;
};

struct trie {
    struct arena *arena;
    uint64_t seed;
    struct node *nodes; /* the first is the root */
    size_t n_nodes, cap_nodes;
    struct trie_slot *slots; /* literals, starts and ends of all nodes */
    size_t n_slots, cap_slots;
    uint32_t texts; /* where the texts begin; 0: there are none */
};

/* A node costs up to 300 bytes. */
#define TRIE_NODES_MAX 1000000u

struct trie *trie_new(struct arena *arena);
void trie_release(struct trie *t);
/* pattern: 1-based, ascending from call to call. 0, or -E2BIG past TRIE_NODES_MAX. */
int trie_add(struct trie *t, uint32_t pattern, bool exception, const struct edges *edges);

/*
 * A second, literal trie in the same table: texts of exceptions, in which BuildKit looks up
 * whether to enter an excluded directory. trie_step_text() gives 0 for no way on.
 */
int trie_add_text(struct trie *t, struct bytes text);
uint32_t trie_step_text(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash);

/* A growing list of nodes, on the stack while short. */
struct node_list {
    uint32_t *at;
    size_t n, cap;
    uint32_t small[64];
};
void node_list_init(struct node_list *l);
void node_list_add(struct node_list *l, uint32_t node);
void node_list_release(struct node_list *l);

uint64_t trie_hash(const struct trie *t, struct bytes name);
/* Adds the nodes that `name` (not empty) leads to from `node`. */
void trie_step(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash,
               struct node_list *into);

#endif
