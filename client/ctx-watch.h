/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx watch -- CMD: runs a command each time the digest of what the build reads has changed.
 * Thread: one at a time.
 */
#ifndef CTXD_CTX_WATCH_H
#define CTXD_CTX_WATCH_H

#include "options.h"
#include "report.h"

extern const struct command_line watch_line;

enum exit_status ctx_watch(struct options *options, struct notes *notes);

#endif
