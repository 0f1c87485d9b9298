/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto: the messages of client and daemon, over a unix socket that belongs to the user.
 *
 * A connection carries one request: a line of JSON, with file descriptors beside it. The
 * answers are lines too: first `started`, once a lane works on the request; then any number of
 * `progress` lines, if the client asked for them; then one line that ends the request. The
 * client hands over the descriptor of its output only after `started`, with a line of its own.
 * So a daemon that hangs or dies before that line can't have written to the output, and holds
 * no copy of it that would keep the output's reader from seeing its end.
 *
 *     client  {"ctxd": "0.1.0", "build": "1f…", "kind": "send", "fds": ["root", …], …}
 *     daemon  {"answer": "started"}
 *     client  {}                                     with the output's descriptor
 *     daemon  {"answer": "done", "stats": {…}, "notes": [[1, "…"]]}
 *
 *     request.h       the request: its struct and its line
 *     request-load.h  the control files that a request brings or names
 *     proto-answer.h  the answers
 *     frame.h         lines and descriptors on the socket, and the limits of both
 *     place.h         where the socket is, and who is at its other end
 *
 * request.c and proto-answer.c have tables of all keys; lines are written and read by the same
 * table. Texts that can be large (the Dockerfile, the ignore file) travel as descriptors of
 * memory files. Both ends must have the same release and build: a daemon declines every request
 * of another one, except `status` and `stop`, which all releases understand.
 *
 * Thread: any, each thread with its own structs.
 */
#ifndef CTXD_PROTO_H
#define CTXD_PROTO_H

#include "frame.h"
#include "place.h"
#include "proto-answer.h"
#include "request-load.h"
#include "request.h"

#endif
