/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_CARGO_MASK_H
#define CTXD_CARGO_MASK_H

#include "cargo-priv.h"

/*
 * Appends the manifest of a crate as the recipe has it: what decides how dependencies are
 * fetched and built. -E2BIG past to->max.
 */
int cargo_mask(struct cargo *c, const struct crate *crate, struct buf *to) must_use;

#endif
