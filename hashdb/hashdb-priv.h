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

/* ---- names.c: one directory -------------------------------------------------------- */

/* One name of a directory being read. */
struct name {
    uint32_t at; /* in the name bytes */
    uint16_t len;
    uint8_t type; /* DT_* */
};

struct names {
    struct name *at;
    size_t n, cap;
    struct buf bytes;
};

/* 4 GiB of names in one directory: what a uint32_t offset reaches. */
#define NAME_BYTES_MAX UINT32_MAX

/* Begin with NAMES. 0 or -errno; *names is to be released either way. */
#define NAMES ((struct names){.bytes = BUF(NAME_BYTES_MAX)})
int names_read(int fd, struct names *names) must_use;
void names_release(struct names *names);

/* ---- tree.c --------------------------------------------------------------------------- */

const struct node *dir_find(const struct dir *dir, struct bytes name);
struct dir *dir_ref(struct dir *dir);
void dir_unref(struct dir *dir);

#endif
