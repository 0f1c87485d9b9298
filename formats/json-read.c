/* SPDX-License-Identifier: Apache-2.0 */
#include "json-read.h"

#include <errno.h>
#include <jansson.h>

static int json_convert(struct values *pool, const json_t *from, size_t depth,
                        struct value **ret)
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
        /* The casts: jansson's iterators take a mutable object, but don't change it. */
        void *it = json_object_iter((json_t *)(uintptr_t)from);
        while (it && r == 0) {
            struct value *child;
            key = json_object_iter_key(it);
            below = json_object_iter_value(it);
            struct bytes view = bytes_at(key, json_object_iter_key_len(it));
            r = json_convert(pool, below, depth + 1, &child);
            /* No value_put(): jansson has refused an object with the same key twice. */
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
            r = json_convert(pool, json_array_get(from, i), depth + 1, &child);
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
        text = bytes_from(text, 3); /* npm skips it, too */
    /* jansson would say "wrong arguments", in line -1. */
    if (text.len == 0)
        return fail(f, -EINVAL, "%.*s:1: it is empty", BYTES_ARG(name));
    json_t *root = json_loadb((const char *)text.at, text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root) {
        /* jansson's "… near 'TEXT'" quotes the text, which may hold a credential. */
        char *near = strstr(error.text, " near ");
        if (near)
            *near = '\0';
        return fail(f, -EINVAL, "%.*s:%d: %s", BYTES_ARG(name), error.line,
                    QUOTE(bytes_of(error.text)));
    }
    struct value *v;
    int r = json_convert(pool, root, 0, &v);
    json_decref(root);
    if (r < 0)
        return fail(f, r, "%.*s: deeper than %d levels", BYTES_ARG(name), MANIFEST_DEPTH);
    *ret_root = v;
    return 0;
}
