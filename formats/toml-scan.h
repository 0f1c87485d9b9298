/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor of the TOML reader: where it is in the text, how it fails, and what it skips. Only
 * toml-*.c include this header. Thread: one at a time.
 */
#ifndef CTXD_TOML_SCAN_H
#define CTXD_TOML_SCAN_H

#include "value.h"

struct toml {
    struct values *pool;
    struct bytes name, text;
    size_t at;     /* the byte to be read next; text.len at the end */
    uint32_t line; /* 1-based, of `at` */
    struct failure *f;
};

/* Fails with "NAME:LINE: …". Returns -EINVAL. */
int toml_fail(const struct toml *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The byte that is `ahead` bytes after the cursor, or -1 past the end. */
static inline int toml_peek(const struct toml *t, size_t ahead)
{
    size_t at = t->at + ahead;
    return at < t->text.len ? t->text.at[at] : -1;
}

/* Checks that the whole text is UTF-8. Later steps rely on it. */
int toml_check_utf8(struct toml *t) must_use;

void toml_skip_spaces(struct toml *t);
/* Skips a comment up to its line end. Control characters in it are an error. */
int toml_skip_comment(struct toml *t) must_use;
/* Skips one line end, "\n" or "\r\n". False if the cursor is at none. */
bool toml_skip_line_end(struct toml *t);
/* Skips spaces, comments and line ends. */
int toml_skip_blank(struct toml *t) must_use;

#endif
