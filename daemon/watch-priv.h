/* SPDX-License-Identifier: Apache-2.0 */
/* struct watch: what watch.c, watch-drain.c and watch-status.c share. */
#ifndef CTXD_WATCH_PRIV_H
#define CTXD_WATCH_PRIV_H

#include "mounts.h"
#include "places.h"
#include "watch-names.h"
#include "watch.h"

#include <pthread.h>

struct watch {
    int root_fd;
    char *root_path;
    struct identity root;
    const char *silent_fs; /* watch_silent_fs() of the root; NULL: all changes raise events */
    size_t max_watches;
    int fd;             /* of inotify */
    int mounts_fd;      /* /proc/self/mountinfo, for drains */
    int mounts_poll_fd; /* another open file of it, for the loop: poll() clears the change */

    pthread_mutex_t lock; /* guards all below */
    struct places places;
    struct watch_names names;
    uint64_t n_watches, n_events, n_overflows;
    int refusal; /* errno of the last refused watch; EDQUOT: our own limit */
    struct mounts mounts;
    struct mounts went; /* mount points that are gone since the last drain */
    size_t went_cap;
    int mounts_error;  /* -errno of the last attempt to read the mount table */
    bool mounts_stale; /* the mount table must be read again, whatever poll() says */
    bool lost;         /* events were lost since the last drain */
    bool ended;        /* the kernel has ended the watch of the root */
    bool astray;       /* the root was not at its path at the last drain */
};

static inline struct bytes watch_root(const struct watch *w)
{
    return bytes_of(w->root_path);
}

/* Whether the root's path still leads to the root. Only then mountinfo's paths are below it. */
bool watch_in_place(const struct watch *w);
/* Reads the mount table; adds the mount points that are gone to w->went. */
void watch_refresh_mounts__with_lock(struct watch *w);

#endif
