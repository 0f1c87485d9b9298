/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manifest says, whatever it is written in: one tree for TOML, JSON and YAML, which
 * formats.h makes and the ecosystems ask, change and write again.
 *
 *     cleanup_values struct values pool = {0};
 *     r = toml_read(&pool, name, text, &root, f);
 *     struct bytes edition = value_text(value_get(value_get(root, "package"), "edition"));
 *
 * Asking is forgiving: NULL, or a value of another kind, answers as one that is not there.
 * Thread: one at a time.
 */
#ifndef CTXD_VALUE_H
#define CTXD_VALUE_H

#include "base.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_FLOAT, /* as text: nobody here computes with one */
    VALUE_TIME,  /* TOML's dates and times, as text */
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
    unsigned mark; /* a reader's own */
    bool boolean;
    int64_t integer;
    struct bytes text;
    struct pair *pairs; /* a map's, in order; of a list the keys are empty */
    size_t n, cap;
    struct table *index; /* of a large map, made when it is asked; or NULL */
};

/* Where the values of some documents live. */
struct values {
    struct arena arena;
    struct value **indexed; /* whose tables are released */
    size_t n_indexed, cap_indexed;
};

#define cleanup_values __attribute__((cleanup(values_release)))
void values_release(struct values *pool);

struct value *value_new(struct values *pool, enum value_kind kind);
struct value *value_string(struct values *pool, struct bytes text); /* borrows text */
struct value *value_bool(struct values *pool, bool is);
/* A copy that shares no map and no list, but all text. */
struct value *value_copy(struct values *pool, const struct value *from);

/* The value of a key, or NULL. */
struct value *value_find(struct values *pool, struct value *map, struct bytes key);
/* The same without an index: for the few keys of one known name. */
struct value *value_get(const struct value *map, const char *key);
/* A string's text; {NULL, 0} of anything else. */
struct bytes value_text(const struct value *v);
bool value_true(const struct value *v);
static inline bool value_is(const struct value *v, enum value_kind kind)
{
    return v && v->kind == kind;
}
/* Of a map or list, else 0. */
static inline size_t value_count(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP) ? v->n : 0;
}

/* Adds or replaces. */
void value_put(struct values *pool, struct value *map, struct bytes key, struct value *v);
void value_add(struct values *pool, struct value *list, struct value *v);
void value_drop(struct value *map, const char *key);
void value_drop_at(struct value *map, size_t i);
/* A map by key; a list of strings by text, each once. Bytewise. */
void value_sort(struct value *v);

#endif
