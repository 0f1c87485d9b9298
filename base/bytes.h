/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view of bytes somebody else owns: a path, a name, a line, a file.
 *
 * Nothing is assumed of the content: no NUL at the end, no encoding. A view lives as long
 * as what it points into. Order is byte order, as in every listing and stream of ours.
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
/* The two arguments that "%.*s" takes. Only for text known to be printable: else quote(). */
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

/* The index of the first (last) byte c, or b.len where there is none. */
size_t bytes_find(struct bytes b, uint8_t c);
size_t bytes_find_last(struct bytes b, uint8_t c);

/* How many bytes from `from` on are printable ASCII, but for '"' and '\\': JSON and TOML have
 * them in strings as they are. */
size_t bytes_plain(struct bytes b, size_t from);

/* The part from index `from` on (clamped to the end), and the first `len` bytes (clamped). */
struct bytes bytes_from(struct bytes b, size_t from);
struct bytes bytes_head(struct bytes b, size_t len);

/*
 * Takes the next piece up to `sep` off *rest: returns false when nothing is left. "a//b" by '/'
 * gives "a", "", "b"; "a/" gives "a" and ""; an empty view gives one empty piece, {NULL} none.
 * Begin with *rest as the whole; rest->at is NULL once all pieces are taken.
 */
bool bytes_next(struct bytes *rest, uint8_t sep, struct bytes *ret_piece);

/* FNV-1a: the same everywhere and always. No defence against chosen keys: table.h is for those.
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
