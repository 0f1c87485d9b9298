/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watches of the roots on the loop. Events are read by whoever makes a tree; here the loop
 * only learns that
 *
 *   - a root has unread events, for the sessions that wait for a change (`ctx watch`);
 *   - the mount table has changed. That must be noted at once, because a mount may be gone
 *     again by the next answer.
 *
 * If a tree is made in the instant that an event comes, the loop sees none. So a session that
 * waits also asks polls_moved(), which compares the number of events that were read.
 *
 * Thread: loop, all of it.
 */
#ifndef CTXD_POLLS_H
#define CTXD_POLLS_H

#include "roots.h"

#include <uv.h>

struct polls;

/* uv is borrowed. */
struct polls *polls_new(struct daemon *daemon, uv_loop_t *uv);
/* NULL is fine. After polls_end(). */
void polls_free(struct polls *polls);

/* Polls the watches of new roots; ends and frees the roots that are surplus. */
void polls_look_at_roots(struct polls *polls);
/* Ends all polls. */
void polls_end(struct polls *polls);

/* Whether the root can be polled. If not, nobody can be told of a change. */
bool polls_can_wait(struct polls *polls, struct root *root);
/*
 * Calls changed(context, seq) once, when something has changed in the root since event number
 * `since`, unless polls_forget() comes first. Returns true, and does not call changed(), if
 * something has changed already; *ret_seq is then the number of the last event. Either way the
 * caller gives its reference of the root back by polls_forget(). After polls_can_wait().
 */
bool polls_wait(struct root *root, uint64_t since, void (*changed)(void *context, uint64_t seq),
                void *context, uint64_t *ret_seq) must_use;
/* Whether events of the root were read after number `since`; *ret_seq: the last number. */
bool polls_moved(struct root *root, uint64_t since, uint64_t *ret_seq) must_use;
/* Drops what waits with this context, then the reference of the root. */
void polls_forget(struct polls *polls, struct root *root, const void *context);

#endif
