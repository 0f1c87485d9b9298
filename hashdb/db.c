/* SPDX-License-Identifier: Apache-2.0 */
/* The hash database: the functions of hashdb.h. db-state.h describes the parts. */
#include "db-file.h"
#include "db-state.h"
#include "db-trees.h"
#include "db-write.h"
#include "db-writer.h"

#include <errno.h>
#include <stdio.h>

/* ---- opening --------------------------------------------------------------------------- */

static int db_open_at(struct hashdb *db, const char *directory, struct notes *notes,
                      struct failure *f)
{
    cleanup_fd int dir_fd = db_directory_open(directory, f);
    /* An absolute path, because the program may change its directory. The real path, so that no
     * symbolic link is followed later. */
    db->directory = dir_fd < 0 ? db_absolute(directory) : realpath(directory, NULL);
    if (dir_fd < 0)
        return dir_fd;
    if (!db->directory)
        return fail_errno(f, -errno, "can't find %s", QUOTE(bytes_of(directory)));
    uint64_t n_aside = 0; /* not counted: there is a note */
    return db_files_open(dir_fd, db->directory, true, notes, &db->writer, &db->reader, &n_aside,
                         f);
}

void hashdb_open(const char *directory, struct notes *notes, struct hashdb **ret)
{
    struct hashdb *db = xcalloc(1, sizeof(*db));
    db->pending = db->flight = DB_QUEUE(DB_QUEUE_MAX);
    pthread_mutex_init(&db->write_lock, NULL);
    pthread_mutex_init(&db->read_lock, NULL);
    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&db->work, &monotonic);
    pthread_cond_init(&db->done, NULL);
    pthread_condattr_destroy(&monotonic);

    struct failure f = {0};
    int r = db_open_at(db, directory, notes, &f);
    db->usable = r == 0;
    if (r < 0)
        db_unusable__with_lock(db, &f);
    /* The writer also tries again to open a database that can't be used. */
    int started = db->directory ? db_writer_start(db) : 0;
    if (started < 0) {
        r = fail_errno(&f, started, "can't start a thread");
        db->usable = false;
        db_conn_close(&db->reader);
        db_conn_close(&db->writer);
        snprintf(db->why, sizeof(db->why), "%.255s", f.text);
    }
    if (r < 0)
        notes_add(notes, NOTE_WARNING,
                  "file hashes are not kept, so that files are read again each time: %s",
                  f.text);
    *ret = db;
}

void hashdb_close(struct hashdb *db)
{
    if (!db)
        return;
    db_writer_stop(db);
    db_conn_close(&db->reader);
    db_conn_close(&db->writer);
    db_queue_release(&db->pending);
    db_queue_release(&db->flight);
    db_trees_free(db->trees, db->n_trees);
    pthread_cond_destroy(&db->work);
    pthread_cond_destroy(&db->done);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->read_lock);
    pthread_mutex_destroy(&db->write_lock);
    free(db->directory);
    free(db);
}

/* ---- trees ----------------------------------------------------------------------------- */

int64_t hashdb_tree(struct hashdb *db, struct bytes root_path, uint64_t dev, uint64_t ino)
{
    int64_t id;
    pthread_mutex_lock(&db->lock);
    if (db_tree_enter__with_lock(db, root_path, dev, ino, &id) && db->usable)
        db_wake__with_lock(db);
    pthread_mutex_unlock(&db->lock);
    return id;
}

void hashdb_prune(struct hashdb *db, int64_t older_than_seconds, uint64_t max_bytes)
{
    int64_t now = db_seconds(), since;
    if (__builtin_sub_overflow(now, older_than_seconds, &since))
        since = INT64_MIN;
    struct db_tree *used;
    size_t n_used = db_trees_due(db, since, &used);
    pthread_mutex_lock(&db->write_lock);
    int code = db->writer.sqlite ? db_prune(&db->writer, now, since, max_bytes, used, n_used)
                                 : SQLITE_OK;
    pthread_mutex_unlock(&db->write_lock);
    db_suspect(db, code);
    db_trees_free(used, n_used);
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < db->n_trees; i++)
        db->trees[i].written = 0; /* the file may not have it any more */
    pthread_mutex_unlock(&db->lock);
}

/* ---- hashes ---------------------------------------------------------------------------- */

