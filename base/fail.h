/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failure that a person will read: an errno and one line of text. The function that detects
 * it fills it, and callers put context before the text on the way up. It has a fixed size,
 * nothing needs to be freed, and it is untouched on success.
 *
 *     if (fd < 0)
 *         return fail(f, -errno, "can't open %s", QUOTE(path));
 *     …
 *     if (r < 0)
 *         return fail_wrap(f, r, "reading the ignore file");
 *
 * The text begins in lower case, names file and line, quotes paths, and says what to do if we
 * know that.
 *
 * Thread: any, each with its own struct.
 */
#ifndef CTXD_FAIL_H
#define CTXD_FAIL_H

#include <stdint.h>

struct failure {
    int code;        /* negative errno; 0 if nothing failed */
    char text[1536]; /* a longer text is cut; two quoted paths and words fit */
};

#define must_use __attribute__((warn_unused_result))

/* Fills *f (which may be NULL) and returns code. */
int fail(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like fail(), then ": " and strerror(-code): for failed system calls. */
int fail_errno(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text of *f; returns code. */
int fail_wrap(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
