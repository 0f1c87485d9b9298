/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to hashes.db, their statements, and the rows of the table of files. db-conn.c
 * draws the format.
 *
 * Lock: the caller holds the lock of the connection that it gives.
 */
#ifndef CTXD_DB_CONN_H
#define CTXD_DB_CONN_H

#include "hashdb.h"

#include <sqlite3.h>

/* How long a lock of another process is waited for: longer than the largest transaction of ours
 * takes with its checkpoint, shorter than a person waits. */
#define DB_BUSY_MS 2000

enum db_statement {
    /* Of the writer. */
    DB_BEGIN,
    DB_COMMIT,
    DB_PUT,
    DB_VOID,
    DB_FORGET_TREE,
    DB_FORGET_ALL,
    DB_TOUCH,
    DB_SET,
    DB_UNSET,
    DB_FIX_CLOCK,
    DB_DROP_OLD,
    DB_DROP_OLDEST,
    DB_DROP_ORPHANS,
    DB_WRITER_END,
    /* Of the readers. */
    DB_GET = DB_WRITER_END,
    DB_LOAD,
    DB_EACH,
    DB_COUNT_FILES,
    DB_COUNT_TREES,
    DB_STATEMENTS
};

struct db_conn {
    sqlite3 *sqlite; /* NULL: closed */
    sqlite3_stmt *statements[DB_STATEMENTS];
};

void db_conn_close(struct db_conn *conn);
/* Runs a statement that gives no rows; its parameters are forgotten. SQLite's code. */
int db_run(struct db_conn *conn, enum db_statement which);
/* Forgets row and parameters: a statement that is left in the middle holds a snapshot. */
void db_reset(struct db_conn *conn, enum db_statement which);
/* Another file, or none, is at the path now. */
bool db_conn_moved(struct db_conn *conn);
/* -errno of SQLite's code; -EUCLEAN: the file is damaged. */
int db_errno(int code);

/* Of another program, of another version of this one, or of another user. */
#define DB_FOREIGN (-EMEDIUMTYPE)
/* Both connections to an existing file; DB_FOREIGN; -EUCLEAN: damaged; … */
int db_connect(const char *path, struct db_conn *writer, struct db_conn *reader,
               struct failure *f) must_use;
/* The bytes of an empty database, by SQLite itself; freed by sqlite3_free(). */
int db_make_image(unsigned char **ret, size_t *ret_len, struct failure *f) must_use;
/* Of the file, what is not free pages. */
uint64_t db_used_bytes(struct db_conn *conn);

/* What makes a row believable: over all of it, its key too. */
int64_t db_row_sum(int64_t tree, const struct stat_identity *id,
                   const struct content_hash *hash);
/* Reads the current row of DB_GET or DB_LOAD; false: it is not what was once written. */
bool db_row_read(sqlite3_stmt *row, int64_t tree, struct stat_identity *ret_id,
                 struct content_hash *ret_hash);

#endif
