/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the directories of a new tree: one job for each directory, on the pool. */
#ifndef CTXD_WALK_H
#define CTXD_WALK_H

#include "hashdb.h"

#include <pthread.h>

/* One walk: what all of its jobs share. */
struct walk {
    const struct tree_walk *ask;
    uint32_t generation; /* the version of new nodes */
    atomic_bool failed;  /* then the jobs that are left do nothing */
    atomic_uint_fast64_t n_dirs_read, n_stats;

    pthread_mutex_t lock;   /* guards failure, again */
    struct failure failure; /* the first one */
    struct dirty *again;    /* what was replaced by something else while it was read */
};

/*
 * Fills tree->root by a walk, and returns once all of its jobs are done. old and dirty as for
 * tree_make(). Thread: the pool's owner.
 */
void walk_run(struct walk *walk, struct tree *tree, const struct tree *old,
              const struct dirty *dirty);

#endif
