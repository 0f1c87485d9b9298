/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: the right to work. config.lanes requests work at once, the others wait. A request
 * whose reader takes nothing gives its lane to the next one until the reader goes on
 * ("parked"), so a slow or dead reader costs a thread and its memory, but never another
 * client's turn.
 *
 *     queued -> running <-> parked        running: config.lanes at most
 *                  |          |           parked: PARKED_MAX at most; past that the
 *                  +-> done <-+                   oldest is cancelled
 *
 * A request of the socket is a job, and a thread of this file runs it:
 *
 *     r = lane_job_submit(daemon, &job);         loop
 *     … job.run(&job, lane), job.done(&job) …     lane
 *     lane_job_release(&job);                     loop, after done()
 *
 * A request by HTTP has a thread already, so it enters and leaves a lane by itself:
 *
 *     r = lane_enter(daemon, &lane, f);
 *     … lane->pool, lane->hooks …
 *     lane_leave(lane);
 *
 * A request is cancelled by lane_job_cancel() or lane_cancel(): all work with lane->pool ends.
 */
#ifndef CTXD_LANES_H
#define CTXD_LANES_H

#include "daemon.h"

/* The right to work, and what work needs. */
struct lane {
    struct daemon *daemon;
    /* For this request alone, until it leaves the lane. pool_cancelled() tells all who work
     * with the pool that the request was cancelled. */
    struct pool *pool;
    /* stalled() parks and resumes; cancel_fd hangs up when the request is cancelled. */
    struct send_hooks hooks;
    struct lane_state *state;
};

/* Embedded in a struct of the caller, which must live until done() is called. */
struct lane_job {
    void (*run)(struct lane_job *job, struct lane *lane); /* Thread: lane */
    /* The lane is free again, and lanes.c doesn't touch the job after this. Thread: lane */
    void (*done)(struct lane_job *job);
    bool quick;               /* runs at once, before the others and without a free lane */
    struct lane_state *state; /* lanes.c's */
    struct lane_job *next;    /* lanes.c's */
};

struct lanes *lanes_new(struct daemon *daemon);

/*
 * Queues the job. -EBUSY: too many wait. -ESHUTDOWN: the daemon ends. -EAGAIN, -EMFILE …: no
 * thread or no descriptor is left. If it fails, run() and done() are not called.
 */
int lane_job_submit(struct daemon *daemon, struct lane_job *job) must_use;
/*
 * Makes the job end soon: pool_cancelled(lane->pool) is true from now on, and
 * lane->hooks.cancel_fd hangs up. A job that is still queued is run all the same, so that it
 * can say that it was cancelled: it must ask lane_cancelled(). After lane_job_submit() and
 * before lane_job_release().
 */
void lane_job_cancel(struct lane_job *job);
/* The same for a lane that was entered, before lane_leave(). Thread: any. */
void lane_cancel(struct lane *lane);
bool lane_cancelled(const struct lane *lane);
/* Frees what lane_job_submit() made. After done(). */
void lane_job_release(struct lane_job *job);

/*
 * Waits until a lane is free. -EBUSY: too many wait already. -ESHUTDOWN: the daemon ends. *ret
 * is the caller's until lane_leave(). Thread: any but the loop, which must not wait.
 */
int lane_enter(struct daemon *daemon, struct lane **ret, struct failure *f) must_use;
void lane_leave(struct lane *lane);

struct lanes_stats {
    size_t running, waiting, parked, threads;
};
void lanes_stats(struct daemon *daemon, struct lanes_stats *ret);

/* Cancels all requests that are queued, running or parked. Thread: any. */
void lanes_cancel(struct daemon *daemon);
/* No new request gets a lane any more (-ESHUTDOWN). Those that have one, and jobs that are
 * queued, go on. Thread: any. */
void lanes_refuse(struct daemon *daemon);
/* The same; and queued jobs are run at once, so that they can say so. */
void lanes_end(struct daemon *daemon);
/* Waits for all threads in a lane, then frees. After lanes_end(). NULL is fine. */
void lanes_free(struct lanes *lanes);

#endif
