/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recipe that a stream carries: what of the tree it is made of, and what of it goes along.
 *
 *     tree, names ──> listing ──> recipe ──> skeletons below .ctx ──> those that are read
 *
 * Made again only when a name comes or goes, or a file changes that it was made of: an edit of
 * a source reads nothing.
 */
#ifndef CTXD_SKELETON_H
#define CTXD_SKELETON_H

#include "stream.h"

/* All skeletons of one state of a tree. Sealed. */
struct skeleton;

/* The last ones of a daemon's root. Thread: any. */
struct skeletons;
struct skeletons *skeletons_new(void);
void skeletons_free(struct skeletons *kept);
/* Drops those that nobody asked for since that time. */
void skeletons_trim(struct skeletons *kept, uint64_t since_ns);
uint64_t skeletons_bytes(struct skeletons *kept);

/* What is asked for. All is borrowed. */
struct skeleton_request {
    const struct send_request *send;
    struct tree *tree;
    uint32_t bit;    /* of all that the ignore rules keep */
    uint64_t serial; /* of the bit's rules, in a daemon */
};

/*
 * Makes it, or takes the kept one (kept may be NULL). Notes are the same each time. -EEXIST:
 * the context has a .ctx of its own; -ENOENT: nothing that a recipe is made of; and what
 * reading manifests fails with. *ret is ended by skeleton_unref().
 */
int skeleton_get(struct skeletons *kept, const struct skeleton_request *request,
                 struct notes *notes, struct skeleton **ret, struct failure *f) must_use;
void skeleton_unref(struct skeleton *skeleton);

#endif
