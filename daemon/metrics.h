/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as text that Prometheus reads.
 *
 *     r = metric_begin(&text, "ctxd_roots", METRIC_GAUGE, "Contexts that are watched.");
 *     r = r < 0 ? r : metric_sample(&text, "ctxd_roots", NULL, BYTES(""), 3);
 *
 * Source: Prometheus, exposition formats, text format 0.0.4. Thread: any.
 */
#ifndef CTXD_METRICS_H
#define CTXD_METRICS_H

#include "daemon-priv.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* ---- metrics-text.c ------------------------------------------------------------------ */

/* HELP and TYPE. Backslash and newline in help are escaped. */
int metric_begin(struct buf *text, const char *name, enum metric_type type,
                 const char *help) must_use;
/* One sample with at most one label (NULL: none). In its value backslash, quote and newline are
 * escaped. */
int metric_sample(struct buf *text, const char *name, const char *label, struct bytes value,
                  uint64_t number) must_use;
/* A histogram of seconds, with at most one label besides le: n classes with their upper ends,
 * and one for the rest. One of each value of the label follows metric_begin(). */
int metric_histogram(struct buf *text, const char *name, const char *label, struct bytes value,
                     const uint64_t *limits_ns, size_t n, const uint64_t *counts,
                     uint64_t sum_ns) must_use;

/* ---- metrics.c ----------------------------------------------------------------------- */

/* All there is to tell of a daemon; fields that HTTP itself counts only where it is on. */
int metrics_print(struct daemon *daemon, struct buf *text) must_use;

#endif
