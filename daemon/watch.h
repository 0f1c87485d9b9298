/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells what has changed below one root since the last call, by inotify and the mount table.
 *
 *     struct watch_setup setup = {.root_fd = fd, .root = BYTES("/home/me/app")};
 *     r = watch_new(&setup, &watch, f);
 *     struct tree_watch hooks = {watch, watch_enter, watch_leave};
 *     … tree_make() with these hooks watches each directory before it reads the names in it …
 *     told = watch_drain(watch, dirty);         at once: it waits for nothing
 *
 * Promise: if a system call has changed something before watch_drain() is called, then that
 * call marks it in *dirty, or returns false. The promise rests on three facts:
 *  1. The kernel queues an event inside the system call that makes the change.
 *  2. Each directory of the tree is watched, or each drain marks it with everything below it:
 *      - one for which the kernel or the limit refused a watch;
 *      - one of another mount: a file there can be written through the place that it is
 *        mounted from, without an event here.
 *  3. If it can't be known what changed, a drain returns false: the queue overflowed; the file
 *     system is one that other machines change; the root is not at its path.
 *
 * After false each directory of the tree must be entered anew, as a walk of everything does:
 * the lost events may include the end of a watch. What was marked must be looked at before it
 * is forgotten: if tree_make() fails, the next one needs the same dirty set again.
 *
 * An event names a name, not a file. If the name is gone by the time of the drain, or leads to
 * another file, the drain calls dirty_files(): watch-names.h.
 *
 * Linux does not report these to a watcher of directories, so no drain marks them:
 *  - a write through a name in an unwatched directory, to a file that has several names;
 *  - a write by a descriptor whose own name was removed before the last drain, if another file
 *    has that name now: the event names that one;
 *  - stores into a mapping, while it is mapped or while the descriptor that was mapped is open:
 *    IN_CLOSE_WRITE comes when both are gone;
 *  - asynchronous writes by io_submit(2), until their descriptor is closed (those of io_uring
 *    are reported); writes to an image by the file system that is mounted from it;
 *  - a second name that a file gets outside the root: no event, and the link count in the tree
 *    is the old one.
 */
#ifndef CTXD_WATCH_H
#define CTXD_WATCH_H

#include "base.h"
#include "hashdb.h"

struct watch;

struct watch_setup {
    /* Borrowed until watch_free(); may be O_PATH. watch_new() and drains use it. */
    int root_fd;
    struct bytes root;  /* its real path, absolute; copied */
    size_t max_watches; /* 0: as many as the kernel gives this user */
};

/*
 * Starts to watch: the root itself at once, directories below it when they are entered.
 * -EMFILE: too many inotify instances (each root takes one) or descriptors. -ENOENT …: no
 * /proc. Both failures say what to do. Without a watch, every answer must look at everything by
 * stat.
 */
int watch_new(const struct watch_setup *setup, struct watch **ret_watch,
              struct failure *f) must_use;
/* NULL is fine. No other thread may be in a call. */
void watch_free(struct watch *watch);

/* ---- the hooks of struct tree_watch and struct warm_setup ------------------------------ */

/* Watches a directory. Call it before the directory's names are read. Thread: any, several at
 * once. */
void watch_enter(void *watch, int dir_fd, struct bytes path);

/*
 * Ends the watches of all directories that were entered at or below `path`. A directory that
 * was also entered at another path, before or after, keeps its watch. Thread: the one that
 * makes the tree, after the walk.
 */
void watch_leave(void *watch, struct bytes path);

/* Marks all that has changed until now in *dirty; false: more has changed than can be told.
 * Never waits. Thread: the one that makes the tree. */
bool watch_drain(void *watch, struct dirty *dirty);

/* ---- for the loop ---------------------------------------------------------------------- */

/* Readable while events are queued. Only a drain empties the queue: stop polling until then. */
int watch_fd(const struct watch *watch);
/* Gives POLLPRI (and POLLERR) each time the mount table has changed; a drain doesn't clear
 * that. Then call watch_mounts_changed(), so that the next drain knows of a mount that is gone
 * by then. */
int watch_mounts_fd(const struct watch *watch);
/* Thread: any. */
void watch_mounts_changed(struct watch *watch);

/* Whether the root's path leads elsewhere: it was moved, unmounted, mounted over. false for a
 * file system of another machine, because asking it may take long. Thread: any. */
bool watch_is_elsewhere(const struct watch *watch);
/* Whether the kernel has ended the watch of the root itself, because it was removed or its file
 * system was unmounted. Each drain returns false from then on. Thread: any. */
bool watch_ended(struct watch *watch);

/* ---- for people ------------------------------------------------------------------------ */

struct watch_stats {
    uint64_t n_watches;    /* each takes about 1 kB of the kernel's memory */
    uint64_t n_events;     /* that were read so far */
    uint64_t queued_bytes; /* of the events for the next drain; 0: nothing has happened */
    uint64_t n_overflows;  /* how often the queue was full */
    uint64_t n_unwatched;  /* directories that were refused a watch */
    uint64_t n_mounts;     /* mount points below the root */
    uint64_t bytes;        /* memory of the tables */
    /* Why answers look at more than what changed, and the remedy; empty: they don't. */
    char slow[256];
};
/* Thread: any. */
void watch_stats(struct watch *watch, struct watch_stats *ret);

/* The name of a file system (f_type of statfs(2)) some of whose changes raise no event; NULL
 * for all others. */
const char *watch_silent_fs(uint64_t f_type);

#endif
