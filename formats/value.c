/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

/* A map with fewer pairs has no index: comparing all its keys is quicker than a table. */
#define INDEX_FROM 24

static void value_drop_index(struct value *map)
{
    if (map->index)
        table_release(map->index);
}

void values_release(struct values *pool)
{
    for (size_t i = 0; i < pool->n_indexed; i++)
        value_drop_index(pool->indexed[i]);
    arena_release(&pool->arena);
    *pool = (struct values){0};
}

struct value *value_new(struct values *pool, enum value_kind kind)
{
    struct value *v = ARENA_NEW(&pool->arena, struct value);
    v->kind = kind;
    return v;
}

struct value *value_string(struct values *pool, struct bytes text)
{
    struct value *v = value_new(pool, VALUE_STRING);
    v->text = text;
    return v;
}

struct value *value_shown(struct values *pool, struct bytes text)
{
    return value_string(
        pool, utf8_valid(text) ? text : arena_copy(&pool->arena, bytes_of(QUOTE(text))));
}

struct value *value_bool(struct values *pool, bool is)
{
    struct value *v = value_new(pool, VALUE_BOOL);
    v->boolean = is;
    return v;
}

struct value *value_integer(struct values *pool, int64_t integer)
{
    struct value *v = value_new(pool, VALUE_INTEGER);
    v->integer = integer;
    return v;
}

/* Recurses at most MANIFEST_DEPTH levels, because no reader makes a deeper tree. */
struct value *value_copy(struct values *pool, const struct value *from)
{
    struct value *v = ARENA_NEW(&pool->arena, struct value);
    *v = *from;
    v->index = NULL;
    v->cap = v->n;
    v->pairs = v->n ? ARENA_ARRAY(&pool->arena, v->n, struct pair) : NULL;
    for (size_t i = 0; i < v->n; i++)
        v->pairs[i] = (struct pair){from->pairs[i].key, value_copy(pool, from->pairs[i].value)};
    return v;
}

static void value_make_index(struct values *pool, struct value *map)
{
    if (!map->index) {
        map->index = ARENA_NEW(&pool->arena, struct table);
        *ARENA_PUSH(&pool->arena, pool->indexed, &pool->n_indexed, &pool->cap_indexed) = map;
    }
    for (size_t i = 0; i < map->n; i++)
        *table_put(map->index, map->pairs[i].key, NULL) = i;
}

static struct value **value_place(struct values *pool, struct value *map, struct bytes key)
{
    if (pool && map->n >= INDEX_FROM) {
        if (!map->index || map->index->n == 0)
            value_make_index(pool, map);
        uintptr_t *at = table_get(map->index, key);
        return at ? &map->pairs[*at].value : NULL;
    }
    for (size_t i = 0; i < map->n; i++)
        if (bytes_equal(map->pairs[i].key, key))
            return &map->pairs[i].value;
    return NULL;
}

struct value *value_find(struct values *pool, struct value *map, struct bytes key)
{
    struct value **at = value_is(map, VALUE_MAP) ? value_place(pool, map, key) : NULL;
    return at ? *at : NULL;
}

struct value *value_get(const struct value *map, const char *key)
{
    if (!value_is(map, VALUE_MAP))
        return NULL;
    struct bytes wanted = bytes_of(key);
    for (size_t i = 0; i < map->n; i++)
        if (bytes_equal(map->pairs[i].key, wanted))
            return map->pairs[i].value;
    return NULL;
}

struct bytes value_text(const struct value *v)
{
    return value_is(v, VALUE_STRING) ? v->text : (struct bytes){NULL, 0};
}

int64_t value_number(const struct value *v)
{
    return value_is(v, VALUE_INTEGER) ? v->integer : 0;
}

bool value_true(const struct value *v)
{
    return value_is(v, VALUE_BOOL) && v->boolean;
}

void value_put(struct values *pool, struct value *map, struct bytes key, struct value *v)
{
    struct value **at = value_place(pool, map, key);
    if (at) {
        *at = v;
        return;
    }
    *ARENA_PUSH(&pool->arena, map->pairs, &map->n, &map->cap) = (struct pair){key, v};
    if (map->index && map->index->n)
        *table_put(map->index, key, NULL) = map->n - 1;
}

struct value *value_keep(struct values *pool, const struct value *from, const char *const *keys,
                         size_t n)
{
    struct value *kept = value_new(pool, VALUE_MAP);
    for (size_t i = 0; i < n; i++) {
        struct value *v = value_get(from, keys[i]);
        if (v)
            value_put(pool, kept, bytes_of(keys[i]), v);
    }
    return kept;
}

void value_add(struct values *pool, struct value *list, struct value *v)
{
    *ARENA_PUSH(&pool->arena, list->pairs, &list->n, &list->cap) = (struct pair){BYTES(""), v};
}

void value_drop_at(struct value *map, size_t i)
{
    value_drop_index(map);
    memmove(map->pairs + i, map->pairs + i + 1, (map->n - i - 1) * sizeof(*map->pairs));
    map->n--;
}

void value_drop(struct value *map, const char *key)
{
    if (!value_is(map, VALUE_MAP))
        return;
    for (size_t i = 0; i < map->n; i++) {
        if (bytes_equal(map->pairs[i].key, bytes_of(key))) {
            value_drop_at(map, i);
            return;
        }
    }
}

static int value_compare_keys(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return bytes_compare(x->key, y->key);
}

static int value_compare_texts(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return bytes_compare(x->value->text, y->value->text);
}

void value_sort(struct value *v)
{
    if (value_count(v) < 2)
        return;
    value_drop_index(v);
    if (v->kind == VALUE_MAP) {
        qsort(v->pairs, v->n, sizeof(*v->pairs), value_compare_keys);
        return;
    }
    for (size_t i = 0; i < v->n; i++)
        if (v->pairs[i].value->kind != VALUE_STRING)
            return; /* the order of other kinds may have a meaning */
    qsort(v->pairs, v->n, sizeof(*v->pairs), value_compare_texts);
    size_t n = 1;
    for (size_t i = 1; i < v->n; i++)
        if (!bytes_equal(v->pairs[i].value->text, v->pairs[n - 1].value->text))
            v->pairs[n++] = v->pairs[i];
    v->n = n;
}
