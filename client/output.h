/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the stream goes: standard output, or a file that appears only when it is complete.
 *
 *     cleanup_output struct output out = OUTPUT;
 *     r = output_open(&out, options.output, f);
 *     … write to out.fd …
 *     r = output_publish(&out, f);
 *
 * The file has no name until then, so a signal or a failure leaves nothing behind, and a
 * context that the file will lie in doesn't see it. Thread: one at a time.
 */
#ifndef CTXD_OUTPUT_H
#define CTXD_OUTPUT_H

#include "base.h"

struct output {
    int fd;
    bool owned;
    bool named;       /* the part file has a name, which must go on failure */
    const char *path; /* to publish at; NULL: fd is where the bytes belong */
    char *resolved;   /* path, its links followed */
    char part[4096];  /* the name it gets, or has, before it is renamed */
};

#define OUTPUT ((struct output){.fd = -1})
#define cleanup_output __attribute__((cleanup(output_release)))

/*
 * path NULL or "-": standard output. -ENOTTY: it is a terminal. A path that exists and is no
 * regular file (/dev/null, a FIFO) is written to as it is. Borrows path.
 */
int output_open(struct output *out, const char *path, struct failure *f) must_use;
/* Takes back what was written, where that can be done: nobody has seen it yet. */
bool output_rewind(struct output *out) must_use;
/* Gives the file its name, in place of what had it before. */
int output_publish(struct output *out, struct failure *f) must_use;
void output_release(struct output *out);

#endif
