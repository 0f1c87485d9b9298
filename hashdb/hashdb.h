/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashdb: the tree of a context as a walk found it, pruned by the ignore rules and by what the
 * Dockerfiles read, patched where something changed; and the hashes of its files.
 *
 *     struct tree_rules rules = {.ignore = ig, .reads = reads};
 *     struct tree_walk walk = {.root_fd = fd, .rules = (const struct tree_rules *[]){&rules},
 *                              .n_rules = 1, .pool = pool};
 *     r = tree_make(&walk, NULL, NULL, &tree, f);           make.c
 *     … tree->root.below -> nodes, sorted by name …
 *     r = tree_make(&walk, tree, dirty, &newer, f);         shares what is not dirty
 *     tree_compare(tree, newer, 1u << 0, tell, context);    what a view would send otherwise
 *     tree_unref(tree);
 *
 * Never follows a link, never opens an excluded directory that holds nothing kept, never stats
 * an excluded name.
 */
#ifndef CTXD_HASHDB_H
#define CTXD_HASHDB_H

#include "base.h"
#include "dockerfile.h"
#include "ignore.h"

#include <stdatomic.h>

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

/* Rule sets that one tree serves side by side: a bit each in the masks of a node. */
#define TREE_VIEWS_MAX 32

struct node {
    const uint8_t *text; /* in its dir's memory: the name, NUL, and of a link its target, NUL */
    uint16_t name_len;   /* one component */
    uint16_t target_len; /* of a symbolic link */
    uint32_t version;    /* grows with what happened to the content though stat is the same */
    struct stat_identity id;
    uint32_t n_links;
    /* A bit for each view: */
    uint32_t keep;     /* sent for its own sake, not only as somebody's ancestor */
    uint32_t empty;    /* a regular file sent without its content (ignore.h: no_content) */
    uint32_t sent;     /* kept, or a directory above something kept */
    struct dir *below; /* of a directory that was entered, else NULL */
};

static inline struct bytes node_name(const struct node *node)
{
    return bytes_at(node->text, node->name_len);
}

static inline struct bytes node_target(const struct node *node)
{
    return bytes_at(node->text + node->name_len + 1, node->target_len);
}

/* Whether it may be known by other names, too: a file, or a symbolic link, of several links. */
static inline bool node_may_link(const struct node *node)
{
    return node->n_links > 1 && !S_ISDIR(node->id.mode);
}

/*
 * The looked-at entries of one directory, sorted by name. One block of memory, never changed
 * once its tree is handed out, shared by all trees that have the directory as it is here.
 */
struct dir {
    atomic_uint refs;
    uint32_t sent;   /* OR of the nodes' */
    bool many_links; /* some file here or below has several links */
    bool sealed;     /* the two above are computed */
    size_t n;
    size_t n_bytes; /* allocated for this block */
    struct node nodes[];
};

/* An immutable snapshot of a root, for all of its views. */
struct tree {
    atomic_uint refs;
    struct node root;     /* its name is empty; root.below is never NULL */
    uint64_t n_dirs_read; /* directories opened to make it of the one before */
    uint64_t n_stats;     /* entries looked at by stat */
    int64_t clock_ns;     /* stat_clock_ns() before that */
    uint32_t generation;  /* the version of what is new in it */
};

/* One view's rules. Sealed, and alive as long as trees are made by them. */
struct tree_rules {
    const struct ignore *ignore; /* NULL: nothing is excluded */
    const struct reads *reads;   /* NULL: all that is kept is selected; else resolved */
};

/*
 * How a daemon learns of changes. `enter` is called before the names of a directory are read,
 * so that nothing is missed in between, for each directory that some view keeps or must
 * descend; `leave` for each that the newest tree has no more, with all that lay below it.
 */
struct tree_watch {
    void *watch;
    /* Thread: any of the pool's. */
    void (*enter)(void *watch, int dir_fd, struct bytes path);
    /* Thread: the caller's. */
    void (*leave)(void *watch, struct bytes path);
};

