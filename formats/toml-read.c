/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the tables of TOML. Each map and list has a mark that says how it was defined, because
 * that decides what later lines may add to it. Source: TOML 1.0.0, <https://toml.io/en/v1.0.0>.
 *
 *     [a.b]      a is IMPLIED: a later [a] may define it; b is DEFINED: no second [a.b] may
 *     c.d = 1    c is DOTTED: dotted keys may add to it, but no header [c] may
 *     e = {}     SEALED: nothing may be added, as to any value
 *     [[g]]      a list that is OPEN: the next [[g]] adds a map to it
 */
#include "toml-read.h"

#include "toml-scalar.h"

#include <errno.h>

enum mark { IMPLIED, DEFINED, DOTTED, SEALED, OPEN };

static bool toml_is_bare(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-';
}

static int toml_take_key(struct toml *t, struct bytes *ret)
{
    toml_skip_spaces(t);
    int c = toml_peek(t, 0);
    if (c == '"' || c == '\'') {
        int r = toml_string(t, true, ret);
        if (r < 0)
            return r;
    } else {
        size_t len = 0;
        while (toml_is_bare(toml_peek(t, len)))
            len++;
        if (len == 0)
            return toml_fail(t, "a key is missing");
        *ret = bytes_head(bytes_from(t->text, t->at), len);
        t->at += len;
    }
    toml_skip_spaces(t);
    return 0;
}

static struct value *toml_new_map(struct toml *t, unsigned mark)
{
    struct value *map = value_new(t->pool, VALUE_MAP);
    map->mark = mark;
    map->line = t->line;
    return map;
}

static int toml_defined_before(const struct toml *t, struct bytes key)
{
    return toml_fail(t, "%s was defined before", QUOTE(key));
}

static int toml_take_value(struct toml *t, size_t depth, struct value **ret) must_use;

/* Takes `a.b.c = value` into map. `depth`: the levels above map. */
static int toml_take_pair(struct toml *t, struct value *map, size_t depth)
{
    for (size_t levels = depth;; levels++) {
        struct bytes key = {NULL, 0};
        int r = toml_take_key(t, &key);
        if (r < 0)
            return r;
        struct value *there = value_find(t->pool, map, key);
        if (toml_peek(t, 0) == '.') {
            t->at++;
            if (levels >= MANIFEST_DEPTH)
                return toml_fail(t, "deeper than %d levels", MANIFEST_DEPTH);
            if (!there) {
                there = toml_new_map(t, DOTTED);
                value_put(t->pool, map, key, there);
            }
            if (there->kind != VALUE_MAP || there->mark != DOTTED)
                return toml_defined_before(t, key);
            map = there;
            continue;
        }
        if (toml_peek(t, 0) != '=')
            return toml_fail(t, "a key needs a = after it");
        t->at++;
        if (there)
            return toml_defined_before(t, key);
        struct value *v;
        r = toml_take_value(t, levels + 1, &v);
        if (r == 0)
            value_put(t->pool, map, key, v);
        return r;
    }
}

static int toml_take_inline_map(struct toml *t, size_t depth, struct value **ret)
{
    struct value *map = *ret = toml_new_map(t, DOTTED);
    t->at++;
    for (;;) {
        int r = toml_skip_blank(t);
        if (r < 0)
            return r;
        if (toml_peek(t, 0) == '}')
            break;
        r = toml_take_pair(t, map, depth);
        if (r == 0)
            r = toml_skip_blank(t);
        if (r < 0)
            return r;
        if (toml_peek(t, 0) == '}')
            break;
        if (toml_peek(t, 0) != ',')
            return toml_fail(t, "an inline table needs a , or } here");
        t->at++;
    }
    t->at++;
    map->mark = SEALED;
    return 0;
}

static int toml_take_list(struct toml *t, size_t depth, struct value **ret)
{
    struct value *list = *ret = value_new(t->pool, VALUE_LIST);
    list->mark = SEALED;
    list->line = t->line;
    t->at++;
    for (;;) {
        int r = toml_skip_blank(t);
        if (r < 0)
            return r;
        if (toml_peek(t, 0) == ']')
            break;
        struct value *v;
        r = toml_take_value(t, depth + 1, &v);
        if (r == 0)
            r = toml_skip_blank(t);
        if (r < 0)
            return r;
        value_add(t->pool, list, v);
        if (toml_peek(t, 0) == ']')
            break;
        if (toml_peek(t, 0) != ',')
            return toml_fail(t, "an array needs a , or ] here");
        t->at++;
    }
    t->at++;
    return 0;
}

