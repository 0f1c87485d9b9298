/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_CARGO_CONFIG_H
#define CTXD_CARGO_CONFIG_H

#include "cargo-priv.h"

/*
 * Adds cargo's configuration and the toolchain file, those of the unit's directory and of each
 * directory above it, with the files that they name. A token is left out, with a note.
 */
int cargo_config(struct cargo *c, struct recipe_unit *unit, struct failure *f) must_use;

#endif
