/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: what the writer and hashdb_prune() change in the file. Each function returns
 * SQLite's code.
 *
 * Thread: any. Lock: the caller holds the lock of the connection that it passes.
 */
#ifndef CTXD_DB_WRITE_H
#define CTXD_DB_WRITE_H

#include "db-conn.h"
#include "db-queue.h"

struct db_tree;

/* Writes a queue, and the last use of trees, as one transaction: all of it or nothing. */
int db_write_queue(struct db_conn *conn, const struct db_queue *q, const struct db_tree *trees,
                   size_t n_trees);
/* Ends a transaction: commits if code is SQLITE_OK, else rolls back. */
int db_end(struct db_conn *conn, int code);
/*
 * Drops the trees whose last use is before `since`, then those that were unused for longest,
 * until the database holds at most max_bytes (0: no limit). `now` and `since` are seconds since
 * 1970. `used` are trees whose last use may not be in the file yet.
 */
int db_prune(struct db_conn *conn, int64_t now, int64_t since, uint64_t max_bytes,
             const struct db_tree *used, size_t n_used);

#endif
