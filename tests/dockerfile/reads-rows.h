/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reads-rows: a Dockerfile and a request -> what the builds read. For the tests of
 * dockerfile/reads.c and of the files below it. In the rows, "§n" means section n of
 * docs/sources/docker-context.md.
 */
#ifndef CTXD_READS_ROWS_H
#define CTXD_READS_ROWS_H

#include "ask.h"
#include "dockerfile.h"

struct reads_row {
    /* Where the rule is from: §n of docs/sources/docker-context.md ([V]: measured on an
     * engine), a source file of BuildKit or moby, or promise 3 (never less than any build of
     * the stream reads). */
    const char *source;
    const char *file;
    const char *options; /* as ask_read() takes them */
    /* The patterns, sorted, each once, or the message of the failure. `.` is the whole context;
     * `~` follows a widened pattern, `!` one whose wildcards are plain characters. */
    const char *want;
};

/* A case for each row. */
void reads_rows(const struct reads_row *rows, size_t n);

/* The text that `want` is compared with. notes may be NULL. */
struct bytes reads_text(struct arena *arena, const char *file, const char *options,
                        struct notes *notes);

#endif
