/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON. Keys stay in the order of their map. Thread: any. */
#ifndef CTXD_JSON_WRITE_H
#define CTXD_JSON_WRITE_H

#include "value.h"

/* Appends a value on one line, without spaces and without a newline at the end. -E2BIG. */
int json_write(const struct value *v, struct buf *to) must_use;

/* Appends a value as npm writes it: indented by two spaces a level, with a newline at the end.
 * -E2BIG. */
int json_write_pretty(const struct value *v, struct buf *to) must_use;

/* Appends a string with its quotes. Each byte that is not UTF-8 becomes U+FFFD. -E2BIG. */
int json_write_string(struct bytes text, struct buf *to) must_use;

#endif
