/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_NPM_MEMBERS_H
#define CTXD_NPM_MEMBERS_H

#include "npm-priv.h"

/* The package.json of a directory, or NULL. */
struct manifest *npm_package(struct npm *n, struct bytes dir);
/*
 * Fills n->of with the root, the members of its workspace, and the packages that these link to;
 * sorted by path. Adds the archives and patches that they name to the unit, unless it is NULL.
 * Needs n->root, n->manager and n->pnpm.
 */
int npm_members(struct npm *n, struct recipe_unit *unit, struct failure *f) must_use;

#endif
