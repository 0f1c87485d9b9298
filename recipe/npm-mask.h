/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_NPM_MASK_H
#define CTXD_NPM_MASK_H

#include "npm-priv.h"

/* Adds the manifest of a package, masked, with stubs of its commands and the files that its
 * lifecycle scripts name. */
int npm_mask(struct npm *n, struct recipe_unit *unit, struct manifest *package,
             struct failure *f) must_use;
/* Adds package-lock.json or npm-shrinkwrap.json of the root, without the versions of members.
 */
int npm_lock(struct npm *n, struct recipe_unit *unit, const char *name,
             struct failure *f) must_use;

#endif
