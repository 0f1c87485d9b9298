/* SPDX-License-Identifier: Apache-2.0 */
/* Reads TOML. Thread: one at a time for each pool. */
#ifndef CTXD_TOML_READ_H
#define CTXD_TOML_READ_H

#include "value.h"

/*
 * Reads TOML 1.0, and what TOML 1.1 adds to inline tables: line ends, comments, and a comma
 * after the last pair. *ret_root is a map. -EINVAL, -E2BIG: see formats.h.
 */
int toml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;

#endif
