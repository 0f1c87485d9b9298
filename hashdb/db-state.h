/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash database from inside:
 *
 *   db.c         opening, closing, look-ups, settings, statistics
 *   db-load.c    hashdb_load(): all files of a tree in one read
 *   db-writer.c  the writer's thread, which also replaces a damaged file
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

/* Ops in a queue, 7 MB. The writer takes them faster than two cores can hash files. */
#define DB_QUEUE_MAX 65536
/* Nanoseconds (50 ms) that the writer waits for more ops after the first one, because a commit
 * costs as much as ten rows. */
#define DB_GATHER_NS 50000000u
/* Ops after which it does not wait any longer. */
#define DB_GATHER_MAX 8192
/* Nanoseconds (1 s) that it waits after a transaction that failed. */
#define DB_BACKOFF_NS 1000000000u
/* Nanoseconds until a database that can't be used is tried again: first 2 s, then twice as long
 * each time, up to 5 minutes. */
#define DB_RETRY_NS 2000000000u
#define DB_RETRY_MAX_NS 300000000000u
/* Roots that a process knows at a time: more than a daemon serves. hashdb_tree() forgets the
 * one that has been unused for the longest time. */
#define DB_TREES_MAX 1024
/* Seconds (6 h) after which the last use of a tree is written again. Pruning counts in days, so
 * a more exact time would only cost writes. */
#define DB_TOUCH_SECONDS 21600
/* Files of one tree that are loaded: 1 GB of memory. */
#define DB_LOAD_MAX (1u << 24)
/* Bytes of a key, of a value, and of all settings that hashdb_each() reads. Settings are small:
 * a URL, a list of roots. */
#define DB_KEY_MAX 4096
#define DB_VALUE_MAX (1u << 20)
#define DB_SETTINGS_MAX (16u << 20)

/* A root that this process uses. */
struct db_tree {
    int64_t id;
    uint64_t dev, ino;
    struct bytes path; /* owned */
    int64_t used;      /* its last use, seconds since 1970 */
    int64_t written;   /* the last use in the file; 0: the file may not have the tree */
    bool due;          /* `used` must be written */
};

struct hashdb {
    char *directory; /* absolute; its real path if that could be found */

    pthread_mutex_t write_lock; /* guards writer */
    struct db_conn writer;
    pthread_mutex_t read_lock; /* guards reader */
    struct db_conn reader;

    pthread_mutex_t lock; /* guards all that follows, except thread and running */
    pthread_cond_t work;  /* the writer waits for something to do */
    pthread_cond_t done;  /* hashdb_sync() waits for done_seq */
    bool usable;
    bool damaged; /* SQLite found damage: the writer makes the file anew */
    bool hurry;   /* a caller of hashdb_sync() waits */
    bool closing;
    struct db_queue pending; /* the ops that wait */
    struct db_queue flight; /* those of the transaction; the writer reads it without the lock */
    uint64_t queued_seq;    /* how many ops were ever queued */
    uint64_t done_seq;      /* how many of them were written, or tried in vain */
    uint64_t since_ns;      /* when the first op of `pending` was queued; 0: there is none */
    uint64_t not_before_ns; /* when the writer may try again after a failure */
    uint64_t retry_at_ns;   /* if not usable: when the database is tried again */
    uint64_t retry_after_ns; /* and how long that was after the last try */
    uint64_t n_dropped, n_set_aside, n_retries;
    char why[256]; /* if not usable: the reason */
    struct db_tree *trees;
    size_t n_trees;
    size_t last_tree; /* index of the tree that was asked for last, a cache */

    pthread_t thread; /* if running; only hashdb_open() and hashdb_close() change these two */
    bool running;
};

#endif
