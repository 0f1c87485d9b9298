/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failure a person will read: an errno and one line of text, filled where it is found and
 * prefixed on the way up. Fixed size, nothing to free, untouched on success.
 *
 *     if (fd < 0)
 *         return fail(f, -errno, "can't open %s", QUOTE(path));
 *     …
 *     if (r < 0)
 *         return fail_wrap(f, r, "reading the ignore file");
 *
 * Text is lower case, names file and line, quotes paths, and says what to do when we know.
 * Thread: any, each with its own struct.
 */
#ifndef CTXD_FAIL_H
#define CTXD_FAIL_H

#include <stdint.h>

struct failure {
    int code; /* negative errno; 0 where nothing failed */
    char text[1536];
};

#define must_use __attribute__((warn_unused_result))

/* Fills *f (which may be NULL) and returns code. */
int fail(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like fail(), with ": " and the text of -code after it: for failed system calls. */
int fail_errno(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text of *f; returns code. */
int fail_wrap(struct failure *f, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
