/* SPDX-License-Identifier: Apache-2.0 */
/* Writes TOML. Thread: one at a time for each tree. */
#ifndef CTXD_TOML_WRITE_H
#define CTXD_TOML_WRITE_H

#include "value.h"

/*
 * Appends `root`, a map, so that equal content gives equal bytes: top-level tables come in
 * cargo's customary order and have one header each, keys are sorted and quoted, and everything
 * below a top-level table is on one line. Sorts the maps of `root` in place. -E2BIG; -EINVAL if
 * the tree contains a VALUE_NULL, which TOML doesn't have.
 */
int toml_write(struct value *root, struct buf *to) must_use;

/* Appends a basic string with its quotes. `text` must be UTF-8. -E2BIG. */
int toml_write_string(struct bytes text, struct buf *to) must_use;

#endif
