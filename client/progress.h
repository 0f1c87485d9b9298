/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows a line on the terminal that says how far a long send is. The line is drawn ten times a
 * second at most, and erased at the end. The cursor stays at the beginning of the line, because
 * the display of docker, which often shares the terminal, starts to draw at the cursor.
 *
 *     struct progress *shown = progress_start(&counters, wanted);
 *     r = send_run(…);
 *     progress_end(shown);
 *
 * Thread: one at a time. progress_start() starts a thread, which progress_end() joins.
 */
#ifndef CTXD_PROGRESS_H
#define CTXD_PROGRESS_H

#include "stream.h"

struct progress;

/*
 * Returns NULL if nothing is to be shown: it is not wanted, or standard error is not a terminal
 * that can erase a line. Borrows counters until progress_end().
 */
struct progress *progress_start(const struct send_progress *counters, bool wanted);
/* shown may be NULL. */
void progress_end(struct progress *shown);

/* Formats the line, without control bytes. Public for the tests. Returns text. */
const char *progress_line(char text[128], uint64_t entries, uint64_t entries_total,
                          uint64_t bytes, uint64_t bytes_total, uint64_t bytes_per_second);

#endif
