/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be written, and answers before what is written does.
 *
 * Lock: the caller holds the lock of the queue.
 */
#ifndef CTXD_DB_QUEUE_H
#define CTXD_DB_QUEUE_H

#include "hashdb.h"

/* Trees to be forgotten whole, in a queue that was full; past it: all. */
#define DB_FORGOTTEN_MAX 64

/* The newest wish for a key; older ones it took the place of. */
struct db_op {
    int64_t tree;
    struct stat_identity id; /* of a void: dev and ino alone */
    struct content_hash hash;
    bool put;
    bool over_void; /* it took the place of a void: a put that is dropped leaves that */
};

/* Applied in this order: the forgotten trees, then the ops, one a key. */
struct db_queue {
    struct db_op *ops;
    uint32_t *slots; /* by hash of the key: index + 1, 0: free; twice as many as cap */
    size_t n, cap;
    int64_t forgotten[DB_FORGOTTEN_MAX];
    size_t n_forgotten;
    bool forgot_all;
    size_t max;
};
#define DB_QUEUE(maximum) ((struct db_queue){.max = (maximum)})

enum db_known { DB_UNKNOWN, DB_KNOWN, DB_VOIDED };

void db_queue_release(struct db_queue *q);
/* Empties it; gives large memory back. */
void db_queue_clear(struct db_queue *q);
bool db_queue_is_empty(const struct db_queue *q);
/* False: dropped, the queue is full. */
bool db_queue_put(struct db_queue *q, const struct db_op *op) must_use;
/* Never dropped: where there is no room, the tree is forgotten. */
void db_queue_void(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* A void that is dropped where the queue is half full: the rest is for what must not wait. */
void db_queue_gone(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* What it says of a key; *ret_op where DB_KNOWN. */
enum db_known db_queue_knows(const struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino,
                             const struct db_op **ret_op);
bool db_queue_forgot(const struct db_queue *q, int64_t tree);
/* Drops all puts; voids stay. Returns how many. */
size_t db_queue_drop_puts(struct db_queue *q);
/* Keeps of `failed` what must not get lost, behind what q has; returns the puts dropped. */
size_t db_queue_retain(struct db_queue *q, const struct db_queue *failed);

/* One hash for all keys that are inodes. */
static inline uint64_t db_key_hash(int64_t tree, uint64_t dev, uint64_t ino)
{
    /* Inode numbers are the kernel's choice, so no seed; neighbours must part, though. */
    uint64_t a = (uint64_t)tree ^ dev * 0x9e3779b97f4a7c15u;
    unsigned __int128 wide =
        (unsigned __int128)(ino ^ 0x2d358dccaa6c78a5u) * (a ^ 0x8bb84b93962eacc9u);
    uint64_t hash = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    return hash ^ hash >> 32;
}

#endif
