/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "quote.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    size_t n, failed;
    bool open, ok;
    const char *skipped;
    char title[512];
} tap;

static void tap_report(void)
{
    if (!tap.open)
        return;
    tap.n++;
    tap.failed += !tap.ok;
    printf("%s %zu - %s%s%s\n", tap.ok ? "ok" : "not ok", tap.n, tap.title,
           tap.skipped ? " # SKIP " : "", tap.skipped ? tap.skipped : "");
    fflush(stdout);
    tap.open = false;
}

void tap_case(const char *format, ...)
{
    tap_report();
    va_list args;
    va_start(args, format);
    vsnprintf(tap.title, sizeof(tap.title), format, args);
    va_end(args);
    tap.open = tap.ok = true;
    tap.skipped = NULL;
}

void tap_skip(const char *reason)
{
    tap.skipped = reason;
}

int tap_end(void)
{
    tap_report();
    printf("1..%zu\n", tap.n);
    return tap.failed || tap.n == 0;
}

bool tap_check(bool holds, const char *file, int line, const char *format, ...)
{
    if (holds)
        return true;
    tap.ok = false;
    va_list args;
    va_start(args, format);
    printf("# %s:%d: ", file, line);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    return false;
}

bool tap_equal_bytes(struct bytes got, struct bytes want, const char *file, int line)
{
    return tap_check(bytes_equal(got, want), file, line, "got %s, want %s", QUOTE(got),
                     QUOTE(want));
}
