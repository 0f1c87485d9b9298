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
    for (i += 2; i < text.len && strchr(" \t\f", text.at[i]) && text.at[i];)
        i++;
    return i;
}

struct bytes text_without_logins(struct arena *a, struct bytes text, bool *ret_found)
{
    uint8_t *out = arena_alloc(a, text.len + 1);
    size_t len = 0;
    struct bytes mark = BYTES("://");
    while (text.len) {
        size_t at = text_find(text, mark);
        size_t head = at + mark.len < text.len ? at + mark.len : text.len;
        bool ssh = bytes_ends(bytes_head(text, at), BYTES("ssh"));
        memcpy(out + len, text.at, head);
        len += head;
        text = bytes_from(text, head);
        size_t end = 0;
        while (end < text.len && !strchr("/ \t\r\n\"'?#,)", text.at[end]) && text.at[end]) {
            size_t joint = text_skip_joint(text, end);
            end = joint > end ? joint : end + 1;
        }
        size_t login = bytes_find_last(bytes_head(text, end), '@');
        struct bytes user = bytes_head(text, login);
        if (head == 0 || login >= end || ssh || text_has(user, "${") || text_has(user, "$("))
            continue;
        text = bytes_from(text, login + 1);
        *ret_found = true;
    }
    return bytes_at(out, len);
}

struct bytes text_take_lines(struct bytes *rest)
{
    struct bytes text = *rest;
    size_t end = 0, first = 0;
    while (first < text.len && strchr(" \t\f", text.at[first]) && text.at[first])
        first++;
    bool escapes = first < text.len && !strchr("#;!", text.at[first]);
    while (end < text.len && !text_is_break(text.at[end]))
        end += escapes && text.at[end] == '\\' && end + 1 < text.len ? 2 : 1;
    *rest = bytes_from(text, end < text.len ? end + 1 : end);
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
