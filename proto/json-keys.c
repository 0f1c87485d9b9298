/* SPDX-License-Identifier: Apache-2.0 */
#include "json-keys.h"

#include "frame.h"

#include <errno.h>
#include <limits.h>

/* jansson gives NULL if memory is short, or if a text is not UTF-8, which callers check before.
 */
static json_t *json_made(json_t *value)
{
    if (!value)
        abort();
    return value;
}

void json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(object, key, json_made(value)) < 0)
        abort();
}

json_t *json_of_bytes(struct bytes b)
{
    json_t *string = json_stringn(b.len ? (const char *)b.at : "", b.len);
    if (string)
        return string;
    char *hex = xmalloc(2 * b.len + 1);
    json_t *object = json_made(json_object());
    json_set(object, "hex", json_string(hex_text(hex, b.at, b.len)));
    free(hex);
    return object;
}

int json_to_bytes(const json_t *value, struct arena *arena, struct bytes *ret)
{
    if (json_is_string(value)) {
        *ret = arena_copy(arena, bytes_at(json_string_value(value), json_string_length(value)));
        return 0;
    }
    const json_t *hex = json_object_get(value, "hex");
    if (!json_is_string(hex))
        return -EINVAL;
    struct bytes digits = bytes_at(json_string_value(hex), json_string_length(hex));
    size_t n = digits.len / 2;
    uint8_t *at = arena_alloc(arena, n + 1);
    if (!hex_bytes(digits, at))
        return -EINVAL;
    *ret = bytes_at(at, n);
    return 0;
}

/* ---- by tables ----------------------------------------------------------------------- */

/* Every enum has the size of unsigned (request.c asserts it), through which words are read and
 * written. */
static json_t *json_of_member(const void *at, const struct json_key *key)
{
    switch (key->kind) {
    case JSON_KEY_BOOL:
        return json_boolean(*(const bool *)at);
    case JSON_KEY_NUMBER:
        return json_integer((json_int_t)(*(const uint64_t *)at));
    case JSON_KEY_INT:
        return json_integer(*(const int *)at);
    case JSON_KEY_SECONDS:
    case JSON_KEY_SIGNED:
        return json_integer(*(const int64_t *)at);
    case JSON_KEY_WORD:
        return json_string(key->words[*(const unsigned *)at]);
    case JSON_KEY_BYTES:
    case JSON_KEY_PATH:
        break;
    }
    return json_of_bytes(*(const struct bytes *)at);
}

void json_put_keys(json_t *object, const void *from, const struct json_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_set(object, keys[i].name,
                 json_of_member((const char *)from + keys[i].offset, &keys[i]));
}

static int json_take_number(const json_t *value, void *at, const struct json_key *key,
                            struct failure *f)
{
    uint64_t max = key->max ? key->max : INT64_MAX;
    if (!json_is_integer(value))
        return fail(f, -EINVAL, "\"%s\" is no whole number", key->name);
    json_int_t number = json_integer_value(value);
    if (key->kind == JSON_KEY_SIGNED) {
        *(int64_t *)at = number;
        return 0;
    }
    if (number < 0 || (uint64_t)number > max)
        return fail(f, -EINVAL, "\"%s\" is not between 0 and %llu", key->name,
                    (unsigned long long)max);
    if (key->kind == JSON_KEY_INT)
        *(int *)at = (int)number;
    else if (key->kind == JSON_KEY_SECONDS)
        *(int64_t *)at = number;
    else
        *(uint64_t *)at = (uint64_t)number;
    return 0;
}

static int json_take_word(const json_t *value, unsigned *at, const struct json_key *key,
                          struct failure *f)
{
    const char *word = json_string_value(value);
    for (unsigned i = 0; word && key->words[i]; i++) {
        if (strcmp(word, key->words[i]) == 0) {
            *at = i;
            return 0;
        }
    }
    return fail(f, -EINVAL, "\"%s\" is none of its words", key->name);
}

