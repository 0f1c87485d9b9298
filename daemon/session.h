/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: the connections of the socket. Each brings one request and gets one answer.
 *
 *     READING -> WORKING -> WRITING -> closed
 *                   `-> WAITING -´
 *
 *   READING   the request is coming
 *   WORKING   a lane has it (requests.h)
 *   WAITING   of `wait`: until something changes in the root (polls.h), or the time is over
 *   WRITING   the answer is going out
 *
 * If its client goes away, a session closes at once, unless it is WORKING. Then the lane still
 * uses the descriptor, so the request is cancelled, and the session closes when the lane has
 * finished.
 *
 * Thread: loop, all of it.
 */
#ifndef CTXD_SESSION_H
#define CTXD_SESSION_H

#include "polls.h"

struct sessions;

/* uv and polls are borrowed. */
struct sessions *sessions_new(struct daemon *daemon, uv_loop_t *uv, struct polls *polls);
/* NULL is fine. No session may be left. */
void sessions_free(struct sessions *sessions);
/* How many are open. */
size_t sessions_count(const struct sessions *sessions);

/* Begins a session for a new connection, which it owns. Its end wakes the loop. */
void session_begin(struct sessions *sessions, int fd);
/* Looks at deadlines and progress: with each tick that the sessions ask wake_tick() for. */
void sessions_tick(struct sessions *sessions, uint64_t now_ns);
/* Closes what is READING, declines what is WAITING. hard: closes or cancels all of them. */
void sessions_end(struct sessions *sessions, bool hard);

#endif