void hashdb_put(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                const struct content_hash *hash)
{
    struct db_op op = {.tree = tree, .id = *id, .hash = *hash, .put = true};
    pthread_mutex_lock(&db->lock);
    struct db_tree *known = db_tree_find__with_lock(db, tree);
    if (known)
        db_tree_use__with_lock(known);
    /* If the process does not know the tree, its last use is never written, so its rows could
     * not be pruned. */
    if (db->usable && known && db_queue_put(&db->pending, &op))
        db_wake__with_lock(db);
    else
        db->n_dropped++;
    pthread_mutex_unlock(&db->lock);
}

void hashdb_void(struct hashdb *db, int64_t tree, uint64_t dev, uint64_t ino)
{
    pthread_mutex_lock(&db->lock);
    /* Also if the database can't be used: when it can, it may have an outdated hash. */
    if (db->running) {
        db_queue_void(&db->pending, tree, dev, ino);
        db_wake__with_lock(db);
    }
    pthread_mutex_unlock(&db->lock);
}

void hashdb_gone(struct hashdb *db, int64_t tree, const struct inode *gone, size_t n)
{
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < n && db->usable; i++)
        db_queue_gone(&db->pending, tree, gone[i].dev, gone[i].ino);
    if (n && db->usable)
        db_wake__with_lock(db);
    pthread_mutex_unlock(&db->lock);
}

void hashdb_sync(struct hashdb *db)
{
    pthread_mutex_lock(&db->lock);
    uint64_t seq = db->queued_seq;
    while (db->running && (db->damaged || db->done_seq < seq)) {
        db->hurry = true;
        pthread_cond_signal(&db->work);
        pthread_cond_wait(&db->done, &db->lock);
    }
    pthread_mutex_unlock(&db->lock);
}

/* Looks up a file in the database. SQLITE_ROW: found; else SQLite's code. */
static int db_get_row(struct db_conn *conn, int64_t tree, const struct stat_identity *id,
                      struct stat_identity *ret_known, struct content_hash *ret)
{
    sqlite3_stmt *row = conn->statements[DB_GET];
    sqlite3_bind_int64(row, 1, tree);
    sqlite3_bind_int64(row, 2, (int64_t)id->dev);
    sqlite3_bind_int64(row, 3, (int64_t)id->ino);
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW && !db_row_read(row, tree, ret_known, ret))
        code = SQLITE_DONE;
    db_reset(conn, DB_GET);
    return code;
}

bool hashdb_get(struct hashdb *db, int64_t tree, const struct stat_identity *id,
                struct content_hash *ret)
{
    struct stat_identity known = {0};
    struct content_hash hash = {0};
    const struct db_op *op = NULL;
    pthread_mutex_lock(&db->lock);
    enum db_known state = db_queue_knows(&db->pending, tree, id->dev, id->ino, &op);
    if (state == DB_UNKNOWN)
        state = db_queue_knows(&db->flight, tree, id->dev, id->ino, &op);
    if (state == DB_KNOWN) {
        known = op->id;
        hash = op->hash;
    }
    pthread_mutex_unlock(&db->lock);
    if (state == DB_VOIDED)
        return false;
    if (state == DB_UNKNOWN) {
        /* An op that has left the queues since is in the file. */
        pthread_mutex_lock(&db->read_lock);
        int code =
            db->reader.sqlite ? db_get_row(&db->reader, tree, id, &known, &hash) : SQLITE_DONE;
        pthread_mutex_unlock(&db->read_lock);
        db_suspect(db, code);
        if (code != SQLITE_ROW)
            return false;
    }
    if (!stat_identity_equal(&known, id))
        return false;
    *ret = hash;
    return true;
}

/* ---- settings -------------------------------------------------------------------------- */

static int db_write_setting(struct db_conn *conn, struct bytes key, const struct bytes *value)
{
    enum db_statement which = value ? DB_SET : DB_UNSET;
    int code = db_run(conn, DB_BEGIN);
    if (code != SQLITE_OK)
        return code;
    sqlite3_stmt *s = conn->statements[which];
    /* An empty view may have the address NULL, which SQLite would store as NULL. */
    sqlite3_bind_blob(s, 1, key.len ? (const void *)key.at : "", (int)key.len, SQLITE_STATIC);
    if (value)
        sqlite3_bind_blob(s, 2, value->len ? (const void *)value->at : "", (int)value->len,
                          SQLITE_STATIC);
    return db_end(conn, db_run(conn, which));
}

