/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be looked at again, as the walk reads it: a tree of names. hashdb.h declares the
 * functions that mark it. Thread: one at a time; many may read it.
 */
#ifndef CTXD_DIRTY_H
#define CTXD_DIRTY_H

#include "hashdb.h"

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

#endif
