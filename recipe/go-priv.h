/* SPDX-License-Identifier: Apache-2.0 */
/* Go: what its files share. */
#ifndef CTXD_GO_PRIV_H
#define CTXD_GO_PRIV_H

#include "unit.h"

/* A line of go.mod or go.work, whether it stands in a block or not. */
struct go_directive {
    struct bytes verb;
    struct bytes words[6]; /* "A v1 => B v2" is the longest */
    size_t n;
};

struct go_module {
    struct bytes dir;
    struct go_directive *all;
    size_t n;
    bool main; /* built, not only required */
};

struct go {
    struct prepare *p;
    struct go_module *modules;
    size_t n_modules, cap_modules;
};

/* go-warm.c: a package that imports what the main modules import of others. */
void go_add_module(struct go *go, struct bytes dir, struct go_directive *all, size_t n,
                   bool main);
int go_warm(struct go *go, struct recipe_unit *unit, struct failure *f) must_use;

#endif
