/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash database from inside:
 *
 *   db.c         opening, closing, look-ups, settings, statistics
 *   db-load.c    hashdb_load(): all files of a tree in one read
 *   db-writer.c  the one writer's thread; it makes the file anew where it must
 *   db-write.c   the writer's transactions
 *   db-trees.c   the roots that this process uses
 *   db-queue.c   what waits to be written
 *   db-file.c    hashes.db as a file
 *   db-conn.c    connections, statements, rows; the table of the format
 *
 * Three locks, taken in this order and only in this order: write_lock, read_lock, lock.
 * `lock` is never held during a call of SQLite's or a file operation.
 */
#ifndef CTXD_DB_STATE_H
#define CTXD_DB_STATE_H

#include "db-conn.h"
#include "db-queue.h"

#include <pthread.h>

/* Puts and voids that wait: 7 MB; the writer takes them faster than two cores hash files. */
#define DB_QUEUE_MAX 65536
/* What comes within it is one transaction: a commit costs as much as ten rows do. */
#define DB_GATHER_NS 50000000u
/* So many don't wait for company. */
#define DB_GATHER_MAX 8192
/* After a transaction that failed. */
#define DB_BACKOFF_NS 1000000000u
/* A database that can't be had is tried again after so long, then after twice as long … */
#define DB_RETRY_NS 2000000000u
#define DB_RETRY_MAX_NS 300000000000u
/* Roots that a process knows at a time; the longest unused is forgotten for another. */
#define DB_TREES_MAX 1024
/* Age at which the time of a tree's last use is written again. */
#define DB_TOUCH_SECONDS 21600
/* Files of one tree that a load takes: 1 GB. */
#define DB_LOAD_MAX (1u << 24)
/* Settings are small: a URL, a list of roots. */
#define DB_KEY_MAX 4096
#define DB_VALUE_MAX (1u << 20)
#define DB_SETTINGS_MAX (16u << 20)

/* A root that this process uses. */
struct db_tree {
    int64_t id;
    uint64_t dev, ino;
    struct bytes path; /* owned */
    int64_t used;      /* seconds since 1970 */
    int64_t written;   /* `used` as the file has it; 0: it may have no such tree */
    bool due;          /* to be written */
};

struct hashdb {
    char *directory; /* absolute; its real path, if it could be told */

    pthread_mutex_t write_lock;
    struct db_conn writer; /* guarded by write_lock */
    pthread_mutex_t read_lock;
    struct db_conn reader; /* guarded by read_lock */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work, done;
    bool usable;
    bool damaged; /* found while running: the writer makes it anew */
    bool hurry;   /* somebody waits */
    bool closing;
    struct db_queue pending, flight; /* the writer reads flight without the lock */
    uint64_t queued_seq, done_seq;   /* one more for each wish; up to which all were tried */
    uint64_t since_ns;               /* when pending got its first */
    uint64_t not_before_ns;          /* after a failure */
    uint64_t retry_at_ns, retry_after_ns; /* while not usable */
    uint64_t n_dropped, n_set_aside, n_retries;
    char why[256]; /* it is not usable */
    struct db_tree *trees;
    size_t n_trees, last_tree; /* where the one that was asked for last is */

    pthread_t thread; /* only while `running` */
    bool running;
};

#endif
