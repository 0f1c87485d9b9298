/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer. It takes all that waits, writes it as one transaction, and only then lets go
 * of it, so that at each moment pending, flight and file together say what was asked for:
 *
 *     put, void -> pending --swap--> flight --commit--> hashes.db
 *                     |                 |                   |
 *                     +-- asked first --+---- asked last ---+
 *
 * Where a transaction fails (disk full, another process writes for too long), its puts are
 * dropped and counted, and its voids wait for the next. A file that turns out to be damaged, or
 * that somebody took away, is made anew here.
 */
#include "db-priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

/* ---- trees ----------------------------------------------------------------------------- */

void db_trees_free(struct db_tree *trees, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_free(&trees[i].path);
    free(trees);
}

size_t db_trees_due(struct hashdb *db, int64_t used_since, struct db_tree **ret)
{
    pthread_mutex_lock(&db->lock);
    struct db_tree *copies = xcalloc(db->n_trees, sizeof(*copies));
    size_t n = 0;
    for (size_t i = 0; i < db->n_trees; i++) {
        if (!db->trees[i].due && db->trees[i].used < used_since)
            continue;
        struct db_tree *copy = &copies[n++];
        *copy = db->trees[i];
        copy->path = bytes_dup(copy->path);
    }
    pthread_mutex_unlock(&db->lock);
    *ret = copies;
    return n;
}

/* Lock: held. */
static void trees_written(struct hashdb *db, const struct db_tree *written, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < db->n_trees; j++)
            if (db->trees[j].id == written[i].id) {
                db->trees[j].written = written[i].used;
                db->trees[j].due = db->trees[j].used > written[i].used + DB_TOUCH_SECONDS;
            }
}

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

