/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the output of a stream: standard output, or a file that appears only when it is
 * complete.
 *
 *     cleanup_output struct output out = OUTPUT;
 *     r = output_open(&out, options.output, f);
 *     … write to out.fd …
 *     r = output_publish(&out, f);
 *
 * Until it is complete the file has no name. So a signal or a failure leaves nothing behind,
 * and a context that the file will lie in does not contain it.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_OUTPUT_H
#define CTXD_OUTPUT_H

#include "base.h"

struct output {
    int fd;           /* to write to */
    bool owned;       /* fd must be closed */
    bool named;       /* `part` exists, and must be removed on failure */
    const char *path; /* where the file will appear; NULL: fd is the final place already */
    char *resolved;   /* path with its links followed */
    char part[4096];  /* the temporary name of the file, in the directory of `path` */
};

#define OUTPUT ((struct output){.fd = -1})
#define cleanup_output __attribute__((cleanup(output_release)))

/*
 * path NULL or "-" is standard output; -ENOTTY if that is a terminal. A path that exists and is
 * not a regular file (/dev/null, a FIFO) is written to directly. Borrows path.
 */
int output_open(struct output *out, const char *path, struct failure *f) must_use;
/* Discards what was written. false if that can't be done, because a reader may have it. */
bool output_rewind(struct output *out) must_use;
/* Gives the file its name. A file of that name is replaced. */
int output_publish(struct output *out, struct failure *f) must_use;
void output_release(struct output *out);

#endif
