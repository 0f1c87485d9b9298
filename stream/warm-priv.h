/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the warm state share. They call each other in this order only:
 *
 *     warm-upkeep.c  audit, trim, statistics
 *     warm.c         begin and end, the rules' slots, the tree
 *     warm-chunks.c  the views and their chunks
 */
#ifndef CTXD_WARM_PRIV_H
#define CTXD_WARM_PRIV_H

#include "warm.h"

enum {
    /* Two for each set of rules. A further one replaces the view unused for longest. */
    VIEWS_MAX = 64,
};

/* The rules of one bit of the tree. */
struct slot {
    struct rules *rules; /* NULL: free */
    struct digest128 key;
    uint64_t serial; /* of these rules, never used again */
    uint64_t used_ns;
};

struct view {
    uint32_t bit; /* 0: free */
    struct digest128 key;
    uint64_t used_ns;
    struct tree *tree; /* that the chunks are of */
    struct links *links;
    struct chunks chunks;
};

struct warm {
    struct warm_setup setup;
    struct bytes root_name;
    int64_t hashdb_tree;
    struct digest_key key;       /* of views and rules, because others write their texts */
    struct skeletons *skeletons; /* has a lock of its own */
    pthread_mutex_t lock;        /* guards all that follows, up to views; held while a tree is
                                  * made, never while bytes are written */
    struct tree *tree;           /* NULL: none was made, or changes since then were lost */
    struct tree *last;           /* the tree before such a loss, to compare with */
    struct dirty *dirty;         /* changes that no tree was made by yet */
    struct bytes ignore_name;    /* of the last request: for the messages of an audit */
    uint64_t last_serial;
    uint64_t made_for[TREE_VIEWS_MAX]; /* serials of the rules that the tree was made by */
    uint64_t n_dirty, n_dirty_total;   /* as in struct warm_stats */
    struct slot slots[TREE_VIEWS_MAX];
    struct view views[VIEWS_MAX];
    pthread_mutex_t stats_lock; /* guards stats */
    struct warm_stats stats;    /* as last counted */
};

/* Adds a field to a key, with its length: no two lists of fields give the same bytes. */
static inline void warm_key_add(struct digest128_state *state, struct bytes field)
{
    uint64_t len = field.len;
    digest128_add(state, bytes_at(&len, sizeof(len)));
    digest128_add(state, field);
}

/* ---- warm-chunks.c --------------------------------------------------------------------- */

/* Empties the view's place. */
void warm_drop_view__with_lock(struct view *view);

/* ---- warm.c ---------------------------------------------------------------------------- */

/* Drops the rules of a slot, and all views of its bit. */
void warm_drop_slot__with_lock(struct warm *warm, size_t slot);
/*
 * Makes the next tree for the rules of all slots, by what is dirty. 0, or as tree_make(): then
 * the tree is lost, and the next answer looks at everything.
 */
int warm_make_tree__with_lock(struct warm *warm, struct pool *pool, const struct dirty *dirty,
                              struct failure *f) must_use;
/* The next answer looks at everything, and compares with the tree that was. */
void warm_lose_tree__with_lock(struct warm *warm);
/* Empties `dirty`: a tree was made by it. */
void warm_forget_dirty__with_lock(struct warm *warm);

#endif
