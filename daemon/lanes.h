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
 */
#ifndef CTXD_LANES_H
#define CTXD_LANES_H

#include "daemon.h"

/* The right to work, and what work needs. */
struct lane {
    struct daemon *daemon;
    struct pool *pool; /* for this request alone, until it leaves the lane */
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
 * Makes lane->hooks.cancel_fd hang up, so that the job ends soon. A job that is still queued is
 * run all the same, so that it can say that it was cancelled: it must ask lane_cancelled().
 * After lane_job_submit() and before lane_job_release().
 */
void lane_job_cancel(struct lane_job *job);
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

/* No request gets a lane any more. Queued jobs are run, so that they can say so. */
void lanes_end(struct daemon *daemon);
/* Waits for all threads in a lane, then frees. After lanes_end(). NULL is fine. */
void lanes_free(struct lanes *lanes);

#endif
