/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what stands for one value in TOML: strings, numbers, times, booleans. Only toml-read.c
 * includes this header. Thread: one at a time. */
#ifndef CTXD_TOML_SCALAR_H
#define CTXD_TOML_SCALAR_H

#include "toml-scan.h"

/*
 * Reads a string; the cursor is at its opening quote. For a value it may be of any of the four
 * kinds, for a key only of the two that take one line. A string without escapes is a view of
 * the text, others are copied to the pool.
 */
int toml_string(struct toml *t, bool key, struct bytes *ret) must_use;

/* Reads a number, time or boolean into v: a word that ends at a space, except for the space
 * between a date and its time. */
int toml_word(struct toml *t, struct value *v) must_use;

#endif
