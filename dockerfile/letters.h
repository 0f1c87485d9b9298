/* SPDX-License-Identifier: Apache-2.0 */
/* letters: what is a letter and what is a digit to a Dockerfile. Thread: any. */
#ifndef CTXD_LETTERS_H
#define CTXD_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Go's unicode.IsLetter and unicode.IsDigit. */
bool rune_is_letter(uint32_t rune);
bool rune_is_digit(uint32_t rune);

#endif
