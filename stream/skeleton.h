/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recipe that a stream carries, made from a tree. skeleton-part.h takes the part of it that
 * the Dockerfile reads.
 *
 *     tree, names ──> listing ──> recipe ──> skeletons below .ctx ──> those that are read
 *
 * A daemon makes it again only if a name is added or removed, or a file changes that it was
 * made from (a manifest): an edit of other sources reads nothing.
 */
#ifndef CTXD_SKELETON_H
#define CTXD_SKELETON_H

#include "stream.h"

/* All skeletons of one state of a tree. Sealed. */
struct skeleton;

/* Those that a daemon keeps of one root: the last ones that were used. Thread: any. */
struct skeletons;
struct skeletons *skeletons_new(void);
void skeletons_free(struct skeletons *kept);
/* Drops those that no request asked for since that time (clock_now_ns()). */
void skeletons_trim(struct skeletons *kept, uint64_t since_ns);
/* The memory they take. */
uint64_t skeletons_bytes(struct skeletons *kept);

/* Which skeleton is wanted. All pointers are borrowed. */
struct skeleton_request {
    const struct send_request *send;
    struct tree *tree;
    uint32_t bit;    /* of the view that shows all that the ignore rules keep */
    uint64_t serial; /* of the bit's rules, in a daemon */
};

/*
 * Makes it, or takes a kept one that still holds (kept may be NULL). The notes are the same in
 * both cases. 0, or -errno with a message: -EEXIST: the context has a .ctx of its own; -ENOENT:
 * the context has no file that a recipe is made from; and what reading manifests fails with.
 * The caller ends *ret with skeleton_unref(). Thread: any.
 */
int skeleton_get(struct skeletons *kept, const struct skeleton_request *request,
                 struct notes *notes, struct skeleton **ret, struct failure *f) must_use;
void skeleton_unref(struct skeleton *skeleton); /* takes NULL */

#endif
