/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to hashes.db, their statements, and the rows of the table of files. db-conn.c
 * describes the format.
 *
 * Thread: any. Lock: the caller holds the lock of the connection that it passes.
 */
#ifndef CTXD_DB_CONN_H
#define CTXD_DB_CONN_H

#include "hashdb.h"

#include <sqlite3.h>

/* Milliseconds to wait for a lock of another process: longer than our largest transaction takes
 * with its checkpoint, and shorter than a person waits. */
#define DB_BUSY_MS 2000

enum db_statement {
    /* For the writer. */
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
    /* For the reader. */
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

/* Fine for a closed connection. */
void db_conn_close(struct db_conn *conn);
/* Runs a statement that gives no rows, and clears its parameters. SQLite's code. */
int db_run(struct db_conn *conn, enum db_statement which);
/* Ends a statement and clears its parameters. One that is not ended keeps a snapshot open. */
void db_reset(struct db_conn *conn, enum db_statement which);
/* Whether another file, or none, is at the path now. */
bool db_conn_moved(struct db_conn *conn);
/* SQLite's code as -errno, or 0; -EUCLEAN: the file is damaged. */
int db_errno(int code);

/* The file belongs to another program, another version of this one, or another user. */
#define DB_FOREIGN (-EMEDIUMTYPE)
/*
 * Opens both connections to an existing file. 0; DB_FOREIGN; -EUCLEAN: it is damaged; -errno.
 * On failure both are closed.
 */
int db_connect(const char *path, struct db_conn *writer, struct db_conn *reader,
               struct failure *f) must_use;
/* Makes the bytes of an empty database. The caller frees them with sqlite3_free(). */
int db_make_image(unsigned char **ret, size_t *ret_len, struct failure *f) must_use;
/* Bytes of the file without its free pages. */
uint64_t db_used_bytes(struct db_conn *conn);

/* The checksum of a row, over all of its columns and the key. */
int64_t db_row_sum(int64_t tree, const struct stat_identity *id,
                   const struct content_hash *hash);
/* Reads the current row of DB_GET or DB_LOAD. Returns false if its checksum is wrong. */
bool db_row_read(sqlite3_stmt *row, int64_t tree, struct stat_identity *ret_id,
                 struct content_hash *ret_hash);

#endif
