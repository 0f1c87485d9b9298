/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-form: the JSON that can stand in a Dockerfile: the array form of an instruction's
 * arguments, and the object that names a syntax. Thread: any. Source: Go encoding/json.
 */
#ifndef CTXD_JSON_FORM_H
#define CTXD_JSON_FORM_H

#include "words.h"

/*
 * Adds the strings of a JSON array to words. 1: the text is such an array. 0: it is no JSON
 * array, or malformed. -EINVAL: it is an array that contains something else than strings, which
 * BuildKit refuses. -E2BIG as df_words_add().
 */
int df_json_words(struct arena *arena, struct bytes text, struct df_words *words) must_use;
/* Tells whether text is a JSON object whose member `key` is a string; if the object contains
 * the key several times, the last one counts. The value is in the arena. */
bool df_json_member(struct arena *arena, struct bytes text, struct bytes key,
                    struct bytes *ret_value);

#endif
