/* SPDX-License-Identifier: Apache-2.0 */
/* npm, pnpm, yarn and bun: what the files of this ecosystem share. */
#ifndef CTXD_NPM_PRIV_H
#define CTXD_NPM_PRIV_H

#include "manifest.h"

enum manager { MANAGER_NPM, MANAGER_PNPM, MANAGER_YARN, MANAGER_BERRY, MANAGER_BUN };

/* Marks of a manifest. */
enum {
    PACKAGE_CLAIMED = 1 << 0,      /* it belongs to the unit that is being made */
    PACKAGE_REAL_VERSION = 1 << 1, /* another package asks for a range of it */
};

struct npm {
    struct prepare *p;
    struct manifests packages; /* every package.json */

    /* of the unit that is being made */
    struct manifest *root;
    struct manifest **of;
    size_t n_of, cap_of;
    enum manager manager;
    struct value *pnpm; /* pnpm-workspace.yaml, or NULL */
};

struct manifest *npm_package(struct npm *n, struct bytes dir);
/* npm-members.c: fills n->of with the root, its members, and what they link to. */
int npm_members(struct npm *n, struct recipe_unit *unit, struct failure *f) must_use;
/* npm-mask.c: the manifest of a package, its stubs, and the files that its scripts name. */
int npm_mask(struct npm *n, struct recipe_unit *unit, struct manifest *package,
             struct failure *f) must_use;
int npm_lock(struct npm *n, struct recipe_unit *unit, const char *name,
             struct failure *f) must_use;

#endif
