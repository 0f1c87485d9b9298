/* SPDX-License-Identifier: Apache-2.0 */
/* A skeleton as its two files see it: skeleton.c makes and keeps it, skeleton-part.c takes
 * parts. */
#ifndef CTXD_SKELETON_PRIV_H
#define CTXD_SKELETON_PRIV_H

#include "recipe.h"
#include "skeleton.h"

struct skeleton {
    atomic_uint refs;
    struct arena arena;
    struct bytes ecos;
    struct recipe *recipe;
    struct carried *at; /* its files below .ctx, sorted by path */
    size_t n;
    struct table sources; /* the paths of the files that it was made from */
    struct notes notes;
    bool as_walked; /* all sources certainly were what the tree says, so that it may be kept */
};

#endif
