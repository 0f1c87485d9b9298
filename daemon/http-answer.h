/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context as a response: finds the selection that the token stands for, reads its control
 * files anew from disk, gets the root at its path, whatever directory that is by now, and sends
 * the body that body_open() plans.
 *
 * The reader sets the pace. A lane is taken while the body is planned and while a block of it
 * is made, and a reader that keeps up keeps it. If a reader stops, the watchdog of
 * http-connections.h parks the lane.
 */
#ifndef CTXD_HTTP_ANSWER_H
#define CTXD_HTTP_ANSWER_H

#include "http-parse.h"
#include "http-priv.h"

/* Queues the answer to a GET or HEAD of a context. Thread: http. */
enum MHD_Result http_answer_context(struct http *http, struct http_connection *at,
                                    struct MHD_Connection *connection,
                                    const struct http_path *path, bool head);

#endif
