/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: one thread that does all of libuv. It accepts connections, reads requests and
 * writes answers (session.c), and polls the watches of the roots (polls.c); it never blocks, so
 * what takes time runs on a lane.
 *
 *     r = loop_new(&daemon, listen_fd, &loop, f);
 *     if (r == 0)
 *         loop_run(loop);         until a signal, `ctx stop` or the idle time ends it
 *     … every thread that may wake it ends …
 *     loop_free(loop);
 *
 * Thread: the one that calls loop_run().
 */
#ifndef CTXD_LOOP_H
#define CTXD_LOOP_H

#include "daemon.h"

struct loop;

/* Makes the loop; sets daemon->wake. It owns listen_fd once loop_run() is called. *ret is set
 * also if it fails. */
int loop_new(struct daemon *daemon, int listen_fd, struct loop **ret,
             struct failure *f) must_use;
/* Serves until it is asked to end; then no session, lane job or libuv handle is left. */
void loop_run(struct loop *loop);
/* Call it after the last thread that may wake the loop has ended. NULL is fine. */
void loop_free(struct loop *loop);

#endif
