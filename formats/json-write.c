/* SPDX-License-Identifier: Apache-2.0 */
#include "json-write.h"

/* How many bytes from i on need no escape: printable ASCII and valid UTF-8. */
static size_t json_plain_run(struct bytes text, size_t i)
{
    size_t from = i;
    for (;;) {
        uint32_t rune;
        i += bytes_plain(text, i);
        size_t len =
            i < text.len && text.at[i] >= 0x80 ? utf8_decode(bytes_from(text, i), &rune) : 1;
        if (len == 1)
            return i - from;
        i += len;
    }
}

int json_write_string(struct bytes text, struct buf *to)
{
    int r = buf_add_byte(to, '"');
    for (size_t i = 0; i < text.len && r == 0;) {
        size_t run = json_plain_run(text, i);
        r = buf_add(to, text.at + i, run);
        i += run;
        if (r < 0 || i == text.len)
            break;
        uint8_t c = text.at[i++];
        if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t')
            r = buf_add(to,
                        (uint8_t[]){'\\', c == '\n'   ? 'n'
                                          : c == '\r' ? 'r'
                                          : c == '\t' ? 't'
                                                      : c},
                        2);
        else if (c < 0x80)
            r = buf_addf(to, "\\u%04x", c);
        else
            r = buf_add_bytes(to, BYTES("\xef\xbf\xbd"));
    }
    return r < 0 ? r : buf_add_byte(to, '"');
}

/* In place of a level: everything is written on one line. */
#define JSON_ONE_LINE (-1)

static int json_new_line(int level, struct buf *to)
{
    int r = level == JSON_ONE_LINE ? 0 : buf_add_byte(to, '\n');
    for (int i = 0; i < level && r == 0; i++)
        r = buf_add_bytes(to, BYTES("  "));
    return r;
}

/* Recurses at most MANIFEST_DEPTH levels, because no reader makes a deeper tree. */
static int json_write_value(const struct value *v, int level, struct buf *to);

static int json_write_pair(const struct pair *pair, bool map, int level, struct buf *to)
{
    int r = json_new_line(level, to);
    if (r == 0 && map)
        r = json_write_string(pair->key, to);
    if (r == 0 && map)
        r = buf_add_bytes(to, level == JSON_ONE_LINE ? BYTES(":") : BYTES(": "));
    return r < 0 ? r : json_write_value(pair->value, level, to);
}

static int json_write_list(const struct value *v, int level, struct buf *to)
{
    bool map = v->kind == VALUE_MAP;
    int r = buf_add_byte(to, map ? '{' : '[');
    for (size_t i = 0; i < v->n && r == 0; i++) {
        if (i)
            r = buf_add_byte(to, ',');
        if (r == 0)
            r = json_write_pair(&v->pairs[i], map, level == JSON_ONE_LINE ? level : level + 1,
                                to);
    }
    if (r == 0 && v->n)
        r = json_new_line(level, to);
    return r < 0 ? r : buf_add_byte(to, map ? '}' : ']');
}

static int json_write_value(const struct value *v, int level, struct buf *to)
{
    switch (v->kind) {
    case VALUE_NULL:
        return buf_add_bytes(to, BYTES("null"));
    case VALUE_BOOL:
        return buf_add_bytes(to, v->boolean ? BYTES("true") : BYTES("false"));
    case VALUE_INTEGER:
        return buf_addf(to, "%lld", (long long)v->integer);
    case VALUE_FLOAT:
        return buf_add_bytes(to, v->text);
    case VALUE_TIME:
    case VALUE_STRING:
        return json_write_string(v->text, to);
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return json_write_list(v, level, to);
}

int json_write(const struct value *v, struct buf *to)
{
    return json_write_value(v, JSON_ONE_LINE, to);
}

int json_write_pretty(const struct value *v, struct buf *to)
{
    int r = json_write_value(v, 0, to);
    return r < 0 ? r : buf_add_byte(to, '\n');
}
