/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of skeletons share: making and keeping them, and taking a part. */
#ifndef CTXD_SKELETON_PRIV_H
#define CTXD_SKELETON_PRIV_H

#include "recipe.h"
#include "skeleton.h"

struct skeleton {
    atomic_uint refs;
    struct arena arena;
    struct bytes ecos;
    struct recipe *recipe;
    struct carried *at; /* its files below .ctx, by path */
    size_t n;
    struct table sources; /* the files of the tree that it was made of */
    struct notes notes;
    bool as_walked; /* all of them as the tree has them, and surely so: it may be kept */
};

#endif
