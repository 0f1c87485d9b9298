/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of all views of a root say of a name. The states of the views go down with the
 * walk: each directory's job owns one array of them. Thread: any.
 */
#ifndef CTXD_VIEWS_H
#define CTXD_VIEWS_H

#include "hashdb.h"

/* Where one view stands in a directory. */
struct view_state {
    bool here;                 /* it descends into this directory */
    bool all_selected;         /* its Dockerfile reads all below */
    bool top;                  /* the root's own states, which are not ours to leave */
    struct ignore_dir *ignore; /* NULL without an ignore set, or at the top */
    struct select_dir *select; /* NULL with all_selected, or at the top */
};

/* What the rules of all views say of one name, and their states below it. */
struct verdict {
    uint32_t keep, descend, empty; /* a bit for each view */
    struct view_state *below;      /* owned; NULL where no view descends */
};

/* The states at the root, one for each of the rules; for views_free(). */
struct view_state *views_top(const struct tree_walk *ask);
void views_free(struct view_state *views, size_t n);
/* Of a name in a directory where the views stand as `here` says. *v is to be released. */
int views_ask(const struct tree_walk *ask, const struct view_state *here, struct bytes name,
              bool is_dir, struct verdict *v, struct failure *f) must_use;
void verdict_release(const struct tree_walk *ask, struct verdict *v);

#endif
