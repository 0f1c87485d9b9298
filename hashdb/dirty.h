/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty paths as a tree of names, for the walk. hashdb.h declares the functions that mark
 * them. Thread: any; they are not marked during a walk.
 */
#ifndef CTXD_DIRTY_H
#define CTXD_DIRTY_H

#include "hashdb.h"

enum dirty_flags {
    DIRTY_STAT = 1 << 0,    /* stat this entry */
    DIRTY_CONTENT = 1 << 1, /* its bytes may have changed even if its stat is the same */
    DIRTY_LISTING = 1 << 2, /* read its names again, stat each */
    DIRTY_BELOW = 1 << 3,   /* everything below it, at any depth */
};

struct dirty_node {
    struct bytes name;
    uint32_t flags; /* enum dirty_flags */
    bool told;      /* the path itself was marked, not only a path below it */
    struct dirty_node *children, *next;
    struct table by_name; /* name -> child, if there are more than CHILDREN_SEARCHED */
    size_t n_children;
};

const struct dirty_node *dirty_root(const struct dirty *dirty);
/* NULL if there is no such child, or node is NULL. */
const struct dirty_node *dirty_child(const struct dirty_node *node, struct bytes name);

/* Whether dirty_inode() named any file; whether it named this one. */
bool dirty_has_inodes(const struct dirty *dirty);
bool dirty_has_inode(const struct dirty *dirty, uint64_t dev, uint64_t ino);
/* Whether dirty_files() was called. */
bool dirty_has_files(const struct dirty *dirty);

#endif
