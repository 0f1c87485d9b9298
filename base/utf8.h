/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as Go reads it: each byte that is not part of a well-formed rune counts as one rune
 * U+FFFD of one byte.
 *
 * Thread: any.
 */
#ifndef CTXD_UTF8_H
#define CTXD_UTF8_H

#include "bytes.h"

#define UTF8_INVALID 0xfffdu

/*
 * Decodes the first rune of b (not empty). Returns its length, 1-4. An invalid byte gives
 * U+FFFD and length 1; a real U+FFFD has length 3. Source: Go utf8.DecodeRune.
 */
size_t utf8_decode(struct bytes b, uint32_t *ret_rune);

/*
 * Encodes a rune (at most U+10FFFF, no surrogate) into out. Returns its length, 1-4. The symbol
 * has another name for the linker, because jansson's static library defines utf8_encode.
 */
size_t utf8_encode(uint32_t rune, uint8_t out[4]) __asm__("ctxd_utf8_encode");

/* Whether all of b is well-formed. An empty view is. Source: Go utf8.Valid. */
bool utf8_valid(struct bytes b);
/* The same, and no byte is NUL: a text that C programs can read whole. */
bool utf8_is_text(struct bytes b);

/* Source: Go unicode.IsSpace; U+200B and U+FEFF are not space. */
bool utf8_is_space(uint32_t rune);

/* b without the Unicode white space at its ends. Source: Go strings.TrimSpace. */
struct bytes utf8_trim(struct bytes b);
/* The same at the beginning only. Source: Go strings.TrimLeftFunc(s, unicode.IsSpace). */
struct bytes utf8_trim_left(struct bytes b);

#endif
