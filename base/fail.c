/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Writes the message, and ": " and the rest after it unless rest is NULL. */
__attribute__((format(printf, 3, 0))) static void
fail_write_text(struct failure *f, int code, const char *format, va_list args, const char *rest)
{
    f->code = code;
    int len = vsnprintf(f->text, sizeof(f->text), format, args);
    if (rest && len >= 0 && (size_t)len < sizeof(f->text))
        snprintf(f->text + len, sizeof(f->text) - (size_t)len, ": %s", rest);
}

int fail(struct failure *f, int code, const char *format, ...)
{
    if (!f)
        return code;
    va_list args;
    va_start(args, format);
    fail_write_text(f, code, format, args, NULL);
    va_end(args);
    return code;
}

int fail_errno(struct failure *f, int code, const char *format, ...)
{
    if (!f)
        return code;
    va_list args;
    va_start(args, format);
    fail_write_text(f, code, format, args, strerror(-code));
    va_end(args);
    return code;
}

int fail_wrap(struct failure *f, int code, const char *format, ...)
{
    if (!f)
        return code;
    char inner[sizeof(f->text)];
    memcpy(inner, f->text, sizeof(inner));
    va_list args;
    va_start(args, format);
    fail_write_text(f, code, format, args, inner);
    va_end(args);
    return code;
}
