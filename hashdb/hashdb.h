/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashdb: the tree of a context, as a walk found it and as later changes patched it, and the
 * hashes of its files. The walk looks only at what the ignore rules keep and the Dockerfiles
 * read.
 *
 *     struct tree_rules rules = {.ignore = ig, .reads = reads};
 *     struct tree_walk walk = {.root_fd = fd, .rules = (const struct tree_rules *[]){&rules},
 *                              .n_rules = 1, .pool = pool};
 *     r = tree_make(&walk, NULL, NULL, &tree, f);           make.c
 *     … tree->root.below -> nodes, sorted by name …
 *     r = tree_make(&walk, tree, dirty, &newer, f);         shares what is not dirty
 *     tree_compare(tree, newer, 1u << 0, tell, context);    what changed for a view
 *     tree_unref(tree);
 *
 * The walk never follows a symbolic link, never opens an excluded directory that contains
 * nothing kept, and never stats an excluded name.
 */
#ifndef CTXD_HASHDB_H
#define CTXD_HASHDB_H

#include "base.h"
#include "dockerfile.h"
#include "ignore.h"

#include <stdatomic.h>

/* The stat of one version of a file. Once it is settled, it changes if the file changes. */
struct stat_identity {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode;
};

struct stat_identity stat_identity(const struct stat *st);
bool stat_identity_equal(const struct stat_identity *a, const struct stat_identity *b);

/* The time by the clock that the kernel stamps files with: CLOCK_REALTIME_COARSE, which
 * advances once a tick. Nanoseconds since 1970. */
int64_t stat_clock_ns(void);

/*
 * Whether the change time of a file lies in a tick before clock_ns, which was read before the
 * stat was taken. Then every later write gives the file another change time, so an equal stat
 * means an equal file. This closes the race that git calls a racy index: a write in the same
 * tick as the stat does not change the stat.
 */
bool stat_settled(const struct stat_identity *id, int64_t clock_ns);

/* Views (rule sets) of one tree: a node has a mask of 32 bits, one for each. */
#define TREE_VIEWS_MAX 32

struct node {
    const uint8_t *text; /* in its dir's memory: the name, NUL, a symbolic link's target, NUL */
    uint16_t name_len;   /* one component */
    uint16_t target_len; /* of a symbolic link, else 0 */
    uint32_t version;    /* a new one if the content may have changed though stat is the same */
    struct stat_identity id;
    uint32_t n_links;
    /* A bit for each view: */
    uint32_t keep;     /* sent for its own sake, not only as a directory above a kept entry */
    uint32_t empty;    /* a regular file sent without its content (ignore.h: no_content) */
    uint32_t sent;     /* kept, or a directory above something kept */
    struct dir *below; /* the entries of a directory that was entered, else NULL */
};

static inline struct bytes node_name(const struct node *node)
{
    return bytes_at(node->text, node->name_len);
}

static inline struct bytes node_target(const struct node *node)
{
    return bytes_at(node->text + node->name_len + 1, node->target_len);
}

/* Whether it may have other names: a file or a symbolic link with several hard links. */
static inline bool node_may_link(const struct node *node)
{
    return node->n_links > 1 && !S_ISDIR(node->id.mode);
}

/*
 * The entries of one directory that some view keeps or enters, sorted by name. It is one block
 * of memory, which never changes once its tree is returned. All trees in which the directory is
 * the same share the block.
 */
struct dir {
    atomic_uint refs;
    uint32_t sent;   /* the nodes' `sent`, ORed */
    bool many_links; /* some file here or below has several hard links */
    bool sealed;     /* `sent` and many_links are computed */
    size_t n;
    size_t n_bytes; /* size of this block */
    struct node nodes[];
};

/* An immutable snapshot of a root, for all of its views. */
struct tree {
    atomic_uint refs;
    struct node root;     /* its name is empty; root.below is never NULL */
    uint64_t n_dirs_read; /* directories that were read to make it from the one before */
    uint64_t n_stats;     /* entries whose stat was taken for that */
    int64_t clock_ns;     /* stat_clock_ns() before the first of them */
    uint32_t generation;  /* the version of the nodes that are new in it */
};

/* The rules of one view. They must not change as long as trees are made by them. */
struct tree_rules {
    const struct ignore *ignore; /* NULL: nothing is excluded */
    const struct reads *reads;   /* resolved; NULL: everything kept is selected */
};

/*
 * How a daemon learns of changes. The walk calls `enter` for each directory that some view
 * keeps or enters, before it reads the names of the directory, so that no change is missed in
 * between. tree_make() calls `leave` for each directory that the newest tree does not contain
 * any more; that includes all directories below it.
 */
