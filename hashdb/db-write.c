/* SPDX-License-Identifier: Apache-2.0 */
#include "db-write.h"

#include "db-state.h"

static int db_touch(struct db_conn *conn, const struct db_tree *trees, size_t n)
{
    sqlite3_stmt *touch = conn->statements[DB_TOUCH];
    int code = SQLITE_OK;
    for (size_t i = 0; i < n && code == SQLITE_OK; i++) {
        sqlite3_bind_int64(touch, 1, trees[i].id);
        sqlite3_bind_blob(touch, 2, trees[i].path.at, (int)trees[i].path.len, SQLITE_STATIC);
        sqlite3_bind_int64(touch, 3, (int64_t)trees[i].dev);
        sqlite3_bind_int64(touch, 4, (int64_t)trees[i].ino);
        sqlite3_bind_int64(touch, 5, trees[i].used);
        code = db_run(conn, DB_TOUCH);
    }
    return code;
}

/* ---- a transaction --------------------------------------------------------------------- */

int db_end(struct db_conn *conn, int code)
{
    if (code == SQLITE_OK)
        code = db_run(conn, DB_COMMIT);
    /* SQLite rolls back by itself after some failures. */
    if (code != SQLITE_OK && !sqlite3_get_autocommit(conn->sqlite))
        sqlite3_exec(conn->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static int db_write_op(struct db_conn *conn, const struct db_op *op)
{
    enum db_statement which = op->put ? DB_PUT : DB_VOID;
    sqlite3_stmt *s = conn->statements[which];
    sqlite3_bind_int64(s, 1, op->tree);
    sqlite3_bind_int64(s, 2, (int64_t)op->id.dev);
    sqlite3_bind_int64(s, 3, (int64_t)op->id.ino);
    if (op->put) {
        sqlite3_bind_int64(s, 4, (int64_t)op->id.size);
        sqlite3_bind_int64(s, 5, op->id.mtime_ns);
        sqlite3_bind_int64(s, 6, op->id.ctime_ns);
        sqlite3_bind_int64(s, 7, op->id.mode);
        sqlite3_bind_int64(s, 8, db_row_sum(op->tree, &op->id, &op->hash));
        sqlite3_bind_blob(s, 9, op->hash.xxh.at, sizeof(op->hash.xxh.at), SQLITE_STATIC);
        if (op->hash.has_sha)
            sqlite3_bind_blob(s, 10, op->hash.sha.at, sizeof(op->hash.sha.at), SQLITE_STATIC);
        else
            sqlite3_bind_null(s, 10);
    }
    /* Not db_run(), which clears the parameters: each call sets all of them. */
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int db_compare_keys(const void *a, const void *b)
{
    const struct db_op *x = *(const struct db_op *const *)a,
                       *y = *(const struct db_op *const *)b;
    if (x->tree != y->tree)
        return x->tree < y->tree ? -1 : 1;
    if (x->id.dev != y->id.dev)
        return x->id.dev < y->id.dev ? -1 : 1;
    return x->id.ino < y->id.ino ? -1 : x->id.ino > y->id.ino;
}

/* Writes in the order of the keys, so that neighbours in the file are written together. */
static int db_write_ops(struct db_conn *conn, const struct db_queue *q)
{
    cleanup_free const struct db_op **sorted = xcalloc(q->n, sizeof(*sorted));
    for (size_t i = 0; i < q->n; i++)
        sorted[i] = &q->ops[i];
    qsort(sorted, q->n, sizeof(*sorted), db_compare_keys);
    int code = SQLITE_OK;
    for (size_t i = 0; i < q->n && code == SQLITE_OK; i++)
        code = db_write_op(conn, sorted[i]);
    sqlite3_clear_bindings(conn->statements[DB_PUT]);
    return code;
}

int db_write_queue(struct db_conn *conn, const struct db_queue *q, const struct db_tree *trees,
                   size_t n_trees)
{
    int code = db_run(conn, DB_BEGIN);
    if (code != SQLITE_OK)
        return code;
    if (q->forgot_all)
        code = db_run(conn, DB_FORGET_ALL);
    for (size_t i = 0; i < q->n_forgotten && code == SQLITE_OK; i++) {
        sqlite3_bind_int64(conn->statements[DB_FORGET_TREE], 1, q->forgotten[i]);
        code = db_run(conn, DB_FORGET_TREE);
    }
    if (code == SQLITE_OK)
        code = db_touch(conn, trees, n_trees);
    if (code == SQLITE_OK)
        code = db_write_ops(conn, q);
    return db_end(conn, code);
}

/* ---- pruning --------------------------------------------------------------------------- */

static int db_drop_old(struct db_conn *conn, int64_t now, int64_t since,
                       const struct db_tree *used, size_t n_used)
{
    int code = db_run(conn, DB_BEGIN);
    if (code != SQLITE_OK)
        return code;
    code = db_touch(conn, used, n_used);
    if (code == SQLITE_OK) {
        /* If the clock was ahead once, a tree must not stay for ever because of that. */
        sqlite3_bind_int64(conn->statements[DB_FIX_CLOCK], 1, now);
        code = db_run(conn, DB_FIX_CLOCK);
    }
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(conn->statements[DB_DROP_OLD], 1, since);
        code = db_run(conn, DB_DROP_OLD);
    }
    if (code == SQLITE_OK)
        code = db_run(conn, DB_DROP_ORPHANS);
    return db_end(conn, code);
}

/* Drops the tree that was unused for the longest time. *ret_any: there was one. */
static int db_drop_oldest(struct db_conn *conn, bool *ret_any)
{
    int code = db_run(conn, DB_BEGIN);
    if (code != SQLITE_OK)
        return code;
    code = db_run(conn, DB_DROP_OLDEST);
    *ret_any = code == SQLITE_OK && sqlite3_changes(conn->sqlite) > 0;
    if (code == SQLITE_OK)
        code = db_run(conn, DB_DROP_ORPHANS);
    return db_end(conn, code);
}

int db_prune(struct db_conn *conn, int64_t now, int64_t since, uint64_t max_bytes,
             const struct db_tree *used, size_t n_used)
{
    int code = db_drop_old(conn, now, since, used, n_used);
    bool any = true;
    while (code == SQLITE_OK && any && max_bytes && db_used_bytes(conn) > max_bytes)
        code = db_drop_oldest(conn, &any);
    if (code == SQLITE_OK)
        code = sqlite3_exec(conn->sqlite, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    return code;
}
