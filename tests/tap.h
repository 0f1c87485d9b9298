/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that print TAP: a case is titled with a sentence, and its checks say what they found.
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

/* Begins a case; the one before it is reported as passed unless a check of it failed. */
void tap_case(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tap_skip(const char *reason);
/* Reports the last case, prints the plan; the exit code of main. */
int tap_end(void);

bool tap_check(bool holds, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_equal_bytes(struct bytes got, struct bytes want, const char *file, int line);

#define TAP_CHECK(condition) tap_check((condition), __FILE__, __LINE__, "%s", #condition)
#define TAP_CHECKF(condition, ...) tap_check((condition), __FILE__, __LINE__, __VA_ARGS__)
/* Two views are equal; both are shown where not. */
#define TAP_EQUAL(got, want) tap_equal_bytes((got), (want), __FILE__, __LINE__)

#endif
