/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: everything that an answer is made of, in the order of the stream. answer.c makes the
 * tree and the chunks, plan_finish() adds what goes around the chunks. Sealed from then on:
 * the threads of a pool read it side by side.
 */
#ifndef CTXD_PLAN_H
#define CTXD_PLAN_H

#include "carry.h"
#include "chunks.h"
#include "stream.h"

struct plan {
    struct arena arena;  /* of the recipe and of what plan.c makes: headers, paths */
    struct bytes recipe; /* entries of .ctx, as in the tar; empty: none. In the arena */
    struct tree *tree;   /* owned */
    bool looked;         /* the tree was made for this answer */
    uint64_t serial;     /* of the bit's rules, in a daemon */
    struct terms terms;
    struct links *links;          /* owned */
    struct entries before, after; /* the entries before the first and after the last chunk */
    struct chunks chunks;
    uint64_t tar_bytes;    /* by the sizes that the walk saw */
    bool fixed_sizes;      /* an outer header gives the sum: no file may change its size */
    struct hashes *hashes; /* what the database knew of the tree; NULL: not asked. Owned */
    struct hashdb *hashdb; /* borrowed; NULL: none */
    int64_t hashdb_tree;
    struct store *store; /* borrowed; NULL: none */
};

/* The terms of a view, by the request and the carriage. Borrows from both. */
struct terms terms_of(const struct send_request *request, const struct tree *tree, uint32_t bit,
                      const struct carriage *carriage);
/*
 * Fills before, after and tar_bytes of a plan that has its tree, terms, links and chunks, and
 * checks the limits of the request: SEND_REFUSED.
 */
int plan_finish(const struct send_request *request, const struct carriage *carriage,
                struct notes *notes, struct plan *plan, struct send_stats *stats,
                struct failure *f) must_use;
void plan_release(struct plan *plan);

#endif
