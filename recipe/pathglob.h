/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_PATHGLOB_H
#define CTXD_PATHGLOB_H

#include "base.h"

/*
 * Tells whether a pattern matches a whole path, as Rust's and npm's glob libraries do: `*`, `?`
 * and `[a]` or `[!a]` within a component, `**` as a component for any number of components.
 * hidden: a wildcard also matches a name that begins with a dot.
 *
 * Gives up, as if there were no match, after 10,000 steps. Thread: any.
 */
bool path_glob(struct bytes pattern, struct bytes path, bool hidden);

#endif
