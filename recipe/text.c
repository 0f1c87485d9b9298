/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

struct bytes text_lf(struct arena *a, struct bytes text)
{
    uint8_t *out = arena_alloc(a, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '\r' || i + 1 == text.len || text.at[i + 1] != '\n')
            out[len++] = text.at[i];
    return bytes_at(out, len);
}

static size_t text_find(struct bytes in, struct bytes what)
{
    for (size_t i = 0; i + what.len <= in.len; i++)
        if (memcmp(in.at + i, what.at, what.len) == 0)
            return i;
    return in.len;
}

bool text_has(struct bytes in, const char *what)
{
    return text_find(in, bytes_of(what)) < in.len;
}

bool text_has_nocase(struct bytes in, const char *what)
{
    struct bytes word = bytes_of(what);
    for (size_t i = 0; i + word.len <= in.len; i++)
        if (bytes_equal_nocase(bytes_head(bytes_from(in, i), word.len), word))
            return true;
    return false;
}

static bool text_is_break(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* If a backslash at i ends a line: the offset after it and the blanks that begin the next line.
 * Else i. */
static size_t text_skip_joint(struct bytes text, size_t i)
{
    if (i + 1 >= text.len || text.at[i] != '\\' || !text_is_break(text.at[i + 1]))
        return i;
    i += text.at[i + 1] == '\r' && i + 2 < text.len && text.at[i + 2] == '\n' ? 3 : 2;
    while (i < text.len && strchr(" \t\f", text.at[i]) && text.at[i])
        i++;
    return i;
}

struct bytes text_take_lines(struct bytes *rest)
{
    struct bytes text = *rest;
    size_t end = 0, first = 0;
    while (first < text.len && strchr(" \t\f", text.at[first]) && text.at[first])
        first++;
    bool escapes = first < text.len && !strchr("#;!", text.at[first]);
    while (end < text.len && !text_is_break(text.at[end]))
        end += !escapes || text.at[end] != '\\' || end + 1 == text.len  ? 1
               : bytes_starts(bytes_from(text, end + 1), BYTES("\r\n")) ? 3
                                                                        : 2;
    bool crlf = bytes_starts(bytes_from(text, end), BYTES("\r\n"));
    *rest = bytes_from(text, end + (crlf ? 2 : 1));
    return bytes_head(text, end);
}

struct bytes text_join_lines(struct arena *a, struct bytes lines)
{
    uint8_t *out = arena_alloc(a, lines.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < lines.len;) {
        size_t joint = text_skip_joint(lines, i);
        if (joint > i) {
            i = joint;
            continue;
        }
        if (lines.at[i] == '\\' && i + 1 < lines.len)
            out[len++] = lines.at[i++];
        out[len++] = lines.at[i++];
    }
    return bytes_at(out, len);
}
