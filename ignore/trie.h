/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The components of all patterns as one trie: patterns that begin alike share nodes, and `**`
 * leads to a node that stays live in every directory below. docs/ignore.md draws it.
 *
 * Literal names, ends (`*.log`) and starts (`tmp*`) of all nodes are in one hash table, keyed
 * by node, kind and text: a name costs a look-up for itself and one for each length that some
 * end or start has, however many patterns there are.
 *
 * Thread: any once it is built.
 */
#ifndef CTXD_TRIE_H
#define CTXD_TRIE_H

#include "edges.h"

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
