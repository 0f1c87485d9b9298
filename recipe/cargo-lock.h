/* SPDX-License-Identifier: Apache-2.0 */
/* Cargo.lock: read, asked which local crates must keep their sources, and written again. */
#ifndef CTXD_CARGO_LOCK_H
#define CTXD_CARGO_LOCK_H

#include "cargo-priv.h"

/*
 * Reads the lock of c->root into c->lock. No lock, and one without an entry for a member, gets
 * a note; one that can't be parsed is copied, with a note. Needs c->crates.
 */
int cargo_lock_read(struct cargo *c, struct recipe_unit *unit, struct failure *f) must_use;
/* Sets crate.verbatim, crate.maskable and lock_entry.masked. */
void cargo_lock_verbatim(struct cargo *c);
/*
 * Restricts `wanted` to what options->bins need. True if it did: some of them are in this unit.
 * Needs the targets.
 */
bool cargo_lock_closure(struct cargo *c, struct recipe_unit *unit);
/* Appends the lock of the recipe: wanted entries, masked versions, edges as cargo writes them.
 */
int cargo_lock_write(struct cargo *c, struct buf *to) must_use;

#endif
