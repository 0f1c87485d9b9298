/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_CARGO_TARGETS_H
#define CTXD_CARGO_TARGETS_H

#include "cargo-priv.h"

/*
 * Fills crate->targets with the explicit and the discovered targets, sorted by path. A target
 * whose source is not in the context is left out, with a note in the unit. Source: cargo's
 * documentation, "Target auto-discovery".
 */
void cargo_targets(struct cargo *c, struct recipe_unit *unit, struct crate *crate);

#endif
