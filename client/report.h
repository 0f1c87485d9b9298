/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our programs say when it is over: notes, failures and --stats. The only place that
 * writes to standard error, but for the progress line and ctx watch. Thread: one at a time.
 */
#ifndef CTXD_REPORT_H
#define CTXD_REPORT_H

#include "options.h"

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED };

/* Who speaks; ctx-send until this is called. */
void report_program(const char *name);
/* Warnings, and with --verbose the rest. */
void report_notes(const struct notes *notes, enum options_talk talk);
void report_failure(const struct failure *f);
/* Reports a failure and returns EXIT_FAILED. */
enum exit_status report_failed(const struct failure *f);
/* The stats in the form that was asked for; json is one line (ctx-send(1) lists its fields). */
void report_stats(const struct options *options, const struct send_stats *stats,
                  const struct notes *notes);
/* What went to standard output is the answer, and must arrive. */
enum exit_status report_flush(void);

#endif
