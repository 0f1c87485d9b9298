/* SPDX-License-Identifier: Apache-2.0 */
/* npm, pnpm, yarn and bun: the structures that the files of this ecosystem share. */
#ifndef CTXD_NPM_PRIV_H
#define CTXD_NPM_PRIV_H

#include "manifest.h"

/* BERRY is yarn 2 and later. */
enum manager { MANAGER_NPM, MANAGER_PNPM, MANAGER_YARN, MANAGER_BERRY, MANAGER_BUN };

/* Marks of a manifest. */
enum {
    PACKAGE_CLAIMED = 1 << 0,      /* it belongs to the unit that is being made */
    PACKAGE_REAL_VERSION = 1 << 1, /* it keeps its version: another package asks for a range */
};

struct npm {
    struct prepare *p;
    struct manifests packages; /* every package.json */

    /* of the unit that is being made */
    struct manifest *root;
    struct manifest **of; /* the root, its members, and what they link to */
    size_t n_of, cap_of;
    enum manager manager;
    struct value *pnpm; /* pnpm-workspace.yaml, or NULL */
};

#endif