struct tree_watch {
    void *watch;
    /* Thread: any that runs jobs of the pool. */
    void (*enter)(void *watch, int dir_fd, struct bytes path);
    /* Thread: the caller of tree_make(). */
    void (*leave)(void *watch, struct bytes path);
};

struct tree_walk {
    int root_fd;
    struct bytes root_name;                /* for messages */
    struct bytes ignore_name;              /* the ignore file, for messages */
    const struct tree_rules *const *rules; /* [i] is that of view i, or NULL if there is none */
    size_t n_rules;                        /* at most TREE_VIEWS_MAX */
    const struct tree_watch *watch;        /* NULL: nothing is watched */
    struct pool *pool;
};

/* ---- what changed since a tree was made ---------------------------------------------- */

/* The set of paths to look at again. Thread: one at a time. */
struct dirty;

struct dirty *dirty_new(void);
void dirty_free(struct dirty *dirty);
bool dirty_is_empty(const struct dirty *dirty);
/* How many paths were marked. A path that includes all below it counts as one. */
size_t dirty_count(const struct dirty *dirty);
/* Whether `path` is dirty, itself or with a directory above it. */
bool dirty_covers(const struct dirty *dirty, struct bytes path);

/*
 * These mark a path. It is clean and relative to the root; "" is the root itself. They mark the
 * directory above it for a stat, too, because a change in a directory changes its times.
 */
/* Stat `path` again. content: its bytes may have changed even if the stat is the same. */
void dirty_entry(struct dirty *dirty, struct bytes path, bool content);
/* Read the names of the directory `path` again, and stat each. */
void dirty_listing(struct dirty *dirty, struct bytes path);
/* Walk everything at and below `path` again. */
void dirty_below(struct dirty *dirty, struct bytes path);
/*
 * A file with several hard links may have changed. No event names its other names, so
 * tree_check_links() must mark them.
 */
void dirty_inode(struct dirty *dirty, uint64_t dev, uint64_t ino);
/* Any file may have changed, by a name that is gone. tree_check_links() must mark those whose
 * stat is another. */
void dirty_files(struct dirty *dirty);

/*
 * Makes a tree:
 *
 *   old NULL      by a walk of the whole root
 *   dirty NULL    the same; a node whose stat equals that of its node in old keeps its version
 *   both given    by looking only at what is dirty. All the rest is shared with old, which must
 *                 have been made by the same rules
 *
 * An entry that vanishes during the walk counts as never seen. A directory or symbolic link
 * that is replaced counts as its replacement (-ESTALE: it was replaced again each time it was
 * read).
 *
 * -EACCES …: a kept directory can't be read; the failure names it and a line that would exclude
 * it. An excluded directory that can't be read is skipped silently. -ENAMETOOLONG: a path is
 * longer than PATH_MAX. -ECANCELED: the pool's work was cancelled.
 *
 * The caller owns *ret_tree and gives it to tree_unref(). Thread: the pool's owner.
 */
int tree_make(const struct tree_walk *walk, const struct tree *old, const struct dirty *dirty,
              struct tree **ret_tree, struct failure *f) must_use;
struct tree *tree_ref(struct tree *tree);
/* NULL is fine. Thread: any. */
void tree_unref(struct tree *tree);

/* The node at a clean path below the root, or NULL. */
const struct node *tree_find(const struct tree *tree, struct bytes path);

/*
 * Calls `tell` for each path that the view would send differently, in the order of the stream:
 * paths that only one tree contains, and paths whose stat, symbolic link target or version
 * differ. Directories that both trees share are skipped. Thread: any.
 */
typedef void tree_on_difference(void *context, struct bytes path);
void tree_compare(const struct tree *was, const struct tree *is, uint32_t view_bit,
                  tree_on_difference *tell, void *context);

/*
 * Marks each file with several hard links whose stat is no longer that of the tree, and each
 * name of a file given to dirty_inode(), because in the tree it may be a file with one link.
 * After dirty_files() it takes the stat of all files: 50 ms for 100,000. Thread: the pool's
 * owner.
 */
void tree_check_links(const struct tree *tree, int root_fd, struct pool *pool,
                      struct dirty *dirty);

/*
 * link() raises no event for the name that already existed. This marks each name that is the
 * only one of its file according to `is`, if another name of the same file in `is` is new or
 * changed since `was` (NULL: everything is new).
 */
void tree_check_new_links(const struct tree *was, const struct tree *is, struct dirty *dirty);

/* ---- hashes of contents (db.c): one database for all trees of a user ------------------- */

struct content_hash {
    struct digest128 xxh; /* with a key, because others may choose the content */
    struct sha256 sha;    /* if has_sha */
    bool has_sha;
};

