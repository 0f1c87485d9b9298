/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The puts and voids that wait to be written. Look-ups ask the queue before the file.
 *
 * An op is a put (store a hash) or a void (forget what is known of a file). A key is a tree, a
 * device and an inode; the queue keeps only the newest op of each key.
 *
 * Thread: any. Lock: the caller holds the lock that guards the queue.
 */
#ifndef CTXD_DB_QUEUE_H
#define CTXD_DB_QUEUE_H

#include "hashdb.h"

/* Trees that are forgotten as a whole, because a void of theirs found the queue full. If there
 * are more, all trees are forgotten. A void in a full queue is rare, so 64 are enough. */
#define DB_FORGOTTEN_MAX 64

/* The newest op of a key. */
struct db_op {
    int64_t tree;
    struct stat_identity id; /* of a void: only dev and ino */
    struct content_hash hash;
    bool put;
    bool over_void; /* of a put: it replaced a void. If the put is dropped, the void remains */
};

/* The writer first applies the forgotten trees, then the ops. */
struct db_queue {
    struct db_op *ops;
    uint32_t *slots; /* hash table of 2 * cap: index in ops + 1; 0: free */
    size_t n, cap;
    int64_t forgotten[DB_FORGOTTEN_MAX];
    size_t n_forgotten;
    bool forgot_all;
    size_t max; /* ops */
};
#define DB_QUEUE(maximum) ((struct db_queue){.max = (maximum)})

enum db_known {
    DB_UNKNOWN, /* the queue has no op of the key: ask the next one, or the file */
    DB_KNOWN,   /* there is a put */
    DB_VOIDED,  /* there is a void, or the tree is forgotten */
};

void db_queue_release(struct db_queue *q);
/* Empties the queue. Frees its memory if it is large. */
void db_queue_clear(struct db_queue *q);
bool db_queue_is_empty(const struct db_queue *q);
/* Returns false if the queue is full and the put was dropped. */
bool db_queue_put(struct db_queue *q, const struct db_op *op) must_use;
/* Is never dropped: if the queue is full, the whole tree is forgotten. */
void db_queue_void(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* A void that is dropped if the queue is half full, to leave space for more important ops. */
void db_queue_gone(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* Looks up a key; *ret_op is the put if DB_KNOWN. */
enum db_known db_queue_knows(const struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino,
                             const struct db_op **ret_op);
/* Whether the tree is forgotten. */
bool db_queue_forgot(const struct db_queue *q, int64_t tree);
/* Drops all puts and returns how many. Voids stay. */
size_t db_queue_drop_puts(struct db_queue *q);
/*
 * Adds the voids of `failed`, whose transaction failed, to q, whose ops are newer. Returns how
 * many puts of `failed` are lost.
 */
size_t db_queue_retain(struct db_queue *q, const struct db_queue *failed);

/* The hash of a key. */
static inline uint64_t db_key_hash(int64_t tree, uint64_t dev, uint64_t ino)
{
    /* The kernel chooses inode numbers, so no seed is needed. But they come in sequences, which
     * must be spread over the table. */
    uint64_t a = (uint64_t)tree ^ dev * 0x9e3779b97f4a7c15u;
    unsigned __int128 wide =
        (unsigned __int128)(ino ^ 0x2d358dccaa6c78a5u) * (a ^ 0x8bb84b93962eacc9u);
    uint64_t hash = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    return hash ^ hash >> 32;
}

#endif
