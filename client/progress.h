/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line on a terminal that says how far a long send is, redrawn ten times a second at most and
 * taken away at the end. It leaves the cursor at the line's beginning, where docker's own
 * display, which often shares the terminal, starts to draw from.
 *
 *     struct progress *shown = progress_start(&counters, wanted);
 *     r = send_run(…);
 *     progress_end(shown);
 *
 * Thread: starts one of its own, which ends with progress_end().
 */
#ifndef CTXD_PROGRESS_H
#define CTXD_PROGRESS_H

#include "stream.h"

struct progress;

/* NULL where nothing is to be shown: not wanted, or standard error is no terminal. Borrows. */
struct progress *progress_start(const struct send_progress *counters, bool wanted);
void progress_end(struct progress *shown);

/* The line for a state, without its control bytes: what is tested. Returns text. */
const char *progress_line(char text[128], uint64_t entries, uint64_t entries_total,
                          uint64_t bytes, uint64_t bytes_total, uint64_t bytes_per_second);

#endif