/*
 * The database: SQLite in WAL mode with one writer, a thread that writes in batches.
 *
 * It is a cache. A hash in it counts only if the stat of the file is equal. A file that is
 * damaged, belongs to another program or has another version is set aside with a note. If the
 * database can't be used, callers go on without it, and it is tried again after seconds, later
 * after minutes, without end.
 */
struct hashdb;

/*
 * Opens directory/hashes.db, and makes both if they are missing. It never fails: if the
 * database can't be used, there is a note that says why, and look-ups find nothing until it
 * can. Thread: any.
 */
void hashdb_open(const char *directory, struct notes *notes, struct hashdb **ret);
/* Writes what is queued, then closes. NULL is fine. Thread: the last one that uses it. */
void hashdb_close(struct hashdb *db);

/*
 * The number of a tree, which the real path, device and inode of its root determine: it is the
 * same in each process and database. This call, and each put, notes that the tree is in use. A
 * process knows at most 1,024 trees; for another one it forgets the tree that has been unused
 * for the longest time, whose puts are then dropped until this is called again. Thread: any.
 */
int64_t hashdb_tree(struct hashdb *db, struct bytes root_path, uint64_t dev, uint64_t ino);

/* The hashes of all files of a tree, read at once, for many look-ups. Thread: any. */
struct hashes;
struct hashes *hashdb_load(struct hashdb *db, int64_t tree);
bool hashes_get(const struct hashes *hashes, const struct stat_identity *id,
                struct content_hash *ret);
void hashes_free(struct hashes *hashes);
/* Looks up one file by (dev, ino). True if it is known with an equal stat. Thread: any. */
bool hashdb_get(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                struct content_hash *ret);

/*
 * Stores a hash: queues it, or drops it if the queue is full. The caller must have read the
 * content under a settled stat, while no process had the file open for writing (the
 * content_read_… functions of stream/ tell). Thread: any.
 */
void hashdb_put(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                const struct content_hash *hash);
/*
 * Forgets what is known of (dev, ino), because a process wrote to the file even if its stat is
 * the same. Each hashdb_get() and hashdb_load() of this process that begins later honours it.
 * It is never dropped while the process lives: it waits until the database can be written.
 * Thread: any.
 */
void hashdb_void(struct hashdb *db, int64_t tree, uint64_t dev, uint64_t ino);
/*
 * The same for files that were removed. It only tidies up, because another file with the same
 * number has another stat. So entries for which the queue has no space stay in the database
 * until their tree is pruned. Thread: any.
 */
struct inode {
    uint64_t dev, ino;
};
void hashdb_gone(struct hashdb *db, int64_t tree, const struct inode *gone, size_t n);
/* Waits until everything queued before this call is committed, or could not be. Thread: any. */
void hashdb_sync(struct hashdb *db);
/*
 * Drops the trees that were not in use for that many seconds. Then, while the database has more
 * than max_bytes (0: no limit), drops the tree that has been unused for the longest time.
 * Thread: any; takes a second for a million files.
 */
void hashdb_prune(struct hashdb *db, int64_t older_than_seconds, uint64_t max_bytes);

/*
 * Stores a setting, a small value that must outlive the process (the addresses of views). value
 * NULL removes it. 0 once it is committed; -E2BIG: the key is longer than 4 KiB or the value
 * than 1 MiB; -EROFS: there is no database; -EBUSY, -ENOSPC, -EIO; -EUCLEAN: the database is
 * damaged, and is being made anew. Thread: any; may wait for the disk.
 */
int hashdb_set(struct hashdb *db, struct bytes key, const struct bytes *value) must_use;
/*
 * Calls tell for each setting whose key begins with the prefix, in the order of the keys. tell
 * may call hashdb_set(). Thread: any.
 */
void hashdb_each(struct hashdb *db, struct bytes prefix,
                 void (*tell)(void *context, struct bytes key, struct bytes value),
                 void *context);

/* Whether it can be used now. It is cheap. Thread: any. */
bool hashdb_usable(struct hashdb *db);
/* Why it can't be used; empty: it can. Thread: any. */
#define HASHDB_WHY_MAX 256
void hashdb_why(struct hashdb *db, char ret[HASHDB_WHY_MAX]);
struct hashdb_stats {
    uint64_t n_files, n_trees, file_bytes, n_queued;
    uint64_t n_dropped;   /* puts */
    uint64_t n_set_aside; /* damaged files found after the open, for which there is no note */
    bool usable;
    /* If not usable: */
    uint64_t n_retries, retry_in_ns;
    char why[HASHDB_WHY_MAX];
};
/* Counts all rows of the database, so it is not for each request. Thread: any. */
void hashdb_stats(struct hashdb *db, struct hashdb_stats *ret);

#endif
