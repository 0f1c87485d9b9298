/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of values that a TOML, JSON or YAML text becomes, whichever of these it was written
 * in. Callers ask it, change it and write it again: formats.h has an example.
 *
 * Asking never fails: NULL, or a value of another kind, answers like a value that is missing.
 * Memory: the pool's. Texts are borrowed, from the caller or from the text that was read.
 * Thread: one at a time for each pool.
 */
#ifndef CTXD_VALUE_H
#define CTXD_VALUE_H

#include "base.h"

/* The largest text that a reader accepts, in bytes. The largest lock files of real projects
 * have 5 MiB. */
#define MANIFEST_MAX (32u << 20)
/* The most levels of maps and lists that a reader accepts, because readers and writers recurse.
 * Cargo's own limit is 128. */
#define MANIFEST_DEPTH 100

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_FLOAT, /* kept as text, because no caller computes with one */
    VALUE_TIME,  /* a date or time of TOML, as text */
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
};

struct value;
struct pair {
    struct bytes key;
    struct value *value;
};

struct value {
    enum value_kind kind;
    uint32_t line; /* 1-based, where it began; 0: unknown */
    unsigned mark; /* for the reader alone, while it reads */
    bool boolean;
    int64_t integer;
    struct bytes text;
    struct pair *pairs; /* of a map, in order; of a list, with empty keys */
    size_t n, cap;
    struct table *index; /* of a large map, from the first value_find() on; else NULL */
};

/* A pool: the memory of the values of some documents. Zeroed, it is empty. */
struct values {
    struct arena arena;
    struct value **indexed; /* the maps whose index must be released */
    size_t n_indexed, cap_indexed;
};

#define cleanup_values __attribute__((cleanup(values_release)))
void values_release(struct values *pool);

/* ---- making ------------------------------------------------------------------------ */

struct value *value_new(struct values *pool, enum value_kind kind);
struct value *value_string(struct values *pool, struct bytes text); /* borrows text */
/* A string of bytes that need not be UTF-8; then it has the text that QUOTE() gives. Borrows.
 */
struct value *value_shown(struct values *pool, struct bytes text);
struct value *value_bool(struct values *pool, bool is);
struct value *value_integer(struct values *pool, int64_t integer);
/* A copy that shares no map and no list with `from`, but all texts. */
struct value *value_copy(struct values *pool, const struct value *from);
/* A map of those keys that `from` contains, in the order of `keys`. Shares their values. */
struct value *value_keep(struct values *pool, const struct value *from, const char *const *keys,
                         size_t n);

/* ---- asking ------------------------------------------------------------------------ */

/* The value of a key, or NULL. Makes an index of a large map. */
struct value *value_find(struct values *pool, struct value *map, struct bytes key);
/* The same without an index, for the few keys whose name the program knows. */
struct value *value_get(const struct value *map, const char *key);
/* The text of a string, else {NULL, 0}. */
struct bytes value_text(const struct value *v);
/* The number of an integer, else 0. */
int64_t value_number(const struct value *v);
bool value_true(const struct value *v);
static inline bool value_is(const struct value *v, enum value_kind kind)
{
    return v && v->kind == kind;
}
/* How many pairs a map or list contains, else 0. */
static inline size_t value_count(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP) ? v->n : 0;
}

/* ---- changing ---------------------------------------------------------------------- */

/* Adds a key at the end of a map, or replaces its value. Borrows the key. */
void value_put(struct values *pool, struct value *map, struct bytes key, struct value *v);
/* Adds to the end of a list. */
void value_add(struct values *pool, struct value *list, struct value *v);
/* Removes a key, if the map contains it. */
void value_drop(struct value *map, const char *key);
/* Removes element i of a map or list. */
void value_drop_at(struct value *map, size_t i);
/* Sorts bytewise: a map by its keys; a list of strings by text, each text once. A list that
 * contains another kind stays as it is. */
void value_sort(struct value *v);

#endif
