/* SPDX-License-Identifier: Apache-2.0 */
/* What watch.c (who is watched), watch-drain.c (what changed) and watch-status.c share. */
#ifndef CTXD_WATCH_PRIV_H
#define CTXD_WATCH_PRIV_H

#include "mounts.h"
#include "places.h"
#include "watch.h"

#include <pthread.h>

struct watch {
    int root_fd;
    char *root_path;
    struct identity root;
    const char *silent_fs; /* NULL: events can be relied on */
    size_t max_watches;
    int fd;             /* inotify's */
    int mounts_fd;      /* /proc/self/mountinfo, for drains */
    int mounts_poll_fd; /* another one, for the loop: a poll takes its news away */

    pthread_mutex_t lock; /* guards what follows */
    struct places places;
    uint64_t n_watches, n_events, n_overflows;
    int refusal; /* errno of the last refused watch; EDQUOT: our own limit */
    struct mounts mounts;
    struct mounts went; /* mount points that are gone, not yet told */
    size_t went_cap;
    int mounts_error;  /* -errno of the last attempt to read the table */
    bool mounts_stale; /* it must be read again, whatever poll says */
    bool lost;         /* what changed can't be told until the next drain */
    bool astray;       /* the root was not at its path at the last drain */
};

static inline struct bytes watch_root(const struct watch *w)
{
    return bytes_of(w->root_path);
}

/* Whether the root's path still leads to it: then what is mounted below can be known. */
bool watch_in_place(const struct watch *w);
/* Reads the mount table; what went is kept for the next drain. Under the lock. */
void watch_refresh_mounts(struct watch *w);

#endif
