/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled set of patterns, and the three engines that give verdicts by it:
 *
 *   automaton   the fast one, by the live nodes of a trie
 *   literal     pattern by pattern, exactly as the reference does it; for sets with a pattern
 *               whose evaluation fails. The tests compare the automaton with it
 *   classic     the rules of the 20.10 client
 *
 * ignore-parse.c chooses the engine of a set; ignore.c calls it.
 *
 * Thread: any. A set does not change once it is parsed; its directories are counted atomically.
 */
#ifndef CTXD_IGNORE_ENGINE_H
#define CTXD_IGNORE_ENGINE_H

#include "ignore.h"

#include <stdatomic.h>

struct ignore {
    struct arena arena;
    struct bytes name; /* of the file, for messages */
    enum ignore_rules rules;
    struct pattern *patterns; /* pattern.h */
    size_t n;
    size_t n_bad, n_exceptions; /* how many of them are PATTERN_BAD, exceptions */
    bool prefix_exceptions;     /* no exception has a wildcard but a last `*` or `**` */
    const struct engine *engine;
    struct trie *trie; /* the automaton's, else NULL */
    struct ignore_dir *root;
};

/* Each engine's directory begins with this and is one block of malloc. */
struct ignore_dir {
    atomic_uint refs; /* the block is freed with the last one */
};

/* The functions of ignore.h, by one engine; root makes the state of the root directory. */
struct engine {
    int (*root)(struct ignore *ig, struct ignore_dir **ret);
    int (*check)(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                 bool is_dir, struct ignore_verdict *ret_verdict, struct ignore_dir **ret_below,
                 struct failure *f);
    int (*path)(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f);
};
extern const struct engine literal_engine, automaton_engine, classic_engine;

#endif
