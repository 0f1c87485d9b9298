/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: all of libuv, one thread. loop.c has the listening socket, timers, signals and the
 * end; session.c the connections; polls.c the watches of the roots, and who waits for a change.
 */
#ifndef CTXD_LOOP_H
#define CTXD_LOOP_H

#include "daemon-priv.h"
#include "lanes.h"
#include "roots.h"

#include <uv.h>

struct session;
struct work;

struct loop {
    uv_loop_t uv;
    struct daemon *daemon;
    uv_poll_t listener;
    uv_async_t woken;
    uv_timer_t clock; /* idle exit, audits, sweeps */
    uv_timer_t ticks; /* progress and deadlines, only while somebody needs it */
    uv_signal_t signals[2];
    int listen_fd;
    bool ending;
    uint64_t ending_ns; /* when what still runs is cancelled */
    struct session *sessions;
    size_t n_sessions, n_ticking;
    /* What lanes have done, under the lock. */
    pthread_mutex_t lock;
    struct work *done;
    struct chores *work; /* chores.c's */
};

/* Sets daemon->loop; takes over listen_fd. */
int loop_new(struct daemon *daemon, int listen_fd, struct failure *f) must_use;
/* Serves until it is told to end. */
void loop_run(struct daemon *daemon);
/* NULL is fine. After the last thread that may wake it. */
void loop_free(struct loop *loop);
/* A place for another connection; at the end, maybe the last one to go. */
void loop_session_closed(struct loop *loop);
/* There are new roots, or too many. Thread: any. */
void loop_look_at_roots(struct daemon *daemon);
void loop_end(struct loop *loop);
/* While something needs the clock, ten times a second. */
void loop_tick(struct loop *loop, bool wanted);

/* ---- session.c --------------------------------------------------------------------------- */

/* Takes over fd, a new connection. */
void session_begin(struct loop *loop, int fd);
/* A lane has finished with it. */
void session_finished(struct work *work);
void sessions_tick(struct loop *loop, uint64_t now_ns);
/* Nothing new is begun; hard: what runs is cancelled. */
void sessions_end(struct loop *loop, bool hard);
/* The root that a session waits for has changed. */
void session_changed(struct session *session, uint64_t seq);

/* ---- requests.c: what lanes do for sessions --------------------------------------------- */

struct work {
    struct lane_job job;
    struct daemon *daemon;
    struct session *session;
    struct proto_request *request; /* gone when it is done */
    enum proto_kind kind;
    int fd;     /* the session's; the lane may send `started`, and takes the output from it */
    int out_fd; /* of send; -1: none yet */
    atomic_bool started;
    struct send_progress progress;
    struct buf line;   /* the answer; empty: nobody is there to hear it */
    struct root *root; /* wait: of which the session waits for a change */
    uint64_t began_ns;
    struct work *next; /* in loop->done */
};

/* Makes a work for a request, which it takes. Thread: loop */
struct work *work_new(struct session *session, int fd, struct daemon *daemon,
                      struct proto_request *request);
void work_free(struct work *work);
/* Appends the line of an answer that says no. */
void answer_declined(struct buf *line, enum proto_why why, const struct failure *f);
/* The answer to `status`. Thread: lane */
void answer_status(struct daemon *daemon, struct buf *line);

/* ---- chores.c --------------------------------------------------------------------------- */

/* What is done when nobody asks: audits of roots, sweeps of the store; on a lane, one by one.
 */
struct chores *chores_new(struct daemon *daemon);
/* Begins one if it is due. */
void chores_look(struct loop *loop);
/* The lane's side has ended: it may be begun again. */
void chores_reap(struct loop *loop);
bool chores_running(const struct chores *chores);
void chores_cancel(struct chores *chores);
void chores_free(struct chores *chores);

/* ---- polls.c ---------------------------------------------------------------------------- */

/* Polls the watches of new roots, lets go of those there are too many of. */
void polls_look_at_roots(struct loop *loop);
/* Ends all polls. */
void polls_end(struct loop *loop);
/*
 * The session wants to know when something changed in the root since `since`. It keeps the root
 * until polls_forget(). true: *ret_seq has moved on already.
 */
bool polls_wait(struct loop *loop, struct session *session, struct root *root, uint64_t since,
                uint64_t *ret_seq);
/* Whether events were read since then; for who waits, every now and then. */
bool polls_moved(struct root *root, uint64_t since, uint64_t *ret_seq);
void polls_forget(struct loop *loop, struct session *session, struct root *root);

#endif
