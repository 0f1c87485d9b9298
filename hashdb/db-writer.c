/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's thread. It swaps `pending` with the empty `flight`, writes `flight` as one
 * transaction, and clears it only after the commit. So at each moment pending, flight and file
 * together give the right answer, if they are asked in this order:
 *
 *     put, void -> pending --swap--> flight --commit--> hashes.db
 *                     |                 |                   |
 *                     +-- asked first --+---- asked last ---+
 *
 * If a transaction fails (the disk is full, another process writes for too long), its puts are
 * dropped and counted, and its voids wait for the next transaction. This thread also replaces a
 * file that turns out to be damaged, and opens the new one after the file was removed.
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
 * Opens the file that is at the path now, with write_lock and read_lock held. Never sets aside
 * what another version made: two versions that run side by side would do so to each other for
 * ever.
 */
static int db_reopen__with_locks(struct hashdb *db, bool damaged, uint64_t *n_aside,
                                 struct failure *f)
{
    cleanup_fd int dir_fd = db_directory_open(db->directory, f);
    /* If another process has replaced the file by now, the new one may be whole. */
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

/* The file may be another process's work by now, so each tree's last use is written again. */
static void db_usable_again__with_lock(struct hashdb *db)
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

/* Notes what came of opening (r). Releases all three locks. */
static void db_conclude__with_locks(struct hashdb *db, int r, uint64_t n_aside,
                                    const struct failure *f)
{
    db->n_set_aside += n_aside;
    if (r == 0)
        db_usable_again__with_lock(db);
    else
        db_unusable__with_lock(db, f);
    pthread_mutex_unlock(&db->lock);
    pthread_mutex_unlock(&db->read_lock);
    pthread_mutex_unlock(&db->write_lock);
}

/* Makes the file anew if it is damaged, else opens the one at the path. Locks: none held. */
static void db_renew(struct hashdb *db, bool damaged)
{
    uint64_t n_aside = 0;
    struct failure f = {0};
    pthread_mutex_lock(&db->write_lock);
    pthread_mutex_lock(&db->read_lock);
    int r = db_reopen__with_locks(db, damaged, &n_aside, &f);
    pthread_mutex_lock(&db->lock);
    db->damaged = false;
    db_conclude__with_locks(db, r, n_aside, &f);
}

/*
 * Tries to open a database that could not be opened before. Sets nothing of another version
 * aside. Holds no lock while it waits for the file, because nobody else opens anything as long
 * as the database is not usable.
 */
static void db_try_again(struct hashdb *db)
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
    db_conclude__with_locks(db, r, n_aside, &f);
}

void db_follow(struct hashdb *db)
{
    pthread_mutex_lock(&db->write_lock);
    bool moved = db->writer.sqlite && db_conn_moved(&db->writer);
    pthread_mutex_unlock(&db->write_lock);
    if (moved)
        db_renew(db, false);
}

/* ---- the thread ------------------------------------------------------------------------ */

void db_wake__with_lock(struct hashdb *db)
{
    if (!db->since_ns)
        db->since_ns = clock_now_ns();
    db->queued_seq++;
    /* In other cases the writer already waits for more, or is at work and looks again. */
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

/* The time (clock_now_ns()) up to which what is pending may wait for more of its kind. */
static uint64_t db_wait_until__with_lock(const struct hashdb *db)
{
    uint64_t until = db->pending.n >= DB_GATHER_MAX ? 0 : db->since_ns + DB_GATHER_NS;
    if (until < db->not_before_ns)
        until = db->not_before_ns;
    return db->hurry || db->closing ? 0 : until;
}

/* Waits for something to do. Returns false if the database closes and there is nothing. */
static bool db_await_work__with_lock(struct hashdb *db)
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
        /* If the file can't be used, what is pending is tried in vain, but only if a caller of
         * hashdb_sync() waits or the database closes. */
        bool asked = any && (db->hurry || db->closing);
        uint64_t until = db->usable || asked ? db_wait_until__with_lock(db) : db->retry_at_ns;
        if (clock_now_ns() >= until)
            return true;
        struct timespec at = {.tv_sec = (time_t)(until / 1000000000u),
                              .tv_nsec = (long)(until % 1000000000u)};
        pthread_cond_timedwait(&db->work, &db->lock, &at);
    }
}

/* Puts what a failed transaction must not lose back into `pending`. */
static void db_retain__with_lock(struct hashdb *db, bool last_try)
{
    db->n_dropped += db_queue_retain(&db->pending, &db->flight);
    db->not_before_ns = clock_now_ns() + DB_BACKOFF_NS;
    if (last_try) {
        for (size_t i = 0; i < db->pending.n; i++)
            db->n_dropped += db->pending.ops[i].put;
        db_queue_clear(&db->pending);
    } else if (!db_queue_is_empty(&db->pending)) {
        /* As if queued again: this attempt is over, and hashdb_sync() returns. */
        db_wake__with_lock(db);
    }
}

/* Writes all that is pending as one transaction. Releases the lock while it writes. */
static void db_write_pending__with_lock(struct hashdb *db)
{
    ASSERT_THREAD(THREAD_DATABASE);
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
        db_retain__with_lock(db, last_try);
    db_queue_clear(&db->flight);
    db_trees_free(trees, n_trees);
    if (last_try && code != SQLITE_OK)
        db->done_seq = db->queued_seq;
}

static void *db_writer_main(void *context)
{
    struct hashdb *db = context;
    thread_begin(THREAD_DATABASE);
    pthread_mutex_lock(&db->lock);
    while (db_await_work__with_lock(db)) {
        bool damaged = db->damaged, usable = db->usable;
        bool again = !usable && !db->closing && clock_now_ns() >= db->retry_at_ns;
        pthread_mutex_unlock(&db->lock);
        if (damaged)
            db_renew(db, true);
        else if (again)
            db_try_again(db);
        else if (usable)
            db_follow(db);
        pthread_mutex_lock(&db->lock);
        if (db->queued_seq > db->done_seq)
            db_write_pending__with_lock(db);
        pthread_cond_broadcast(&db->done);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

int db_writer_start(struct hashdb *db)
{
    /* The program's own threads handle the signals. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&db->thread, NULL, db_writer_main, db);
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
