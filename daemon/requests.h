/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of the socket, as a job that a lane runs:
 *
 *     job = request_job_new(daemon, session, fd, request, finished);     loop
 *     r = lane_job_submit(daemon, &job->lane_job);                       loop
 *     … the answer is made …                                             lane
 *     finished(session, job): the session takes the answer               loop
 *     request_job_free(job);                                             loop
 *
 * If the client dies, its session (session.c) calls lane_job_cancel(&job->lane_job), and the
 * request ends with -ECANCELED within a second, whether it waits or computes (lanes.h). A
 * stream ends short of its Dockerfile, so that it can't be built. The answer goes nowhere. The
 * session and its descriptor stay until finished() is called, because the lane uses them.
 */
#ifndef CTXD_REQUESTS_H
#define CTXD_REQUESTS_H

#include "lanes.h"
#include "roots.h"
#include "wake.h"

struct session;

struct request_job {
    struct lane_job lane_job; /* first: request_job_of() */
    struct wake_item item;    /* tells the loop that the lane has finished */
    struct daemon *daemon;
    struct session *session;
    void (*finished)(struct session *session, struct request_job *job);
    struct proto_request *request; /* NULL once the lane has finished, unless it is `wait` */
    enum proto_kind kind;
    int fd;     /* the session's: the lane sends `started` there, and receives the output */
    int out_fd; /* of `send`: the client's output; -1: none yet */
    atomic_bool started; /* the client was told that bytes may be written */
    struct send_progress progress;
    struct buf line;   /* the answer; empty: the client is gone */
    struct root *root; /* of `wait`: the root whose changes the session waits for */
    uint64_t began_ns;
};

/*
 * Makes the job of a request, which it takes. fd stays the session's. When the lane has
 * finished, the loop calls finished(session, job), which must free the job. Thread: loop.
 */
struct request_job *request_job_new(struct daemon *daemon, struct session *session, int fd,
                                    struct proto_request *request,
                                    void (*finished)(struct session *session,
                                                     struct request_job *job));
/* Not while a lane has it. Thread: loop. */
void request_job_free(struct request_job *job);

/* Appends the line that declines a request. If it can't be made, the line is empty. */
void request_print_declined(struct buf *line, enum proto_why why, const struct failure *f);

#endif