static int json_take_bytes(const json_t *value, struct bytes *at, const struct json_key *key,
                           struct arena *arena, struct failure *f)
{
    struct bytes b;
    if (json_to_bytes(value, arena, &b) < 0)
        return fail(f, -EINVAL, "\"%s\" is neither a string nor {\"hex\": …}", key->name);
    bool path = key->kind == JSON_KEY_PATH && b.len;
    if (path && (b.at[0] != '/' || b.len >= PATH_MAX || bytes_find(b, 0) < b.len))
        return fail(f, -EINVAL, "\"%s\" is no absolute path", key->name);
    if (key->max && b.len > key->max)
        return fail(f, -EINVAL, "\"%s\" is longer than %llu bytes", key->name,
                    (unsigned long long)key->max);
    *at = b;
    return 0;
}

static int json_take_key(const json_t *value, void *at, const struct json_key *key,
                         struct arena *arena, struct failure *f)
{
    switch (key->kind) {
    case JSON_KEY_BOOL:
        if (!json_is_boolean(value))
            return fail(f, -EINVAL, "\"%s\" is neither true nor false", key->name);
        *(bool *)at = json_is_true(value);
        return 0;
    case JSON_KEY_NUMBER:
    case JSON_KEY_INT:
    case JSON_KEY_SECONDS:
    case JSON_KEY_SIGNED:
        return json_take_number(value, at, key, f);
    case JSON_KEY_WORD:
        return json_take_word(value, at, key, f);
    case JSON_KEY_BYTES:
    case JSON_KEY_PATH:
        break;
    }
    return json_take_bytes(value, at, key, arena, f);
}

int json_take_keys(const json_t *object, void *into, const struct json_key *keys, size_t n,
                   struct arena *arena, struct failure *f)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        const json_t *value = json_object_get(object, keys[i].name);
        if (value)
            r = json_take_key(value, (char *)into + keys[i].offset, &keys[i], arena, f);
    }
    return r;
}

json_t *json_of_list(const struct bytes *list, size_t n)
{
    json_t *array = json_made(json_array());
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_of_bytes(list[i]));
    return array;
}

int json_to_list(const json_t *array, const char *name, struct arena *arena,
                 const struct bytes **ret, size_t *ret_n, struct failure *f)
{
    if (!array)
        return 0;
    size_t n = json_array_size(array);
    if (!json_is_array(array) || n > PROTO_LIST_MAX)
        return fail(f, -EINVAL, "\"%s\" is no list of at most %d", name, PROTO_LIST_MAX);
    struct bytes *list = ARENA_ARRAY(arena, n, struct bytes);
    for (size_t i = 0; i < n; i++)
        if (json_to_bytes(json_array_get(array, i), arena, &list[i]) < 0)
            return fail(f, -EINVAL, "\"%s\" holds what is no string", name);
    *ret = list;
    *ret_n = n;
    return 0;
}

/* ---- text ---------------------------------------------------------------------------- */

/* Checked before jansson parses, because it recurses up to 2,048 levels. */
static bool json_too_deep(struct bytes line)
{
    int depth = 0;
    bool string = false;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.at[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '[' || c == '{') && ++depth > PROTO_DEPTH_MAX)
            return true;
        else if (!string && (c == ']' || c == '}'))
            depth--;
    }
    return false;
}

int json_parse(struct bytes line, json_t **ret, struct failure *f)
{
    json_error_t error;
    if (json_too_deep(line))
        return fail(f, -EINVAL, "JSON of more than %d levels", PROTO_DEPTH_MAX);
    json_t *value = json_loadb((const char *)line.at, line.len,
                               JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return fail(f, -EINVAL, "no JSON at byte %d", error.position);
    if (!json_is_object(value)) {
        json_decref(value);
        return fail(f, -EINVAL, "a JSON value that is no object");
    }
    *ret = value;
    return 0;
}

struct json_printing {
    struct buf *line;
    int result;
};

static int json_add_printed(const char *at, size_t len, void *context)
{
    struct json_printing *p = context;
    p->result = buf_add(p->line, at, len);
    return p->result;
}

int json_print(const json_t *value, struct buf *line)
{
    struct json_printing p = {.line = line};
    if (json_dump_callback(value, json_add_printed, &p, JSON_COMPACT) < 0)
        return p.result < 0 ? p.result : -ENOMEM;
    return 0;
}
