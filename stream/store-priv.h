/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk store as its files see it; store.c has the formats. */
#ifndef CTXD_STORE_PRIV_H
#define CTXD_STORE_PRIV_H

#include "store-seen.h"
#include "stream.h"

#include <pthread.h>

/* The use of a chunk is written to its access time this often at most: an LRU of days needs no
 * better, and each write costs the disk. */
#define STORE_TOUCH_SECONDS 3600
/* A chunk used within this time is not swept, because an answer that is being made may be about
 * to read it. */
#define STORE_RECENT_SECONDS 60

struct store {
    char *directory; /* its path, without slashes at the end */
    struct store_limits limits;
    bool read_only, usable;
    /* Held open. If the directories are removed, store_dir_heal() puts new ones at the same
     * numbers. */
    int dir_fd, chunks_fd;
    struct digest_key key;
    atomic_bool no_tmpfile; /* the file system has no files without a name */

    struct store_seen seen;

    pthread_mutex_t healing; /* guards next_heal_ns; held by the one thread that heals */
    uint64_t next_heal_ns;

    pthread_mutex_t sweeping;           /* held by the one sweep of this process */
    atomic_uint_fast64_t next_sweep_ns; /* no put starts a sweep before that */

    pthread_mutex_t counting;  /* guards the five members that follow */
    bool counted;              /* there was a sweep */
    uint64_t bytes, n_chunks;  /* as of the last sweep, and what was put since it began */
    uint64_t put_bytes, n_put; /* in all, by this process */

    atomic_uint_fast64_t hits, misses, puts, put_failures, damaged;
};

#endif
