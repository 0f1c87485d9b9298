/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the rules of all views of a root about a name. The job of a directory owns an array with
 * the state of each view there, and the answer contains the array for the directory below.
 *
 * Thread: any.
 */
#ifndef CTXD_VIEWS_H
#define CTXD_VIEWS_H

#include "hashdb.h"

/* The state of one view in a directory. */
struct view_state {
    bool here;                 /* the view enters this directory */
    bool all_selected;         /* its Dockerfile reads everything below */
    bool top;                  /* the root, whose states belong to the rules */
    struct ignore_dir *ignore; /* NULL without an ignore set, or at the top */
    struct select_dir *select; /* NULL with all_selected, or at the top */
};

/* The answer for one name, with the views' states below it. */
struct verdict {
    uint32_t keep, descend, empty; /* a bit for each view */
    struct view_state *below;      /* owned; NULL if no view enters it */
};

/* The states at the root, one for each of the rules. views_free() frees them. */
struct view_state *views_top(const struct tree_walk *ask);
void views_free(struct view_state *views, size_t n);
/*
 * Asks about a name in the directory of which `here` are the states. The caller releases *v. 0,
 * or -EINVAL as ignore_check().
 */
int views_ask(const struct tree_walk *ask, const struct view_state *here, struct bytes name,
              bool is_dir, struct verdict *v, struct failure *f) must_use;
void verdict_release(const struct tree_walk *ask, struct verdict *v);

#endif
