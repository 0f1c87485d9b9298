/* SPDX-License-Identifier: Apache-2.0 */
#include "toml-scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int toml_fail(const struct toml *t, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail(t->f, -EINVAL, "%.*s:%u: %s", BYTES_ARG(t->name), t->line, text);
}

int toml_check_utf8(struct toml *t)
{
    for (size_t i = 0; i < t->text.len;) {
        uint32_t rune;
        if (t->text.at[i] < 0x80) {
            i++;
            continue;
        }
        size_t len = utf8_decode(bytes_from(t->text, i), &rune);
        if (len == 1) {
            for (size_t j = 0; j < i; j++)
                t->line += t->text.at[j] == '\n';
            return toml_fail(t, "the byte \\x%02x is no UTF-8", t->text.at[i]);
        }
        i += len;
    }
    return 0;
}

void toml_skip_spaces(struct toml *t)
{
    while (toml_peek(t, 0) == ' ' || toml_peek(t, 0) == '\t')
        t->at++;
}

int toml_skip_comment(struct toml *t)
{
    for (;; t->at++) {
        int c = toml_peek(t, 0);
        if (c < 0 || c == '\n' || (c == '\r' && toml_peek(t, 1) == '\n'))
            return 0;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return toml_fail(t, "a comment holds the control character \\x%02x", (unsigned)c);
    }
}

bool toml_skip_line_end(struct toml *t)
{
    size_t len = toml_peek(t, 0) == '\r' ? 1 : 0;
    if (toml_peek(t, len) != '\n')
        return false;
    t->at += len + 1;
    t->line++;
    return true;
}

int toml_skip_blank(struct toml *t)
{
    for (;;) {
        toml_skip_spaces(t);
        if (toml_peek(t, 0) == '#') {
            int r = toml_skip_comment(t);
            if (r < 0)
                return r;
        }
        if (!toml_skip_line_end(t))
            return 0;
    }
}
