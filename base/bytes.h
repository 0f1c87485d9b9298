/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view of bytes that another object owns: a path, a name, a line, a file.
 *
 * Nothing is assumed of the content: there need be no NUL at the end and no encoding. A view is
 * valid as long as the memory it points into. Order is byte order, as in all our listings and
 * streams.
 *
 *     struct bytes line = BYTES("COPY a b");
 *     if (bytes_starts(line, BYTES("COPY")))
 *         line = bytes_from(line, 4);
 *
 * Thread: any.
 */
#ifndef CTXD_BYTES_H
#define CTXD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

/* The view of a string literal, without its NUL. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* The two arguments of "%.*s". Only for text known to be printable; else use quote(). */
#define BYTES_ARG(b) (int)(b).len, (const char *)(b).at

/* The view of a C string; NULL gives an empty one. */
struct bytes bytes_of(const char *text);
struct bytes bytes_at(const void *at, size_t len);

/* <0, 0, >0 by byte order; a prefix comes first. */
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_equal(struct bytes a, struct bytes b);
/* Equal but for the case of ASCII letters. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
bool bytes_starts(struct bytes b, struct bytes prefix);
bool bytes_ends(struct bytes b, struct bytes suffix);

/* The index of the first (last) byte c, or b.len if there is none. */
size_t bytes_find(struct bytes b, uint8_t c);
size_t bytes_find_last(struct bytes b, uint8_t c);

/*
 * How many bytes from index `from` on are printable ASCII other than '"' and '\\'. The strings
 * of JSON and TOML contain such bytes unescaped.
 */
size_t bytes_plain(struct bytes b, size_t from);

/* The part from index `from` on, and the first `len` bytes; both clamped to the length of b. */
struct bytes bytes_from(struct bytes b, size_t from);
struct bytes bytes_head(struct bytes b, size_t len);

/*
 * Takes the next part, up to `sep`, off *rest. Returns false if nothing is left. Split at '/',
 * "a//b" gives "a", "", "b", and "a/" gives "a" and "". An empty view gives one empty part, but
 * a view whose `at` is NULL gives none. Start with the whole in *rest; rest->at is NULL after
 * the last part.
 */
bool bytes_next(struct bytes *rest, uint8_t sep, struct bytes *ret_part);

/*
 * FNV-1a: the same value on every machine and in every run. It is no defence against keys that
 * are chosen to collide; table.h is.
 */
uint64_t bytes_hash(struct bytes b);

/*
 * A copy on the heap, which the caller owns and gives to bytes_free(). A NUL, which the length
 * does not count, follows it, so `at` is also a C string if the bytes contain no NUL.
 */
struct bytes bytes_dup(struct bytes b);
/* Frees what bytes_dup() gave and leaves {NULL, 0}; an empty view of NULL is fine. */
void bytes_free(struct bytes *b);

#endif
