/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a skeleton: those of the chosen units, and their stubs as text. */
#ifndef CTXD_ITEMS_H
#define CTXD_ITEMS_H

#include "recipe-priv.h"

struct item {
    struct bytes path;
    unsigned mode; /* 0644, 0755; 0777 of a link */
    bool is_link;
    struct bytes content; /* of a link its target; borrowed from the recipe */
};

/*
 * The files of the units that how->eco and how->dir choose, sorted by path; the array is in the
 * arena. A file that two units share is listed once. -ENOENT: no unit was chosen. -EEXIST: two
 * units hold different versions of one file.
 */
int recipe_items(const struct recipe *recipe, const struct cook *how, struct arena *a,
                 struct item **ret, size_t *ret_n, struct failure *f) must_use;

#endif
