/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx status: prints what ctxd says of itself (daemon/status.c makes it), as text or as the
 * JSON it came in. Thread: one at a time.
 */
#ifndef CTXD_CTX_STATUS_H
#define CTXD_CTX_STATUS_H

#include "options.h"
#include "report.h"

extern const struct command_line status_line;

enum exit_status ctx_status(struct options *options, struct notes *notes);

#endif
