/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *df_where(struct quoted *q, const struct dockerfile *df, uint32_t line)
{
    struct quoted name;
    quote(&name, df->name);
    size_t len = strlen(name.text);
    /* A name that quote() did not escape is shown without its quotes. */
    bool plain = len == df->name.len + 2;
    snprintf(q->text, sizeof(q->text), "%.*s:%u", (int)(plain ? len - 2 : len),
             name.text + plain, line);
    return q->text;
}

int df_fail(const struct dockerfile *df, uint32_t line, struct failure *f, const char *format,
            ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail(f, -EINVAL, "%s: %s", df_where(&(struct quoted){.text = ""}, df, line), text);
}

int df_wrap(const struct dockerfile *df, uint32_t line, struct failure *f, int code)
{
    return fail_wrap(f, code, "%s", df_where(&(struct quoted){.text = ""}, df, line));
}

/* The last span that begins at or before `joined`. */
static const struct df_span *line_span(const struct df_line *line, size_t joined)
{
    size_t low = 0, high = line->n_spans;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (line->spans[middle].joined <= joined)
            low = middle;
        else
            high = middle;
    }
    return &line->spans[low];
}

size_t df_line_at(const struct df_line *line, size_t joined)
{
    const struct df_span *span = line_span(line, joined);
    return span->at + (joined - span->joined);
}

size_t df_line_end(const struct df_line *line, size_t joined)
{
    return joined ? df_line_at(line, joined - 1) + 1 : line->spans[0].at;
}
