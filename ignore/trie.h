/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The components of all patterns as one trie: patterns that begin alike share nodes, and `**`
 * leads to a node that stays live in every directory below. docs/ignore.md draws it.
 *
 * Literal names, ends (`*.log`) and starts (`tmp*`) of all nodes are in one hash table, whose
 * keys are node, kind and text. So for each node a name costs one look-up, and one more for
 * each length that an end or a start has there. The number of patterns does not matter.
 *
 * Thread: one at a time while patterns are added, then any.
 */
#ifndef CTXD_TRIE_H
#define CTXD_TRIE_H

#include "edges.h"

/* The children of a node; most nodes have none. The trie is built in an arena. */
struct branches {
    uint64_t literals;               /* a bit for each literal: its hash modulo 64 */
    uint64_t starts, ends;           /* a bit for the first (last) byte of each, modulo 64 */
    uint32_t *start_lens, *end_lens; /* their lengths: distinct, ascending */
    size_t n_start_lens, cap_start_lens, n_end_lens, cap_end_lens;
    struct glob_edge {
        struct edge edge;
        uint64_t first[4], last[4]; /* a bit for each byte that a name may begin, end with */
        uint32_t child;
    } * globs;
    size_t n_globs, cap_globs;
    uint32_t any, line, float_all, float_line; /* the child by an edge of that kind; 0: none */
};

struct node {
    struct branches *branches; /* NULL: a leaf */
    uint32_t *drops, *keeps;   /* patterns (1-based) that match here, ascending */
    size_t n_drops, cap_drops, n_keeps, cap_keeps;
    uint32_t last_pattern, last_exception; /* the last one here and below; 1-based, 0: none */
    bool floats;      /* an EDGE_FLOAT_… leads here: the node stays live below */
    bool floats_line; /* it was EDGE_FLOAT_LINE */
};

struct trie {
    struct arena *arena;
    uint64_t seed;      /* of the hashes: random */
    struct node *nodes; /* the first one is the root */
    size_t n_nodes, cap_nodes;
    struct trie_slot *slots; /* the hash table */
    size_t n_slots, cap_slots;
    uint32_t texts; /* the root of the texts (trie_add_text()); 0: there are none */
};

/* Nodes of one ignore file: at up to 300 bytes each, 300 MB. */
#define TRIE_NODES_MAX 1000000u

struct trie *trie_new(struct arena *arena);
/* NULL is fine. */
void trie_release(struct trie *t);
/*
 * Adds a pattern. Its number is 1-based, and larger than that of each pattern added before. 0,
 * or -E2BIG past TRIE_NODES_MAX.
 */
int trie_add(struct trie *t, uint32_t pattern, bool exception, const struct edges *edges);

/*
 * A second trie in the same table, of literals alone: the texts of exceptions, by which
 * BuildKit decides whether to enter an excluded directory. trie_step_text() returns the node
 * that a name leads to, or 0 if no text goes on with it. hash is trie_hash() of the name.
 */
int trie_add_text(struct trie *t, struct bytes text);
uint32_t trie_step_text(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash);

/* A growing list of nodes (or other numbers), on the stack up to 64: most verdicts need few. */
struct node_list {
    uint32_t *at;
    size_t n, cap;
    uint32_t small[64];
};
void node_list_init(struct node_list *l);
void node_list_add(struct node_list *l, uint32_t node);
void node_list_release(struct node_list *l);

uint64_t trie_hash(const struct trie *t, struct bytes name);
/* Appends the nodes that `name` (not empty) leads to from `node`; hash is trie_hash(name). */
void trie_step(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash,
               struct node_list *into);

#endif
