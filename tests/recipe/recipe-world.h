/* SPDX-License-Identifier: Apache-2.0 */
/* A small tree of a test's own, and recipes of it. */
#ifndef CTXD_RECIPE_WORLD_H
#define CTXD_RECIPE_WORLD_H

#include "recipe-priv.h"

struct world {
    char path[64];
    int root;
    struct failure f;   /* of the last call that failed */
    struct notes notes; /* of the last world_prepare() */
};

/* Makes an empty directory; world_end() removes it. */
struct world world_new(void);
void world_end(struct world *w);

/* Writes a file, in directories that are made where they are missing. */
void world_put(const struct world *w, const char *path, struct bytes content);
void world_put_text(const struct world *w, const char *path, const char *text);
/* The content of a regular file, in the arena; {NULL, 0} if there is none. */
struct bytes world_get(const struct world *w, struct arena *a, const char *path);

/* Lists the tree and prepares its recipe. As recipe_prepare(). */
int world_prepare(struct world *w, const struct recipe_options *options, struct recipe **ret);
/* The same with no options; a failure is one of the test. */
struct recipe *world_recipe(struct world *w);

/* What a recipe holds: "cargo .: Cargo.lock Cargo.toml +src/main.rs; npm web: …", where a stub
 * has a plus. */
struct bytes recipe_shape(const struct recipe *recipe, struct arena *a);

#endif
