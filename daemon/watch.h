/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells what changed below one root since it was last asked, by inotify and the mount table.
 *
 *     struct watch_setup setup = {.root_fd = fd, .root = BYTES("/home/me/app")};
 *     r = watch_new(&setup, &watch, f);
 *     struct tree_watch hooks = {watch, watch_enter, watch_leave};
 *     … tree_make() with the hooks watches each directory before it reads its names …
 *     told = watch_drain(watch, dirty);         now, not later: nothing is waited for
 *
 * Promise: a change that a system call made before watch_drain() was called is covered by what
 * that marks, or it returns false. It rests on these:
 *  1. The kernel queues an event inside the system call that makes the change.
 *  2. A directory of the tree is watched, or is marked with all below it at every drain: one
 *     that the kernel or the limit refused a watch, one of another mount (a file can be written
 *     to through the place it is mounted from, without an event here).
 *  3. What can't be pinned down is told as "can't be told" (false): the queue overflowed, the
 *     file system is one that others change behind the kernel's back, the root is not at its
 *     path. After false every directory of the tree must be entered anew, as a whole walk does:
 *     the end of a watch may be among the lost events.
 * What was marked must be looked at before it is forgotten: a tree_make() that failed needs the
 * same dirty set again.
 *
 * Not seen, since Linux doesn't report it to whom watches directories:
 *  - writes through a name in an unwatched directory, for a file that has several names: also
 *    by an open descriptor of a name that was unlinked since, unless both were in one
 *    directory;
 *  - stores into a mapping while it is mapped, or while the descriptor that was mapped is open:
 *    IN_CLOSE_WRITE comes when the last of both is gone;
 *  - that a file got a second name outside: no event, and its link count is not ours to know.
 */
#ifndef CTXD_WATCH_H
#define CTXD_WATCH_H

#include "base.h"
#include "hashdb.h"

struct watch;

struct watch_setup {
    int root_fd;        /* borrowed until watch_free(); O_PATH will do */
    struct bytes root;  /* its real path, absolute; copied */
    size_t max_watches; /* 0: as many as the kernel gives this user */
};

/*
 * Starts to watch: the root itself at once, what is below as it is entered.
 * -EMFILE: too many inotify instances (one a root) or descriptors; -ENOENT …: no /proc. Both
 * say what to do. Without a watch, every answer looks at everything by stat.
 */
int watch_new(const struct watch_setup *setup, struct watch **ret_watch,
              struct failure *f) must_use;
/* NULL is fine. Nobody may be in a call. */
void watch_free(struct watch *watch);

/* ---- the hooks of struct tree_watch and struct warm_setup ------------------------------ */

/* Watches a directory, before its names are read. Thread: any, several at once. */
void watch_enter(void *watch, int dir_fd, struct bytes path);

/*
 * Ends the watches of what was entered at and below `path`. A directory that was entered at
 * another path as well keeps its watch, whichever of the two came last.
 * Thread: whoever makes the trees, when the walk is over.
 */
void watch_leave(void *watch, struct bytes path);

/* Adds all that changed until now to *dirty; false: more did than can be told. Never waits.
 * Thread: whoever makes the trees. */
bool watch_drain(void *watch, struct dirty *dirty);

/* ---- for a loop that wants to know when ------------------------------------------------ */

/* Readable while events wait: stop polling until the next drain, which alone empties it. */
int watch_fd(const struct watch *watch);
/* POLLPRI (and POLLERR) each time the mount table changed; no drain takes that away. Then call
 * watch_mounts_changed(), so that a mount is known which is gone again at the next drain. */
int watch_mounts_fd(const struct watch *watch);
/* Thread: any. */
void watch_mounts_changed(struct watch *watch);

/* ---- for people ------------------------------------------------------------------------ */

struct watch_stats {
    uint64_t n_watches;    /* the kernel's, about 1 kB of its memory each */
    uint64_t n_events;     /* read so far */
    uint64_t queued_bytes; /* of events that wait for the next drain: 0: nothing happened */
    uint64_t n_overflows;  /* times the queue was full */
    uint64_t n_unwatched;  /* directories that were refused a watch */
    uint64_t n_mounts;     /* mount points below the root */
    uint64_t bytes;        /* memory of the tables */
    /* Why answers look at more than what changed, with the remedy; empty: they don't. */
    char slow[256];
};
/* Thread: any. */
void watch_stats(struct watch *watch, struct watch_stats *ret);

/* The name of a file system (statfs(2)'s f_type) whose changes don't all raise events; NULL for
 * the others. */
const char *watch_silent_fs(uint64_t f_type);

#endif
