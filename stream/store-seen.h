/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which chunks of the store this process has verified, and when it last used each: a bounded
 * table of sets of eight entries. Bits of the digest, which are as good as random, choose the
 * set. A full set doubles the table, up to a maximum; from then on a new entry replaces the one
 * of its set that was unused for longest. A chunk that is forgotten is verified once more.
 * Thread: any.
 */
#ifndef CTXD_STORE_SEEN_H
#define CTXD_STORE_SEEN_H

#include "stream.h"

#include <pthread.h>

/*
 * One version of a chunk's file. The modification time alone is not enough: a program may write
 * to the file and then set it back, but not the change time.
 */
struct store_identity {
    uint64_t ino;
    int64_t mtime_ns, ctime_ns;
};

struct store_seen_entry;
struct store_seen {
    pthread_mutex_t lock; /* guards entries and n_sets */
    struct store_seen_entry *entries;
    size_t n_sets; /* a power of two */
};

void store_seen_init(struct store_seen *seen);
void store_seen_release(struct store_seen *seen);
/* Whether that version of the file was verified; if so, this counts as a use. */
bool store_seen_check(struct store_seen *seen, const struct store_name *name,
                      const struct store_identity *id);
/* Remembers that this version was verified just now, and used. */
void store_seen_add(struct store_seen *seen, const struct store_name *name,
                    const struct store_identity *id);
/* Milliseconds since this process last used it; UINT64_MAX: not in the table. */
uint64_t store_seen_age_ms(struct store_seen *seen, const struct store_name *name);

#endif
