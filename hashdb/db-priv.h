/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash database from inside:
 *
 *   db-conn.c   connections and statements; the table of the format
 *   db-file.c   the file: made, opened, judged, set aside
 *   db-queue.c  what waits to be written, and answers before what is written does
 *   db-write.c  the one writer
 *   db-load.c   all of a tree in one go
 *   db.c        the rest of what hashdb.h promises
 *
 * Three locks, taken in this order and only in this order: write_lock, read_lock, lock.
 * `lock` is never held over a call of SQLite's or the kernel's.
 */
#ifndef CTXD_DB_PRIV_H
#define CTXD_DB_PRIV_H

#include "hashdb.h"

#include <pthread.h>
#include <sqlite3.h>

/* How long a lock of another process is waited for: longer than the largest transaction of ours
 * takes with its checkpoint, shorter than a person waits. */
#define DB_BUSY_MS 2000
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
/* Trees to be forgotten whole, in a queue that was full; past it: all. */
#define DB_FORGOTTEN_MAX 64
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

/* ---- connections (db-conn.c) ----------------------------------------------------------- */

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

/* ---- the file (db-file.c) -------------------------------------------------------------- */

/* The directory, checked and locked against other processes; closing it unlocks. */
int db_directory_open(const char *path, struct failure *f) must_use;
/*
 * Opens both connections to hashes.db of the locked directory, made or set aside and made anew
 * where it must. set_aside: may take away another program's or version's (a damaged one always
 * is). Adds what was set aside to *n_aside. 0 or -errno.
 */
int db_files_open(int dir_fd, const char *directory, bool set_aside, struct notes *notes,
                  struct db_conn *writer, struct db_conn *reader, uint64_t *n_aside,
                  struct failure *f) must_use;
/* `path` from the root, to be freed; NULL: it can't be told. */
char *db_absolute(const char *path);
/* The sizes of hashes.db and its log. */
uint64_t db_file_bytes(const char *directory);
/* Renames hashes.db and what belongs to it; the only one so named afterwards. */
int db_set_aside(int dir_fd, char ret_name[64], struct failure *f) must_use;

/* ---- rows ------------------------------------------------------------------------------ */

/* What makes a row believable: over all of it, its key too. */
int64_t db_row_sum(int64_t tree, const struct stat_identity *id,
                   const struct content_hash *hash);
/* Reads the current row of DB_GET or DB_LOAD; false: it is not what was once written. */
bool db_row_read(sqlite3_stmt *row, int64_t tree, struct stat_identity *ret_id,
                 struct content_hash *ret_hash);

/* ---- what waits (db-queue.c) ----------------------------------------------------------- */

/* The newest wish for a key; older ones it took the place of. */
struct db_op {
    int64_t tree;
    struct stat_identity id; /* of a void: dev and ino alone */
    struct content_hash hash;
    bool put;
    bool over_void; /* it took the place of a void: a put that is dropped leaves that */
};

/* Applied in this order: the forgotten trees, then the ops, one a key. */
struct db_queue {
    struct db_op *ops;
    uint32_t *slots; /* by hash of the key: index + 1, 0: free; twice as many as cap */
    size_t n, cap;
    int64_t forgotten[DB_FORGOTTEN_MAX];
    size_t n_forgotten;
    bool forgot_all;
    size_t max;
};
#define DB_QUEUE(maximum) ((struct db_queue){.max = (maximum)})

enum db_known { DB_UNKNOWN, DB_KNOWN, DB_VOIDED };

void db_queue_release(struct db_queue *q);
/* Empties it; gives large memory back. */
void db_queue_clear(struct db_queue *q);
bool db_queue_is_empty(const struct db_queue *q);
/* False: dropped, the queue is full. */
bool db_queue_put(struct db_queue *q, const struct db_op *op) must_use;
/* Never dropped: where there is no room, the tree is forgotten. */
void db_queue_void(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* A void that is dropped where the queue is half full: the rest is for what must not wait. */
void db_queue_gone(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino);
/* What it says of a key; *ret_op where DB_KNOWN. */
enum db_known db_queue_knows(const struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino,
                             const struct db_op **ret_op);
bool db_queue_forgot(const struct db_queue *q, int64_t tree);
/* Drops all puts; voids stay. Returns how many. */
size_t db_queue_drop_puts(struct db_queue *q);
/* Keeps of `failed` what must not get lost, behind what q has; returns the puts dropped. */
size_t db_queue_retain(struct db_queue *q, const struct db_queue *failed);

/* One hash for all keys that are inodes. */
static inline uint64_t db_key_hash(int64_t tree, uint64_t dev, uint64_t ino)
{
    /* Inode numbers are the kernel's choice, so no seed; neighbours must part, though. */
    uint64_t a = (uint64_t)tree ^ dev * 0x9e3779b97f4a7c15u;
    unsigned __int128 wide =
        (unsigned __int128)(ino ^ 0x2d358dccaa6c78a5u) * (a ^ 0x8bb84b93962eacc9u);
    uint64_t hash = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    return hash ^ hash >> 32;
}

/* ---- the database ---------------------------------------------------------------------- */

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

/* Why it can't be used, and when it is tried again. Lock: held, or nobody else has it yet. */
void db_unusable(struct hashdb *db, const struct failure *f);
/* The writer: starts, and ends after a last try to write. db-write.c */
int db_writer_start(struct hashdb *db) must_use;
void db_writer_stop(struct hashdb *db);
/* Something was queued. Lock: held. */
void db_wake(struct hashdb *db);
/* Tells the writer that SQLite found damage; does nothing for other codes. Lock: not held. */
void db_suspect(struct hashdb *db, int code);
/* All that must be written of the trees: *ret is an array of copies. Lock: not held. */
size_t db_trees_due(struct hashdb *db, int64_t used_since, struct db_tree **ret);
void db_trees_free(struct db_tree *trees, size_t n);
/* Ends a transaction: commits where code says success, else rolls back. Lock: write_lock. */
int db_end(struct db_conn *conn, int code);
/*
 * Drops what was not used since then (seconds), then the longest unused until
 * no more than max_bytes are in use (0: no limit). SQLite's code.
 */
int db_prune(struct db_conn *conn, int64_t now, int64_t since, uint64_t max_bytes,
             const struct db_tree *used, size_t n_used);
/* Where hashes.db was taken away, opens the one that is there now. Locks: none held. */
void db_follow(struct hashdb *db);

#endif
