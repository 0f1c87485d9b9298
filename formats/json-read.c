/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* ---- reading ----------------------------------------------------------------------- */

static int convert(struct values *pool, const json_t *from, size_t depth, struct value **ret)
{
    if (depth > MANIFEST_DEPTH)
        return -E2BIG;
    struct value *v = *ret = value_new(pool, VALUE_NULL);
    int r = 0;
    switch (json_typeof(from)) {
    case JSON_OBJECT: {
        const char *key;
        json_t *below;
        v->kind = VALUE_MAP;
        /* jansson's macros take objects that they don't change as mutable ones. */
        void *it = json_object_iter((json_t *)(uintptr_t)from);
        while (it && r == 0) {
            struct value *child;
            key = json_object_iter_key(it);
            below = json_object_iter_value(it);
            struct bytes view = bytes_at(key, json_object_iter_key_len(it));
            r = convert(pool, below, depth + 1, &child);
            /* jansson refused keys that are there twice. */
            if (r == 0)
                *ARENA_PUSH(&pool->arena, v->pairs, &v->n, &v->cap) =
                    (struct pair){arena_copy(&pool->arena, view), child};
            it = json_object_iter_next((json_t *)(uintptr_t)from, it);
        }
        return r;
    }
    case JSON_ARRAY:
        v->kind = VALUE_LIST;
        for (size_t i = 0; i < json_array_size(from) && r == 0; i++) {
            struct value *child;
            r = convert(pool, json_array_get(from, i), depth + 1, &child);
            if (r == 0)
                value_add(pool, v, child);
        }
        return r;
    case JSON_STRING:
        v->kind = VALUE_STRING;
        v->text = arena_copy(&pool->arena,
                             bytes_at(json_string_value(from), json_string_length(from)));
        return 0;
    case JSON_INTEGER:
        v->kind = VALUE_INTEGER;
        v->integer = json_integer_value(from);
        return 0;
    case JSON_REAL:
        v->kind = VALUE_FLOAT;
        v->text = arena_printf(&pool->arena, "%.17g", json_real_value(from));
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        v->kind = VALUE_BOOL;
        v->boolean = json_is_true(from);
        return 0;
    case JSON_NULL:
        break;
    }
    return 0;
}

int json_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f)
{
    return json_read_large(pool, name, text, MANIFEST_MAX, ret_root, f);
}

int json_read_large(struct values *pool, struct bytes name, struct bytes text, size_t max,
                    struct value **ret_root, struct failure *f)
{
    json_error_t error;
    if (text.len > max)
        return fail(f, -E2BIG, "%.*s: larger than %zu MiB", BYTES_ARG(name), max >> 20);
    if (bytes_starts(text, BYTES("\xef\xbb\xbf")))
        text = bytes_from(text, 3); /* npm reads over it too */
    if (text.len == 0) /* NULL, of which jansson says "wrong arguments", in line -1 */
        return fail(f, -EINVAL, "%.*s:1: it is empty", BYTES_ARG(name));
    json_t *root = json_loadb((const char *)text.at, text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return fail(f, -EINVAL, "%.*s:%d: %s", BYTES_ARG(name), error.line,
                    QUOTE(bytes_of(error.text)));
    int r = convert(pool, root, 0, ret_root);
    json_decref(root);
    return r < 0 ? fail(f, r, "%.*s: deeper than %d levels", BYTES_ARG(name), MANIFEST_DEPTH)
                 : 0;
}

/* ---- writing ----------------------------------------------------------------------- */

/* How many bytes from i on need no escape. */
static size_t plain_run(struct bytes text, size_t i)
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
        size_t run = plain_run(text, i);
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

static int new_line(struct buf *to, size_t indent)
{
    int r = buf_add_byte(to, '\n');
    for (size_t i = 1; i < indent && r == 0; i++)
        r = buf_add_bytes(to, BYTES("  "));
    return r;
}

/* Recursion ends where the reader's did. */
static int write_value(const struct value *v, size_t indent, struct buf *to);

static int write_pair(const struct pair *pair, bool map, size_t indent, struct buf *to)
{
    int r = new_line(to, indent);
    if (r == 0 && map)
        r = json_write_string(pair->key, to);
    if (r == 0 && map)
        r = buf_add_bytes(to, BYTES(": "));
    return r < 0 ? r : write_value(pair->value, indent, to);
}

static int write_list(const struct value *v, size_t indent, struct buf *to)
{
    bool map = v->kind == VALUE_MAP;
    int r = buf_add_byte(to, map ? '{' : '[');
    for (size_t i = 0; i < v->n && r == 0; i++) {
        if (i)
            r = buf_add_byte(to, ',');
        if (r == 0)
            r = write_pair(&v->pairs[i], map, indent + 1, to);
    }
    if (r == 0 && v->n)
        r = new_line(to, indent);
    return r < 0 ? r : buf_add_byte(to, map ? '}' : ']');
}

static int write_value(const struct value *v, size_t indent, struct buf *to)
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
    return write_list(v, indent, to);
}

int json_write_pretty(const struct value *v, struct buf *to)
{
    int r = write_value(v, 1, to);
    return r < 0 ? r : buf_add_byte(to, '\n');
}
