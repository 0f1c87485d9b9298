/* SPDX-License-Identifier: Apache-2.0 */
/* ctx start and ctx stop: run ctxd in the background, and end it. Thread: one at a time. */
#ifndef CTXD_CTX_START_H
#define CTXD_CTX_START_H

#include "options.h"
#include "report.h"

extern const struct command_line start_line, stop_line;

enum exit_status ctx_start(struct options *options, struct notes *notes);
enum exit_status ctx_stop(struct options *options, struct notes *notes);

#endif