struct tree_walk {
    int root_fd;
    struct bytes root_name;   /* for messages */
    struct bytes ignore_name; /* the ignore file that a remedy would be written to */
    const struct tree_rules *const *rules; /* view i's; NULL where there is no view i */
    size_t n_rules;                        /* at most TREE_VIEWS_MAX */
    const struct tree_watch *watch;        /* NULL: nobody watches */
    struct pool *pool;
};

/* ---- what changed since a tree was made ---------------------------------------------- */

/* What is to be looked at again. Thread: one at a time. */
struct dirty;

struct dirty *dirty_new(void);
void dirty_free(struct dirty *dirty);
bool dirty_is_empty(const struct dirty *dirty);
/* How many paths were marked; one that stands for all below it counts as one. */
size_t dirty_count(const struct dirty *dirty);
/* Whether looking at all that is dirty would look at `path`. */
bool dirty_covers(const struct dirty *dirty, struct bytes path);

/*
 * All paths are clean and below the root; "" is the root itself. Each marks, too, what a change
 * in a directory does to the directory's own times.
 */
/* Stat `path` again; content: its bytes may have changed whatever stat says. */
void dirty_entry(struct dirty *dirty, struct bytes path, bool content);
/* Read the names of directory `path` again, and stat each. */
void dirty_listing(struct dirty *dirty, struct bytes path);
/* Walk everything at and below `path` again. */
void dirty_below(struct dirty *dirty, struct bytes path);
/*
 * A file of several links may have changed: its other names, of which no event told, are to be
 * looked at as well. tree_check_links() marks them.
 */
void dirty_inode(struct dirty *dirty, uint64_t dev, uint64_t ino);

/*
 * Makes a tree. old NULL: by a whole walk; dirty NULL: by a whole walk that compares with old;
 * else by looking at what is dirty alone, sharing the rest with old (made by the same rules).
 * A directory or link that vanishes meanwhile is as if never seen; one that is replaced is what
 * it was replaced by (-ESTALE: by something else each time).
 * -EACCES …: a kept directory that can't be read, naming it and the rule that would exclude it;
 * an excluded one is passed over in silence. -ENAMETOOLONG: a path past PATH_MAX.
 * *ret_tree is the caller's, ended by tree_unref(). Thread: the pool's owner.
 */
int tree_make(const struct tree_walk *walk, const struct tree *old, const struct dirty *dirty,
              struct tree **ret_tree, struct failure *f) must_use;
struct tree *tree_ref(struct tree *tree);
/* NULL is fine. Thread: any. */
void tree_unref(struct tree *tree);

/* The node at a clean path below the root, or NULL. */
const struct node *tree_find(const struct tree *tree, struct bytes path);

/*
 * Tells each path that one view would send otherwise, in the order of the stream, by what both
 * trees know: present, absent, another stat, link or version. Shared directories cost nothing.
 */
typedef void tree_on_difference(void *context, struct bytes path);
void tree_compare(const struct tree *was, const struct tree *is, uint32_t view_bit,
                  tree_on_difference *tell, void *context);

/*
 * Marks each file with several links whose stat is not the tree's any more, and each name of a
 * dirty_inode(), since the tree may know it as a file of one link.
 */
void tree_check_links(const struct tree *tree, int root_fd, struct dirty *dirty);

/*
 * A link() raises no event for the name that was there. Marks each name that `is` has as its
 * file's only one, while another that it has is new, or changed, since `was` (NULL: in whole).
 */
void tree_check_new_links(const struct tree *was, const struct tree *is, struct dirty *dirty);

/* ---- hashes of contents (db.c): one database for all trees of a user ------------------- */

struct content_hash {
    struct digest128 xxh; /* always; by a key, for content is made up by others */
    struct sha256 sha;    /* where has_sha */
    bool has_sha;
};

