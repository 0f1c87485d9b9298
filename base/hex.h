/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits, written and read. Thread: any. */
#ifndef CTXD_HEX_H
#define CTXD_HEX_H

#include "bytes.h"

/* The value of one digit in either case, 0-15; -1 if c is not a digit. */
int hex_digit(uint8_t c);

/* Writes len bytes in lower case, NUL-terminated, into text[2 * len + 1]. Returns text. */
char *hex_text(char *text, const uint8_t *at, size_t len);

/*
 * Reads what hex_text() wrote: two lower-case digits a byte, into at[text.len / 2]. Upper case
 * is refused, so that a value has one spelling. On false, the content of `at` is undefined.
 */
bool hex_bytes(struct bytes text, uint8_t *at);

/* Reads 1 to 8 digits in either case as one number. *ret is written only on success. */
bool hex_number(struct bytes text, uint32_t *ret);

#endif
