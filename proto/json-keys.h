/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by tables: a struct is written to an object, and read from one, by the same table of its
 * members. Only the files of proto/ include this header, which is their one include of
 * jansson.h: formats.h says why it is here.
 *
 *     static const struct json_key keys[] = {
 *         {"seq", JSON_KEY_NUMBER, offsetof(struct answer, seq), NULL, 0},
 *     };
 *     json_put_keys(object, &answer, keys, ARRAY_SIZE(keys));
 *     r = json_take_keys(object, &answer, keys, ARRAY_SIZE(keys), &arena, f);
 *
 * Out of memory ends the process. Thread: any.
 */
#ifndef CTXD_JSON_KEYS_H
#define CTXD_JSON_KEYS_H

#include "base.h"

#include <jansson.h>

/* The type of a member, and what its key accepts. */
enum json_kind {
    JSON_KEY_BOOL,
    JSON_KEY_NUMBER,  /* uint64_t, 0 to max; max 0 stands for INT64_MAX */
    JSON_KEY_INT,     /* int, 0 to max */
    JSON_KEY_SECONDS, /* int64_t, 0 to max */
    JSON_KEY_SIGNED,  /* int64_t, any */
    JSON_KEY_WORD,    /* an enum, written as one of `words` */
    JSON_KEY_BYTES,   /* struct bytes of at most max bytes; max 0: any */
    JSON_KEY_PATH, /* struct bytes: empty, or an absolute path shorter than PATH_MAX without NUL
                    */
};

struct json_key {
    const char *name;
    enum json_kind kind;
    size_t offset;            /* of the member in its struct */
    const char *const *words; /* by the number of the enum; ends in NULL */
    uint64_t max;
};

/* Sets the key of each member. */
void json_put_keys(json_t *object, const void *from, const struct json_key *keys, size_t n);
/* Reads the keys that are present; the members of others stay as they are. -EINVAL with a
 * message that names the key. */
int json_take_keys(const json_t *object, void *into, const struct json_key *keys, size_t n,
                   struct arena *arena, struct failure *f) must_use;
/* Sets one key. Takes `value`. */
void json_set(json_t *object, const char *key, json_t *value);

/* Bytes as JSON: a string if they are UTF-8, else {"hex": "…"}. Never NULL. */
json_t *json_of_bytes(struct bytes b);
/* Reads what json_of_bytes() wrote. Copies it to the arena, with a NUL after it. -EINVAL. */
int json_to_bytes(const json_t *value, struct arena *arena, struct bytes *ret) must_use;
/* An array of such bytes. */
json_t *json_of_list(const struct bytes *list, size_t n);
/* Reads one of at most PROTO_LIST_MAX elements. A missing one (NULL) leaves *ret as it is.
 * -EINVAL with a message that contains `name`. */
int json_to_list(const json_t *array, const char *name, struct arena *arena,
                 const struct bytes **ret, size_t *ret_n, struct failure *f) must_use;

/* Parses a line that is an object. -EINVAL if it is none, contains a key twice, or is deeper
 * than PROTO_DEPTH_MAX. The caller owns *ret. */
int json_parse(struct bytes line, json_t **ret, struct failure *f) must_use;
/* Appends JSON on one line. -E2BIG. */
int json_print(const json_t *value, struct buf *line) must_use;

static inline void json_decref_p(json_t **value)
{
    json_decref(*value);
}
#define cleanup_json __attribute__((cleanup(json_decref_p)))

#endif
