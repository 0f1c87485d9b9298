/* SPDX-License-Identifier: Apache-2.0 */
/* What toml.c (tables) and toml-scalar.c (strings, numbers, times) share. */
#ifndef CTXD_TOML_PRIV_H
#define CTXD_TOML_PRIV_H

#include "formats.h"

struct toml {
    struct values *pool;
    struct bytes name, text;
    size_t at;
    uint32_t line;
    struct failure *f;
};

/* "NAME:LINE: …", -EINVAL. */
int toml_fail(const struct toml *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The byte at the reader, or -1 at the end; and `ahead` of it. */
static inline int toml_peek(const struct toml *t, size_t ahead)
{
    size_t at = t->at + ahead;
    return at < t->text.len ? t->text.at[at] : -1;
}

/* A string of any of the four kinds, or, for keys, of the two that take one line. */
int toml_string(struct toml *t, bool key, struct bytes *ret) must_use;
/* A number, time or boolean: a word without spaces, but for the one inside of a date-time. */
int toml_word(struct toml *t, struct value *v) must_use;

#endif
