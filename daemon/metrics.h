/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /metrics; docs/http.md names the metrics that are worth an alarm. */
#ifndef CTXD_METRICS_H
#define CTXD_METRICS_H

#include "daemon.h"

/* Appends all metrics of a daemon; what only HTTP counts, only if HTTP is on. Thread: any. */
int metrics_print(struct daemon *daemon, struct buf *text) must_use;

#endif
