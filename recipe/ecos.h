/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ecosystems, as a list: prepare.c asks each of them for its units, diff.c for the
 * dependencies that a lock file lists. A new one is a `const struct eco` in a file of its own,
 * declared here and added to the list in ecos.c.
 */
#ifndef CTXD_ECOS_H
#define CTXD_ECOS_H

#include "recipe-priv.h"

struct prepare;

struct eco {
    const char *name; /* as in --eco and in the recipe */
    /*
     * Finds the ecosystem's units in p->l and adds them to p->recipe, with their files. A
     * manifest that can't be parsed is no failure: it is copied, with a note. Fails only if the
     * context can't be read, or if something is too large.
     */
    int (*find)(struct prepare *p, struct failure *f);
    /*
     * Reads a file of a unit and puts NAME -> VERSION (strings) into the map `into`, which
     * borrows from the file and from `pool`. False if the file lists no dependencies.
     */
    bool (*list)(struct values *pool, const struct recipe_file *file, struct value *into);
};

extern const struct eco eco_cargo, eco_dotnet, eco_elixir, eco_go, eco_gradle, eco_maven,
    eco_npm, eco_php, eco_python, eco_ruby;

/* All of them, sorted by name. */
extern const struct eco *const ecos[];
extern const size_t n_ecos;

#endif
