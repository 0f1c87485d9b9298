/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* Bytes of a line; longer ones are cut. Each line is one write(), so that the lines of two
 * threads never mix. */
#define LOG_LINE_MAX 2048

static atomic_uint log_level_wanted = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&log_level_wanted, level);
}

static bool log_wants(enum log_level level)
{
    return level <= atomic_load_explicit(&log_level_wanted, memory_order_relaxed);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[LOG_LINE_MAX];
    if (!log_wants(level))
        return;
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, sizeof(line), "ts=%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(line + len, sizeof(line) - len, ".%03dZ level=%s event=%s",
                            (int)(now.tv_nsec / 1000000), names[level], event);
    if (format) {
        va_list args;
        line[len++] = ' ';
        va_start(args, format);
        int n = vsnprintf(line + len, sizeof(line) - len, format, args);
        va_end(args);
        if (n > 0)
            len += (size_t)n;
    }
    if (len > sizeof(line) - 1)
        len = sizeof(line) - 1;
    line[len++] = '\n';
    /* Nothing can be done if nobody reads standard error. */
    int r = io_write_full(STDERR_FILENO, line, len);
    (void)r;
}

const char *log_value(struct quoted *q, struct bytes text)
{
    bool bare = text.len > 0 && text.len < sizeof(q->text);
    for (size_t i = 0; bare && i < text.len; i++)
        bare = text.at[i] > ' ' && text.at[i] < 0x7f && text.at[i] != '"' &&
               text.at[i] != '=' && text.at[i] != '\\';
    if (!bare)
        return quote(q, text);
    memcpy(q->text, text.at, text.len);
    q->text[text.len] = 0;
    return q->text;
}
