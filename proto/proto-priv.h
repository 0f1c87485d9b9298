/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of proto/ share: JSON by tables. */
#ifndef CTXD_PROTO_PRIV_H
#define CTXD_PROTO_PRIV_H

#include "proto.h"

#include <jansson.h>

/* A member of a struct that travels as a key of an object. */
enum json_kind {
    JSON_KEY_BOOL,
    JSON_KEY_NUMBER,  /* uint64_t, at most max (0: INT64_MAX) */
    JSON_KEY_INT,     /* int, 0 to max */
    JSON_KEY_SECONDS, /* int64_t, 0 to max */
    JSON_KEY_SIGNED,  /* int64_t, any */
    JSON_KEY_WORD,    /* an enum: one of words, by its number */
    JSON_KEY_BYTES,
    JSON_KEY_PATH, /* bytes without NUL, absolute, shorter than PATH_MAX; or empty */
};

struct json_key {
    const char *name;
    enum json_kind kind;
    size_t offset;
    const char *const *words; /* ends in NULL */
    uint64_t max;
};

/*
 * Bytes as JSON: a string where they are UTF-8, else {"hex": "…"}. NULL never (out of memory
 * ends the process).
 */
json_t *json_of_bytes(struct bytes b);
/* The reverse, copied to the arena with a NUL behind. 0 or -EINVAL. */
int json_to_bytes(const json_t *value, struct arena *arena, struct bytes *ret) must_use;

void json_set(json_t *object, const char *key, json_t *value); /* takes value */
void json_put_keys(json_t *object, const void *from, const struct json_key *keys, size_t n);
/* Absent keys leave what is there. -EINVAL naming the key. */
int json_take_keys(const json_t *object, void *into, const struct json_key *keys, size_t n,
                   struct arena *arena, struct failure *f) must_use;

/* An array of strings. `name` for messages. */
json_t *json_of_list(const struct bytes *list, size_t n);
int json_to_list(const json_t *array, const char *name, struct arena *arena,
                 const struct bytes **ret, size_t *ret_n, struct failure *f) must_use;

/* An object from a line; -EINVAL where it is none, or too deep. NULL on failure. */
int json_parse(struct bytes line, json_t **ret, struct failure *f) must_use;
/* Appends compact JSON. -E2BIG. */
int json_print(const json_t *value, struct buf *line) must_use;

static inline void json_decref_p(json_t **value)
{
    json_decref(*value);
}
#define cleanup_json __attribute__((cleanup(json_decref_p)))

#endif
