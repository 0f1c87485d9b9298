/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `go mod download` fetches modules and doesn't compile them, and compiling takes longer. So
 * the skeleton may get a package .ctx-stub/gowarm, which imports everything that the sources of
 * the main modules import from other modules: building it fills the build cache. `./...` skips
 * directories that begin with a dot, so it is built only when it is named. It changes when the
 * set of imported packages changes.
 */
#ifndef CTXD_GO_WARM_H
#define CTXD_GO_WARM_H

#include "unit.h"

/* A line of go.mod or go.work, in a block or not. */
struct go_directive {
    struct bytes verb;
    struct bytes words[6]; /* "A v1 => B v2" is the longest directive */
    size_t n;
};

struct go_module {
    struct bytes dir;
    struct go_directive *all;
    size_t n;
    bool main; /* false: it only replaces a module that another one requires */
};

struct go {
    struct prepare *p;
    struct go_module *modules; /* of the unit that is being made */
    size_t n_modules, cap_modules;
};

/* Adds a module to go->modules; the directives are borrowed. */
void go_add_module(struct go *go, struct bytes dir, struct go_directive *all, size_t n,
                   bool main);
/* Adds the package to the unit for each main module, and the command that builds it. */
int go_warm(struct go *go, struct recipe_unit *unit, struct failure *f) must_use;

#endif
