/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as text that Prometheus reads.
 *
 *     r = metric_begin(&text, "ctxd_roots", METRIC_GAUGE, "Contexts that are watched.");
 *     r = r < 0 ? r : metric_sample(&text, "ctxd_roots", NULL, BYTES(""), 3);
 *
 * All append to a buf, and fail as it does. Thread: any.
 * Source: Prometheus, exposition formats, text format 0.0.4.
 */
#ifndef CTXD_METRICS_TEXT_H
#define CTXD_METRICS_TEXT_H

#include "base.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* The lines HELP and TYPE. Backslash and newline in help are escaped. */
int metric_begin(struct buf *text, const char *name, enum metric_type type,
                 const char *help) must_use;
/* One sample, with one label (NULL: none). Backslash, quote and newline in the label's value
 * are escaped. */
int metric_sample(struct buf *text, const char *name, const char *label, struct bytes value,
                  uint64_t number) must_use;
/* A histogram of seconds, with one label (NULL: none) besides `le`: n classes with their upper
 * ends, and in counts[n] what is above the last one. One histogram for each value of the label
 * follows metric_begin(). */
int metric_histogram(struct buf *text, const char *name, const char *label, struct bytes value,
                     const uint64_t *limits_ns, size_t n, const uint64_t *counts,
                     uint64_t sum_ns) must_use;

#endif
