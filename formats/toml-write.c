/* SPDX-License-Identifier: Apache-2.0 */
#include "toml-write.h"

#include <errno.h>

int toml_write_string(struct bytes text, struct buf *to)
{
    int r = buf_add_byte(to, '"');
    for (size_t i = 0; i < text.len && r == 0;) {
        size_t run = bytes_plain(text, i);
        r = buf_add(to, text.at + i, run);
        i += run;
        if (r < 0 || i == text.len)
            break;
        uint8_t c = text.at[i++];
        if (c >= 0x80)
            r = buf_add_byte(to, c);
        else if (c == '"' || c == '\\' || c == '\n' || c == '\t')
            r = buf_add(to, (uint8_t[]){'\\', c == '\n' ? 'n' : c == '\t' ? 't' : c}, 2);
        else
            r = buf_addf(to, "\\u%04X", c);
    }
    return r < 0 ? r : buf_add_byte(to, '"');
}

static int toml_write_value(const struct value *v, struct buf *to);

static int toml_write_inline(const struct value *v, struct buf *to)
{
    bool map = v->kind == VALUE_MAP;
    int r = buf_add_byte(to, map ? '{' : '[');
    for (size_t i = 0; i < v->n && r == 0; i++) {
        if (i)
            r = buf_add_bytes(to, BYTES(", "));
        if (r == 0 && map)
            r = toml_write_string(v->pairs[i].key, to);
        if (r == 0 && map)
            r = buf_add_bytes(to, BYTES(" = "));
        if (r == 0)
            r = toml_write_value(v->pairs[i].value, to);
    }
    return r < 0 ? r : buf_add_byte(to, map ? '}' : ']');
}

/* Recurses at most MANIFEST_DEPTH levels, because no reader makes a deeper tree. */
static int toml_write_value(const struct value *v, struct buf *to)
{
    switch (v->kind) {
    case VALUE_STRING:
        return toml_write_string(v->text, to);
    case VALUE_INTEGER:
        return buf_addf(to, "%lld", (long long)v->integer);
    case VALUE_BOOL:
        return buf_add_bytes(to, v->boolean ? BYTES("true") : BYTES("false"));
    case VALUE_FLOAT:
    case VALUE_TIME:
        return buf_add_bytes(to, v->text);
    case VALUE_LIST:
    case VALUE_MAP:
        return toml_write_inline(v, to);
    case VALUE_NULL:
        break;
    }
    return -EINVAL; /* TOML has no null */
}

static int toml_write_pair(const struct pair *pair, struct buf *to)
{
    int r = toml_write_string(pair->key, to);
    if (r == 0)
        r = buf_add_bytes(to, BYTES(" = "));
    if (r == 0)
        r = toml_write_value(pair->value, to);
    return r < 0 ? r : buf_add_byte(to, '\n');
}

static int toml_write_table(struct bytes key, const struct value *map, bool list,
                            struct buf *to)
{
    int r = buf_add_bytes(to, to->len ? BYTES("\n[") : BYTES("["));
    if (r == 0 && list)
        r = buf_add_byte(to, '[');
    if (r == 0)
        r = toml_write_string(key, to);
    if (r == 0)
        r = buf_add_bytes(to, list ? BYTES("]]\n") : BYTES("]\n"));
    for (size_t i = 0; i < map->n && r == 0; i++)
        r = toml_write_pair(&map->pairs[i], to);
    return r;
}

static void toml_sort_all(struct value *v)
{
    if (v->kind == VALUE_MAP)
        value_sort(v);
    for (size_t i = 0; i < value_count(v); i++)
        toml_sort_all(v->pairs[i].value);
}

static bool toml_is_tables(const struct value *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->pairs[i].value->kind != VALUE_MAP)
            return false;
    return v->kind == VALUE_LIST && v->n > 0;
}

static int toml_write_top(const struct pair *pair, struct buf *to)
{
    if (pair->value->kind == VALUE_MAP)
        return toml_write_table(pair->key, pair->value, false, to);
    int r = 0;
    for (size_t i = 0; i < pair->value->n && r == 0; i++)
        r = toml_write_table(pair->key, pair->value->pairs[i].value, true, to);
    return r;
}

/* The order in which people write the tables of a Cargo.toml. Other tables follow, sorted. */
static const char toml_order[][20] = {
    "package",
    "project",
    "lib",
    "bin",
    "example",
    "test",
    "bench",
    "features",
    "dependencies",
    "dev-dependencies",
    "dev_dependencies",
    "build-dependencies",
    "build_dependencies",
    "target",
    "workspace",
    "patch",
    "replace",
    "profile",
};

static size_t toml_rank(struct bytes key)
{
    size_t i = 0;
    while (i < ARRAY_SIZE(toml_order) && !bytes_equal(bytes_of(toml_order[i]), key))
        i++;
    return i;
}

int toml_write(struct value *root, struct buf *to)
{
    int r = 0;
    toml_sort_all(root);
    /* A pair without a header must come before the first header. */
    for (size_t i = 0; i < root->n && r == 0; i++) {
        const struct value *v = root->pairs[i].value;
        if (v->kind != VALUE_MAP && !toml_is_tables(v))
            r = toml_write_pair(&root->pairs[i], to);
    }
    for (size_t place = 0; place <= ARRAY_SIZE(toml_order); place++) {
        for (size_t i = 0; i < root->n && r == 0; i++) {
            const struct value *v = root->pairs[i].value;
            if (toml_rank(root->pairs[i].key) == place &&
                (v->kind == VALUE_MAP || toml_is_tables(v)))
                r = toml_write_top(&root->pairs[i], to);
        }
    }
    return r;
}
