/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints notes, failures and --stats to standard error. Nothing else does, but for the progress
 * line and ctx watch.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_REPORT_H
#define CTXD_REPORT_H

#include "formats.h"
#include "options.h"

#include <stdio.h>

/*
 * Bytes of a JSON report. It may quote a Dockerfile of DOCKERFILE_MAX (16 MiB), of which JSON
 * may need six bytes for each.
 */
#define REPORT_JSON_MAX (256u << 20)

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED };

/* Sets the name that messages begin with; "ctx-send" until then. Borrows name. */
void report_program(const char *name);
/* Prints warnings, and with TALK_VERBOSE the other notes. */
void report_notes(const struct notes *notes, enum options_talk talk);
void report_failure(const struct failure *f);
/* Reports a failure and returns EXIT_FAILED. */
enum exit_status report_failed(const struct failure *f);
/*
 * Prints the stats in the form that options->stats asks for. JSON is one line, and ctx-send(1)
 * lists its members.
 */
void report_stats(const struct options *options, const struct send_stats *stats,
                  const struct notes *notes);
/* Prints `object` as JSON on one line. */
void report_json(FILE *to, const struct value *object);
/*
 * Flushes standard output. EXIT_FAILED, with a message, if not all of it could be written,
 * because the output is the answer.
 */
enum exit_status report_flush(void);

#endif
