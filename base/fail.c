/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct failure *f, int code, const char *format, ...)
{
    if (!f)
        return code;
    va_list args;
    va_start(args, format);
    f->code = code;
    vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    return code;
}

int fail_errno(struct failure *f, int code, const char *format, ...)
{
    if (!f)
        return code;
    va_list args;
    va_start(args, format);
    f->code = code;
    int len = vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(f->text))
        snprintf(f->text + len, sizeof(f->text) - (size_t)len, ": %s", strerror(-code));
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
    f->code = code;
    int len = vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(f->text))
        snprintf(f->text + len, sizeof(f->text) - (size_t)len, ": %s", inner);
    return code;
}
