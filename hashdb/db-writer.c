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
#include "db-writer.h"

#include "db-file.h"
#include "db-trees.h"
#include "db-write.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

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

void db_unusable__with_lock(struct hashdb *db, const struct failure *f)
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
        db_unusable__with_lock(db, f);
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

void db_wake__with_lock(struct hashdb *db)
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
        db_wake__with_lock(db);
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
    int code = db->writer.sqlite ? db_write_queue(&db->writer, &db->flight, trees, n_trees)
                                 : SQLITE_CANTOPEN;
    pthread_mutex_unlock(&db->write_lock);
    db_suspect(db, code);

    pthread_mutex_lock(&db->lock);
    db->done_seq = seq;
    if (code == SQLITE_OK)
        db_trees_written__with_lock(db, trees, n_trees);
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
