/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the chunk store share; store.c has the formats. */
#ifndef CTXD_STORE_PRIV_H
#define CTXD_STORE_PRIV_H

#include "stream.h"

#include <pthread.h>

/* A name's room: "ab/", 32 digits of hex, a suffix such as ".zst-19". */
#define STORE_PATH_MAX 64
/* How names begin that a crash may leave behind, where there is no O_TMPFILE. */
#define STORE_TEMP ".tmp-"
/* The use of a chunk is written down this often at most: LRU needs no better. */
#define STORE_TOUCH_SECONDS 3600
/* What was used so recently is not swept: an answer that is being made would miss it. */
#define STORE_RECENT_SECONDS 60

/* ---- store-seen.c: which chunks were verified, and when they were used ---------------- */

/* One version of a chunk's file. The change time is there for who sets the other one back. */
struct store_identity {
    uint64_t ino;
    int64_t mtime_ns, ctime_ns;
};

struct store_seen_entry;
struct store_seen {
    pthread_mutex_t lock;
    struct store_seen_entry *entries;
    size_t n_sets; /* a power of two */
};

void store_seen_init(struct store_seen *seen);
void store_seen_release(struct store_seen *seen);
/* Whether that file was verified; if so, it is used now. Thread: any. */
bool store_seen_check(struct store_seen *seen, const struct store_name *name,
                      const struct store_identity *id);
/* That file was verified, and is used now. Thread: any. */
void store_seen_add(struct store_seen *seen, const struct store_name *name,
                    const struct store_identity *id);
/* Milliseconds since this process used it last; UINT64_MAX: not that it knew. Thread: any. */
uint64_t store_seen_age_ms(struct store_seen *seen, const struct store_name *name);

/* ---- the store ------------------------------------------------------------------------ */

struct store {
    char *directory; /* its path, without slashes at the end */
    struct store_limits limits;
    bool read_only, usable;
    /* Held open. Replaced, at the same numbers, where they were removed: store_dir_heal(). */
    int dir_fd, chunks_fd;
    struct digest_key key;
    atomic_bool no_tmpfile; /* the file system has no files without a name */

    struct store_seen seen;

    pthread_mutex_t healing;
    uint64_t next_heal_ns; /* healing */

    pthread_mutex_t sweeping;           /* held by the one sweep of this process */
    atomic_uint_fast64_t next_sweep_ns; /* none by itself before that */
    pthread_mutex_t counting;
    bool counted;              /* there was a sweep. The four: counting */
    uint64_t bytes, n_chunks;  /* as of the last sweep, and what was put since it began */
    uint64_t put_bytes, n_put; /* ever, by this process */

    atomic_uint_fast64_t hits, misses, puts, put_failures, damaged;
};

/* ---- store-dir.c: directories, names, new files ---------------------------------------- */

/* Opens the two directories and has the key. 0, or -errno with a message. */
int store_dir_open(struct store *store, struct notes *notes, struct failure *f) must_use;
/*
 * Somebody removed the directory while it was held open (rm -rf ~/.cache): makes it anew, with
 * the same key. Tries once in a while only. Thread: any.
 */
void store_dir_heal(struct store *store);

/* Writes the path below chunks/ to `path`; the name follows after 3 bytes. */
void store_path(char path[STORE_PATH_MAX], const struct store_name *name);
/* The reverse, for a name in a directory; false: it is not one of a chunk. */
bool store_parse_name(struct bytes name, struct store_name *ret);
/* The directory of a path by store_path(), for unlinkat() and the like; or -errno. */
int store_shard(const struct store *store, const char *path) must_use;

/*
 * Makes dir_fd/name of head and body: whole or not at all, and never over another.
 * 0, -EEXIST, -errno. synced: it also survives a loss of power.
 */
int store_publish(struct store *store, int dir_fd, const char *name, struct bytes head,
                  struct bytes body, bool synced) must_use;

/* ---- store-sweep.c ---------------------------------------------------------------------- */

/* Whether a chunk of that length may be put, after a sweep where one is needed and due.
 * 0, -EFBIG, -EDQUOT. Thread: any. */
int store_make_room(struct store *store, uint64_t len) must_use;
/* Accounts for a chunk that was put. Thread: any. */
void store_count_put(struct store *store, uint64_t len);

#endif
