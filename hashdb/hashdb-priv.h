/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of hashdb/ share. */
#ifndef CTXD_HASHDB_PRIV_H
#define CTXD_HASHDB_PRIV_H

#include "hashdb.h"

/* ---- dirty.c: what is to be looked at again, as a tree of names ----------------------- */

enum dirty_flags {
    DIRTY_STAT = 1 << 0,    /* stat this entry */
    DIRTY_CONTENT = 1 << 1, /* its bytes may have changed whatever stat says */
    DIRTY_LISTING = 1 << 2, /* read its names again, stat each */
    DIRTY_BELOW = 1 << 3,   /* everything below, to any depth */
};

struct dirty_node {
    struct bytes name;
    uint32_t flags; /* enum dirty_flags */
    bool told;      /* itself, not only as somebody's parent */
    struct dirty_node *children, *next;
    struct table by_name; /* name -> child, where there are many */
    size_t n_children;
};

const struct dirty_node *dirty_root(const struct dirty *dirty);
/* NULL where node is, or has no such child. */
const struct dirty_node *dirty_child(const struct dirty_node *node, struct bytes name);

bool dirty_has_inodes(const struct dirty *dirty);
bool dirty_has_inode(const struct dirty *dirty, uint64_t dev, uint64_t ino);

/* ---- views.c: what the rules of all views say ------------------------------------------ */

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

/* ---- tree.c --------------------------------------------------------------------------- */

const struct node *dir_find(const struct dir *dir, struct bytes name);
struct dir *dir_ref(struct dir *dir);

/* ---- make.c --------------------------------------------------------------------------- */

/* As tree_make(), but adds to *again what was replaced by something else meanwhile. */
int tree_make_once(const struct tree_walk *walk, const struct tree *old,
                   const struct dirty *dirty, struct dirty *again, struct tree **ret_tree,
                   struct failure *f) must_use;

/* ---- compare.c ------------------------------------------------------------------------ */

/* Directories that the newer tree has no more are no longer watched. */
void tree_leave_gone(const struct tree *was, const struct tree *is,
                     const struct tree_watch *watch);

#endif