static int toml_take_value(struct toml *t, size_t depth, struct value **ret)
{
    if (depth > MANIFEST_DEPTH)
        return toml_fail(t, "deeper than %d levels", MANIFEST_DEPTH);
    toml_skip_spaces(t);
    int c = toml_peek(t, 0);
    if (c == '{')
        return toml_take_inline_map(t, depth, ret);
    if (c == '[')
        return toml_take_list(t, depth, ret);
    struct value *v = *ret = value_new(t->pool, VALUE_STRING);
    v->line = t->line;
    return c == '"' || c == '\'' ? toml_string(t, false, &v->text) : toml_word(t, v);
}

/* Takes a key of a header that is not its last: *map becomes the map that it names. */
static int toml_step_into(struct toml *t, struct value **map, struct bytes key)
{
    struct value *there = value_find(t->pool, *map, key);
    if (!there) {
        there = toml_new_map(t, IMPLIED);
        value_put(t->pool, *map, key, there);
    }
    if (there->kind == VALUE_LIST && there->mark == OPEN)
        there = there->pairs[there->n - 1].value;
    if (there->kind != VALUE_MAP || there->mark == SEALED)
        return toml_defined_before(t, key);
    *map = there;
    return 0;
}

/* Takes the last key of [header], or of [[header]] if `list`. */
static int toml_step_last(struct toml *t, struct value **map, struct bytes key, bool list)
{
    struct value *there = value_find(t->pool, *map, key);
    if (list) {
        if (!there) {
            there = value_new(t->pool, VALUE_LIST);
            there->mark = OPEN;
            there->line = t->line;
            value_put(t->pool, *map, key, there);
        }
        if (there->kind != VALUE_LIST || there->mark != OPEN)
            return toml_defined_before(t, key);
        *map = toml_new_map(t, DEFINED);
        value_add(t->pool, there, *map);
        return 0;
    }
    if (!there) {
        there = toml_new_map(t, DEFINED);
        value_put(t->pool, *map, key, there);
    } else if (there->kind != VALUE_MAP || there->mark != IMPLIED) {
        return toml_defined_before(t, key);
    }
    there->mark = DEFINED;
    *map = there;
    return 0;
}

static int toml_take_header(struct toml *t, struct value *root, struct value **ret)
{
    bool list = toml_peek(t, 1) == '[';
    t->at += list ? 2 : 1;
    *ret = root;
    for (size_t depth = 0;; depth++) {
        struct bytes key = {NULL, 0};
        int r = toml_take_key(t, &key);
        if (r == 0 && depth >= MANIFEST_DEPTH)
            r = toml_fail(t, "deeper than %d levels", MANIFEST_DEPTH);
        if (r < 0)
            return r;
        if (toml_peek(t, 0) == '.') {
            t->at++;
            r = toml_step_into(t, ret, key);
            if (r < 0)
                return r;
            continue;
        }
        if (toml_peek(t, 0) != ']' || (list && toml_peek(t, 1) != ']'))
            return toml_fail(t, "a header needs its %s", list ? "]]" : "]");
        t->at += list ? 2 : 1;
        return toml_step_last(t, ret, key, list);
    }
}

static int toml_take_lines(struct toml *t, struct value *root)
{
    struct value *map = root;
    for (;;) {
        int r = toml_skip_blank(t);
        if (r < 0 || t->at == t->text.len)
            return r;
        if (toml_peek(t, 0) == '[')
            r = toml_take_header(t, root, &map);
        else
            r = toml_take_pair(t, map, 0);
        if (r < 0)
            return r;
        toml_skip_spaces(t);
        if (toml_peek(t, 0) == '#')
            r = toml_skip_comment(t);
        if (r == 0 && t->at < t->text.len && !toml_skip_line_end(t))
            r = toml_fail(t, "something follows what the line is for");
        if (r < 0)
            return r;
    }
}

int toml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f)
{
    struct toml t = {.pool = pool, .name = name, .text = text, .line = 1, .f = f};
    if (text.len > MANIFEST_MAX)
        return fail(f, -E2BIG, "%.*s: larger than %u MiB", BYTES_ARG(name), MANIFEST_MAX >> 20);
    if (bytes_starts(text, BYTES("\xef\xbb\xbf")))
        t.at = 3;
    int r = toml_check_utf8(&t);
    struct value *root = toml_new_map(&t, DEFINED);
    if (r == 0)
        r = toml_take_lines(&t, root);
    if (r == 0)
        *ret_root = root;
    return r;
}