int hashdb_set(struct hashdb *db, struct bytes key, const struct bytes *value)
{
    if (key.len > DB_KEY_MAX || (value && value->len > DB_VALUE_MAX))
        return -E2BIG;
    db_follow(db);
    pthread_mutex_lock(&db->write_lock);
    bool usable = db->writer.sqlite;
    int code = usable ? db_write_setting(&db->writer, key, value) : SQLITE_OK;
    pthread_mutex_unlock(&db->write_lock);
    db_suspect(db, code);
    return usable ? db_errno(code) : -EROFS;
}

struct setting {
    struct bytes key, value;
};

void hashdb_each(struct hashdb *db, struct bytes prefix,
                 void (*tell)(void *context, struct bytes key, struct bytes value),
                 void *context)
{
    /* tell is called after the lock is released, because it may call hashdb_set(). */
    cleanup_arena struct arena arena = {0};
    struct setting *found = NULL;
    size_t n = 0, cap = 0;
    pthread_mutex_lock(&db->read_lock);
    sqlite3_stmt *row = db->reader.statements[DB_EACH];
    int code = SQLITE_DONE;
    if (row) {
        sqlite3_bind_blob(row, 1, prefix.len ? (const void *)prefix.at : "", (int)prefix.len,
                          SQLITE_STATIC);
        while ((code = sqlite3_step(row)) == SQLITE_ROW && arena.used_bytes < DB_SETTINGS_MAX) {
            struct bytes key =
                bytes_at(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
            struct bytes value =
                bytes_at(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
            if (!bytes_starts(key, prefix))
                break;
            struct setting *s = ARENA_PUSH(&arena, found, &n, &cap);
            *s = (struct setting){arena_copy(&arena, key), arena_copy(&arena, value)};
        }
        db_reset(&db->reader, DB_EACH);
    }
    pthread_mutex_unlock(&db->read_lock);
    db_suspect(db, code);
    for (size_t i = 0; i < n; i++)
        tell(context, found[i].key, found[i].value);
}

/* ---- statistics ------------------------------------------------------------------- */

static uint64_t db_count(struct db_conn *conn, enum db_statement which)
{
    uint64_t n = 0;
    if (conn->sqlite && sqlite3_step(conn->statements[which]) == SQLITE_ROW)
        n = (uint64_t)sqlite3_column_int64(conn->statements[which], 0);
    if (conn->sqlite)
        db_reset(conn, which);
    return n;
}

bool hashdb_usable(struct hashdb *db)
{
    pthread_mutex_lock(&db->lock);
    bool usable = db->usable;
    pthread_mutex_unlock(&db->lock);
    return usable;
}

void hashdb_why(struct hashdb *db, char ret[HASHDB_WHY_MAX])
{
    pthread_mutex_lock(&db->lock);
    snprintf(ret, HASHDB_WHY_MAX, "%s", db->usable ? "" : db->why);
    pthread_mutex_unlock(&db->lock);
}

void hashdb_stats(struct hashdb *db, struct hashdb_stats *ret)
{
    struct hashdb_stats stats = {0};
    pthread_mutex_lock(&db->read_lock);
    stats.n_files = db_count(&db->reader, DB_COUNT_FILES);
    stats.n_trees = db_count(&db->reader, DB_COUNT_TREES);
    pthread_mutex_unlock(&db->read_lock);
    pthread_mutex_lock(&db->lock);
    stats.n_queued = db->pending.n + db->flight.n;
    stats.n_dropped = db->n_dropped;
    stats.n_set_aside = db->n_set_aside;
    stats.usable = db->usable;
    stats.n_retries = db->n_retries;
    if (!db->usable) {
        uint64_t now_ns = clock_now_ns();
        stats.retry_in_ns = db->retry_at_ns > now_ns ? db->retry_at_ns - now_ns : 0;
        memcpy(stats.why, db->why, sizeof(stats.why));
    }
    pthread_mutex_unlock(&db->lock);
    if (stats.usable)
        stats.file_bytes = db_file_bytes(db->directory);
    *ret = stats;
}