/* Ends a transaction, well or (code: not SQLITE_OK) not. */
int db_end(struct db_conn *conn, int code)
{
    if (code == SQLITE_OK)
        code = db_run(conn, DB_COMMIT);
    /* Some failures end it by themselves. */
    if (code != SQLITE_OK && !sqlite3_get_autocommit(conn->sqlite))
        sqlite3_exec(conn->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static int write_op(struct db_conn *conn, const struct db_op *op)
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
    /* Not db_run(): the parameters are all bound anew each time. */
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int compare_keys(const void *a, const void *b)
{
    const struct db_op *x = *(const struct db_op *const *)a,
                       *y = *(const struct db_op *const *)b;
    if (x->tree != y->tree)
        return x->tree < y->tree ? -1 : 1;
    if (x->id.dev != y->id.dev)
        return x->id.dev < y->id.dev ? -1 : 1;
    return x->id.ino < y->id.ino ? -1 : x->id.ino > y->id.ino;
}

/* In the order of the keys: then neighbours in the file are written together. */
static int write_ops(struct db_conn *conn, const struct db_queue *q)
{
    cleanup_free const struct db_op **sorted = xcalloc(q->n, sizeof(*sorted));
    for (size_t i = 0; i < q->n; i++)
        sorted[i] = &q->ops[i];
    qsort(sorted, q->n, sizeof(*sorted), compare_keys);
    int code = SQLITE_OK;
    for (size_t i = 0; i < q->n && code == SQLITE_OK; i++)
        code = write_op(conn, sorted[i]);
    sqlite3_clear_bindings(conn->statements[DB_PUT]);
    return code;
}

static int write_queue(struct db_conn *conn, const struct db_queue *q,
                       const struct db_tree *trees, size_t n_trees)
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
        code = write_ops(conn, q);
    return db_end(conn, code);
}

/* ---- pruning --------------------------------------------------------------------------- */

static int drop_old(struct db_conn *conn, int64_t now, int64_t since,
                    const struct db_tree *used, size_t n_used)
{
    int code = db_run(conn, DB_BEGIN);
    if (code != SQLITE_OK)
        return code;
    code = db_touch(conn, used, n_used);
    if (code == SQLITE_OK) {
        /* A clock that was ahead once must not keep a tree for ever. */
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

/* *ret_any: there was one. */
static int drop_oldest(struct db_conn *conn, bool *ret_any)
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
    int code = drop_old(conn, now, since, used, n_used);
    bool any = true;
    while (code == SQLITE_OK && any && max_bytes && db_used_bytes(conn) > max_bytes)
        code = drop_oldest(conn, &any);
    if (code == SQLITE_OK)
        code = sqlite3_exec(conn->sqlite, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    return code;
}

/* ---- another file ---------------------------------------------------------------------- */

/*
 * Opens what is at the path now. Never takes away what another version made: two that run side
 * by side would do so to each other for ever. Locks: write_lock and read_lock.
 */
static int reopen(struct hashdb *db, bool damaged, uint64_t *n_aside, struct failure *f)
{
    cleanup_fd int dir_fd = db_directory_open(db->directory, f);
    /* Where it is another's work by now, that may be whole. */
    bool take_away = damaged && db->writer.sqlite && !db_conn_moved(&db->writer);
    db_conn_close(&db->reader);
    db_conn_close(&db->writer);
    if (dir_fd < 0)
        return dir_fd;
    if (take_away) {
        char name[64];
        int r = db_set_aside(dir_fd, name, f);
        if (r < 0)
            return r;
        ++*n_aside;
    }
    return db_files_open(dir_fd, db->directory, false, NULL, &db->writer, &db->reader, n_aside,
                         f);
}

/* All that is in the file may be another process's doing. Lock: held. */
static void usable_again(struct hashdb *db)
{
    db->usable = true;
    db->retry_after_ns = 0;
    for (size_t i = 0; i < db->n_trees; i++)
        db->trees[i].due = true;
}

void db_unusable(struct hashdb *db, const struct failure *f)
{
    uint64_t twice = db->retry_after_ns * 2;
    db->usable = false;
    db->retry_after_ns = !twice                    ? DB_RETRY_NS
                         : twice > DB_RETRY_MAX_NS ? DB_RETRY_MAX_NS
                                                   : twice;
    db->retry_at_ns = clock_now_ns() + db->retry_after_ns;
    snprintf(db->why, sizeof(db->why), "%.255s", f->text);
    db->n_dropped += db_queue_drop_puts(&db->pending);
}

/* What came of opening. Locks: all three are held, and are released. */
static void conclude__with_locks(struct hashdb *db, int r, uint64_t n_aside,
                                 const struct failure *f)
{
    db->n_set_aside += n_aside;
    if (r == 0)
        usable_again(db);
    else
        db_unusable(db, f);
    pthread_mutex_unlock(&db->lock);
    pthread_mutex_unlock(&db->read_lock);
    pthread_mutex_unlock(&db->write_lock);
}

/* Lock: not held. */
static void renew(struct hashdb *db, bool damaged)
{
    uint64_t n_aside = 0;
    struct failure f = {0};
    pthread_mutex_lock(&db->write_lock);
    pthread_mutex_lock(&db->read_lock);
    int r = reopen(db, damaged, &n_aside, &f);
    pthread_mutex_lock(&db->lock);
    db->damaged = false;
    conclude__with_locks(db, r, n_aside, &f);
}

/*
 * Opens what could not be had before. Nothing of another version is taken away. No lock is held
 * while it is waited for: nobody else opens anything as long as it is not usable.
 */
static void try_again(struct hashdb *db)
{
    struct db_conn writer = {0}, reader = {0};
    struct failure f = {0};
    uint64_t n_aside = 0;
    cleanup_fd int dir_fd = db_directory_open(db->directory, &f);
    int r = dir_fd < 0 ? dir_fd
                       : db_files_open(dir_fd, db->directory, false, NULL, &writer, &reader,
                                       &n_aside, &f);
    pthread_mutex_lock(&db->write_lock);
    pthread_mutex_lock(&db->read_lock);
    if (r == 0) {
        db->writer = writer;
        db->reader = reader;
    }
    pthread_mutex_lock(&db->lock);
    db->n_retries++;
    conclude__with_locks(db, r, n_aside, &f);
}

void db_follow(struct hashdb *db)
{
    pthread_mutex_lock(&db->write_lock);
    bool moved = db->writer.sqlite && db_conn_moved(&db->writer);
    pthread_mutex_unlock(&db->write_lock);
    if (moved)
        renew(db, false);
}

/* ---- the thread ------------------------------------------------------------------------ */

void db_wake(struct hashdb *db)
{
    if (!db->since_ns)
        db->since_ns = clock_now_ns();
    db->queued_seq++;
    /* Else it waits for company, or is at work and looks by itself. */
    if (db->queued_seq - db->done_seq == 1 || db->pending.n == DB_GATHER_MAX)
        pthread_cond_signal(&db->work);
}

void db_suspect(struct hashdb *db, int code)
{
    if (db_errno(code) != -EUCLEAN)
        return;
    pthread_mutex_lock(&db->lock);
    db->damaged = db->usable;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
}

/* Until when what waits may wait for company. Lock: held. */
static uint64_t wait_until(const struct hashdb *db)
{
    uint64_t until = db->pending.n >= DB_GATHER_MAX ? 0 : db->since_ns + DB_GATHER_NS;
    if (until < db->not_before_ns)
        until = db->not_before_ns;
    return db->hurry || db->closing ? 0 : until;
}

/* Waits until there is something to do. False: nothing ever will be. Lock: held. */
static bool await_work(struct hashdb *db)
{
    for (;;) {
        bool any = db->queued_seq > db->done_seq;
        if (db->damaged)
            return true;
        if (!any && db->closing)
            return false;
        bool idle = !any && db->usable;
        if (idle) {
            pthread_cond_wait(&db->work, &db->lock);
            continue;
        }
        /* What waits for a file that can't be had is tried in vain only where somebody asks. */
        bool asked = any && (db->hurry || db->closing);
        uint64_t until = db->usable || asked ? wait_until(db) : db->retry_at_ns;
        if (clock_now_ns() >= until)
            return true;
        struct timespec at = {.tv_sec = (time_t)(until / 1000000000u),
                              .tv_nsec = (long)(until % 1000000000u)};
        pthread_cond_timedwait(&db->work, &db->lock, &at);
    }
}

/* After a transaction that failed. Lock: held. */
static void retain(struct hashdb *db, bool last_try)
{
    db->n_dropped += db_queue_retain(&db->pending, &db->flight);
    db->not_before_ns = clock_now_ns() + DB_BACKOFF_NS;
    if (last_try) {
        for (size_t i = 0; i < db->pending.n; i++)
            db->n_dropped += db->pending.ops[i].put;
        db_queue_clear(&db->pending);
    } else if (!db_queue_is_empty(&db->pending)) {
        /* As if asked for anew: this attempt is over, and hashdb_sync() returns. */
        db_wake(db);
    }
}

/* Lock: held, and let go of meanwhile. */
static void write_pending(struct hashdb *db)
{
    struct db_queue empty = db->flight;
    db->flight = db->pending;
    db->pending = empty;
    uint64_t seq = db->queued_seq;
    bool last_try = db->closing;
    db->since_ns = 0;
    db->hurry = false;
    pthread_mutex_unlock(&db->lock);

    struct db_tree *trees;
    size_t n_trees = db_trees_due(db, INT64_MAX, &trees);
    pthread_mutex_lock(&db->write_lock);
    int code = db->writer.sqlite ? write_queue(&db->writer, &db->flight, trees, n_trees)
                                 : SQLITE_CANTOPEN;
    pthread_mutex_unlock(&db->write_lock);
    db_suspect(db, code);

    pthread_mutex_lock(&db->lock);
    db->done_seq = seq;
    if (code == SQLITE_OK)
        trees_written(db, trees, n_trees);
    else
        retain(db, last_try);
    db_queue_clear(&db->flight);
    db_trees_free(trees, n_trees);
    if (last_try && code != SQLITE_OK)
        db->done_seq = db->queued_seq;
}

static void *write_all(void *context)
{
    struct hashdb *db = context;
    pthread_mutex_lock(&db->lock);
    while (await_work(db)) {
        bool damaged = db->damaged, usable = db->usable;
        bool again = !usable && !db->closing && clock_now_ns() >= db->retry_at_ns;
        pthread_mutex_unlock(&db->lock);
        if (damaged)
            renew(db, true);
        else if (again)
            try_again(db);
        else if (usable)
            db_follow(db);
        pthread_mutex_lock(&db->lock);
        if (db->queued_seq > db->done_seq)
            write_pending(db);
        pthread_cond_broadcast(&db->done);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

int db_writer_start(struct hashdb *db)
{
    /* Signals are the program's own threads' to take. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&db->thread, NULL, write_all, db);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    db->running = r == 0;
    return -r;
}

void db_writer_stop(struct hashdb *db)
{
    if (!db->running)
        return;
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->thread, NULL);
    db->running = false;
}
