/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap: tests that print TAP. The title of a case is a sentence, and a check that fails prints
 * what it found:
 *
 *     int main(void)
 *     {
 *         tap_case("a prefix comes before the longer name");
 *         TAP_CHECK(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
 *         return tap_end();
 *     }
 */
#ifndef CTXD_TAP_H
#define CTXD_TAP_H

#include "bytes.h"

#include <stdbool.h>

/* Begins a case. The case before it is reported: as passed, unless one of its checks failed. */
void tap_case(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Reports the case at hand as skipped. `reason` must live until the next case. */
void tap_skip(const char *reason);
/* Reports the last case and prints the plan. Returns the exit code for main(). */
int tap_end(void);

/* Returns `holds`. For the macros below. */
bool tap_check(bool holds, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_equal_bytes(struct bytes got, struct bytes want, const char *file, int line);

#define TAP_CHECK(condition) tap_check((condition), __FILE__, __LINE__, "%s", #condition)
#define TAP_CHECKF(condition, ...) tap_check((condition), __FILE__, __LINE__, __VA_ARGS__)
/* Checks that two views are equal. Prints both if they are not. */
#define TAP_EQUAL(got, want) tap_equal_bytes((got), (want), __FILE__, __LINE__)

#endif
