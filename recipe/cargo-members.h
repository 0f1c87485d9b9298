/* SPDX-License-Identifier: Apache-2.0 */
/* The crates of a workspace, and what their manifests say of dependencies and inheritance. */
#ifndef CTXD_CARGO_MEMBERS_H
#define CTXD_CARGO_MEMBERS_H

#include "cargo-priv.h"

/* The Cargo.toml of a directory, or NULL. */
struct manifest *cargo_manifest(struct cargo *c, struct bytes dir);
/* The table [package], or [project] as it was called once; or NULL. */
const struct value *cargo_package(const struct value *toml);
/* The workspace root that a manifest belongs to, as cargo searches it upwards; or NULL. */
struct manifest *cargo_find_root(struct cargo *c, struct manifest *m);

/*
 * Fills c->crates from c->root: first the members, then every crate that their paths, patches
 * and replacements lead to; sorted by path. Notes what is missing in the unit, unless it is
 * NULL.
 */
void cargo_members(struct cargo *c, struct recipe_unit *unit);
/* The crate of a directory, or NULL. */
struct crate *cargo_crate(const struct cargo *c, struct bytes dir);

/* Tells whether a key of [package] is inherited from the workspace: `key.workspace = true`. */
bool cargo_inherits(const struct value *toml, const char *key);
/* The value of a key of [package]; of [workspace.package] if it is inherited; or NULL. */
const struct value *cargo_inherited(const struct crate *crate, const char *key);

struct dependency {
    struct bytes key; /* the name in the manifest */
    struct value *spec;
    bool dev;
};
/* Lists every dependency of every table of a manifest, in the arena. */
void cargo_dependencies(struct arena *a, const struct value *toml, struct dependency **ret,
                        size_t *ret_n);
/*
 * Gives the directory that a dependency's path leads to. False if it has no path, or if the
 * path leaves the context (*ret_leaves). `root` is the root of the workspace of `of`.
 */
bool cargo_dependency_dir(struct cargo *c, const struct manifest *of,
                          const struct manifest *root, const struct dependency *d,
                          struct bytes *ret, bool *ret_leaves);
/* The name of the crate that a dependency means: its `package`, or its key. */
struct bytes cargo_dependency_name(const struct manifest *root, const struct dependency *d);

#endif
