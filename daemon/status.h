/* SPDX-License-Identifier: Apache-2.0 */
/* What `ctx status` shows: one JSON object; its keys are the ones that status.c writes. */
#ifndef CTXD_STATUS_H
#define CTXD_STATUS_H

#include "daemon.h"

/* Appends the answer to the request `status`. If it can't be made, the line is empty.
 * Thread: lane. */
void status_answer(struct daemon *daemon, struct buf *line);

#endif
