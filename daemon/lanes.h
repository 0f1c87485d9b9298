/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the socket, each a job that a lane's thread works off.
 *
 *     r = lane_job_submit(daemon, &work->job);     loop
 *     … work->job.work(job, lane), then .done(job) are called, lane …
 *     lane_job_release(&work->job);                loop, after that
 */
#ifndef CTXD_LANES_H
#define CTXD_LANES_H

#include "daemon-priv.h"

/* Embedded in the caller's own struct, which must live until done() is called. */
struct lane_job {
    void (*work)(struct lane_job *job, struct lane *lane); /* Thread: lane */
    /* The lane is free again; nothing of the job is touched after this. Thread: lane */
    void (*done)(struct lane_job *job);
    bool quick;               /* it needs no free lane, and comes first */
    struct lane_state *state; /* the lanes' */
    struct lane_job *next;    /* the lanes' */
};

struct lanes *lanes_new(struct daemon *daemon);
/* -EBUSY: too many wait. -ESHUTDOWN; -EAGAIN, -EMFILE …: no thread, no descriptor. */
int lane_job_submit(struct daemon *daemon, struct lane_job *job) must_use;
/* The request's hooks.cancel_fd hangs up; one that waits is still run, and should look. */
void lane_job_cancel(struct lane_job *job);
bool lane_cancelled(const struct lane *lane);
void lane_job_release(struct lane_job *job);

struct lanes_stats {
    size_t running, waiting, parked, threads;
};
void lanes_stats(struct daemon *daemon, struct lanes_stats *ret);

/* Nobody gets a place any more; what is queued is run, so that it can say that it was not. */
void lanes_end(struct daemon *daemon);
/* Waits for all that run. After lanes_end(). */
void lanes_free(struct lanes *lanes);

#endif