/*
 * The database: SQLite, WAL, one writer (a thread of its own, which batches). It is a cache:
 * never believed without an equal stat, set aside with a note where it is damaged, foreign or
 * of a newer version, and done without where it can't be had: then it is tried again after
 * seconds, later after minutes, without end.
 */
struct hashdb;

/* Opens directory/hashes.db; makes both. Never fails: what can't be used is noted, and *ret is
 * a database that knows nothing and keeps nothing. Thread: any. */
void hashdb_open(const char *directory, struct notes *notes, struct hashdb **ret);
/* Writes what waits, then closes. */
void hashdb_close(struct hashdb *db);

/*
 * A tree's own number, by the root's real path, device and inode, the same in each process and
 * database; says that it is in use, as each put does. Of a process's 1,000 trees at most, the
 * longest unused is forgotten: then its puts are dropped until it is asked for again.
 * Thread: any.
 */
int64_t hashdb_tree(struct hashdb *db, struct bytes root_path, uint64_t dev, uint64_t ino);

/* All that is known of a tree's files, for many look-ups: read in one go. Thread: any. */
struct hashes;
struct hashes *hashdb_load(struct hashdb *db, int64_t tree);
bool hashes_get(const struct hashes *hashes, const struct stat_identity *id,
                struct content_hash *ret);
void hashes_free(struct hashes *hashes);
/* One look-up, by (dev, ino) and an equal stat. Thread: any. */
bool hashdb_get(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                struct content_hash *ret);

/*
 * Keeps a hash. Only for what was read under a stat that any later write changes, with nobody
 * holding the file open for writing (content_read … say so). Queued; dropped past a maximum.
 * Thread: any.
 */
void hashdb_put(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                const struct content_hash *hash);
/*
 * Forgets what is known of (dev, ino): somebody wrote to it, whatever stat says. True of every
 * hashdb_get() and hashdb_load() of this process that begins later. Never dropped while the
 * process lives: it waits until the database can be written. Thread: any.
 */
void hashdb_void(struct hashdb *db, int64_t tree, uint64_t dev, uint64_t ino);
/*
 * The same for files that are gone with their last name: tidiness, since their numbers are used
 * again with another stat. So what the queue has no room for stays until it is pruned. Thread:
 * any.
 */
struct inode {
    uint64_t dev, ino;
};
void hashdb_gone(struct hashdb *db, int64_t tree, const struct inode *gone, size_t n);
/* Waits until all that was queued before is committed, or was tried in vain. Thread: any. */
void hashdb_sync(struct hashdb *db);
/*
 * Drops trees that were not in use for so long; then, while the database holds more than
 * max_bytes (0: no limit), the longest unused ones, whatever their age. Thread: any; takes
 * a second for a million files.
 */
void hashdb_prune(struct hashdb *db, int64_t older_than_seconds, uint64_t max_bytes);

/*
 * Small things that must outlive the process (the addresses of views). value NULL: forgets it.
 * 0 when committed; -E2BIG: past 4 KiB of key or 1 MiB of value; -EROFS: there is no database;
 * -EBUSY, -ENOSPC, -EIO, -EUCLEAN (damaged, and just being made anew). Thread: any; may wait
 * for the disk.
 */
int hashdb_set(struct hashdb *db, struct bytes key, const struct bytes *value) must_use;
/* Calls tell for each whose key has the prefix, in the order of the keys; it may set. */
void hashdb_each(struct hashdb *db, struct bytes prefix,
                 void (*tell)(void *context, struct bytes key, struct bytes value),
                 void *context);

/* Whether it can be used now; cheap. Thread: any. */
bool hashdb_usable(struct hashdb *db);
/* n_dropped: puts; n_set_aside: damaged files found after the open, which no note tells of. */
struct hashdb_stats {
    uint64_t n_files, n_trees, file_bytes, n_queued, n_dropped, n_set_aside;
    bool usable;
    /* Where not: */
    uint64_t n_retries, retry_in_ns;
    char why[256];
};
void hashdb_stats(struct hashdb *db, struct hashdb_stats *ret);

#endif
