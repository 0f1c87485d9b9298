/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashdb: the tree of a context as a walk found it, pruned by the ignore rules and by what the
 * Dockerfile reads. (The hashes of its files, which gave the room its name, come with ctxd.)
 *
 *     r = tree_walk(&(struct tree_walk){.root_fd = fd, .ignore = ig, .pool = pool},
 *                   &tree, f);
 *     … tree_root(tree) -> dir -> nodes, sorted by name …
 *     tree_free(tree);
 *
 * Never follows a link, never opens an excluded directory that holds nothing kept, never stats
 * an excluded name.
 */
#ifndef CTXD_HASHDB_H
#define CTXD_HASHDB_H

#include "base.h"
#include "dockerfile.h"
#include "ignore.h"

/* What stat says of one version of a file; two of them differ if the file was changed. */
struct stat_identity {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode;
};

struct stat_identity stat_identity(const struct stat *st);
bool stat_identity_equal(const struct stat_identity *a, const struct stat_identity *b);

/* The clock that the kernel stamps files with, in its ticks. */
int64_t stat_clock_ns(void);

/*
 * Whether a stat taken after clock_ns was read is of an earlier tick than that: then every
 * write since gave the file another change time, and an equal stat means an equal file. (The
 * race it closes is git's racy index: a write in the tick of the stat leaves no trace in it.)
 */
bool stat_settled(const struct stat_identity *id, int64_t clock_ns);

enum node_flags {
    NODE_KEEP = 1 << 0,       /* sent for its own sake, not only as somebody's ancestor */
    NODE_NO_CONTENT = 1 << 1, /* a regular file sent empty (ignore.h: no_content) */
    NODE_SENT = 1 << 2,       /* kept, or a directory above something kept */
};

struct node {
    struct bytes name; /* one component, in its dir's memory; NUL-terminated */
    struct stat_identity id;
    uint32_t n_links;
    uint32_t flags;      /* enum node_flags */
    struct bytes target; /* of a symbolic link; NUL-terminated */
    struct dir *below;   /* of a directory that was entered, else NULL */
};

/* The looked-at entries of one directory, sorted by name. One block of memory. */
struct dir {
    size_t n;
    size_t n_bytes; /* allocated for this block */
    struct node nodes[];
};

struct tree {
    struct node root;     /* its name is empty; root.below is never NULL */
    uint64_t n_dirs_read; /* directories opened */
    uint64_t n_stats;     /* entries looked at by stat */
    int64_t clock_ns;     /* stat_clock_ns() before the walk */
};

struct tree_walk {
    int root_fd;
    struct bytes root_name;      /* for messages */
    struct bytes ignore_name;    /* the ignore file that a remedy would be written to */
    const struct ignore *ignore; /* NULL: nothing is excluded */
    const struct reads *reads;   /* NULL: all that is kept is selected; else resolved */
    struct pool *pool;
};

/*
 * Walks the tree. A directory or link that vanishes meanwhile is as if never seen.
 * -EACCES …: a kept directory that can't be read, naming it and the rule that would exclude it;
 * an excluded one is passed over in silence. -ENAMETOOLONG: a path past PATH_MAX.
 * Thread: the pool's owner.
 */
int tree_walk(const struct tree_walk *walk, struct tree **ret_tree, struct failure *f) must_use;
void tree_free(struct tree *tree);

/* The node at a clean path below the root, or NULL. */
const struct node *tree_find(const struct tree *tree, struct bytes path);

#endif
