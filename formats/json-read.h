/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON. Thread: one at a time for each pool. */
#ifndef CTXD_JSON_READ_H
#define CTXD_JSON_READ_H

#include "value.h"

/*
 * Reads one JSON value of any kind. A key that is in an object twice is refused. A byte order
 * mark is skipped, as npm does. Integers must fit in 64 bits; other numbers are kept as text
 * with 17 digits. The text is not borrowed. -EINVAL, -E2BIG: see formats.h.
 */
int json_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;

/* The same with another maximum, in bytes, than MANIFEST_MAX. */
int json_read_large(struct values *pool, struct bytes name, struct bytes text, size_t max,
                    struct value **ret_root, struct failure *f) must_use;

#endif
