/* SPDX-License-Identifier: Apache-2.0 */
/* Cargo: what its files share. Source of the rules: cargo 1.95 and its documentation. */
#ifndef CTXD_CARGO_PRIV_H
#define CTXD_CARGO_PRIV_H

#include "manifest.h"

/*
 * The version of every masked crate. It is part of cargo's hash of a unit, so a compiled stub
 * can never be taken for the real crate, and nothing has to be cleaned up; it is no version
 * that anybody has, also not 0.0.0, which a crate without one gets.
 */
#define CARGO_SENTINEL "0.0.0-ctx.skeleton"
/* What cargo-chef writes, in --chef-exact. */
#define CARGO_CHEF_VERSION "0.0.1"

enum target_kind {
    TARGET_LIB,
    TARGET_BIN,
    TARGET_TEST,
    TARGET_BENCH,
    TARGET_EXAMPLE,
    TARGET_BUILD
};

struct target {
    enum target_kind kind;
    struct bytes name, path; /* path: from the crate's directory, clean */
    struct value *given;     /* the table of the manifest, or NULL: discovered */
    bool proc_macro, no_harness;
};

struct crate {
    struct manifest *m;
    struct manifest *root; /* of its workspace; itself where it stands alone */
    struct bytes name;     /* at NULL: virtual */
    bool member;           /* of the unit's workspace */
    bool verbatim, maskable, wanted;
    struct target *targets;
    size_t n_targets, cap_targets;
};

struct lock_entry {
    struct bytes name, version, source; /* source at NULL: local */
    struct value *toml;
    struct crate *crate; /* of a local one */
    size_t *edges, n_edges, cap_edges;
    struct bytes masked; /* its version in the recipe */
    bool reached, wanted;
};

struct lock {
    struct value *toml; /* NULL: none */
    struct lock_entry *at;
    size_t n, cap, *stack; /* room for a walk over all of them */
    struct table by_name;  /* the first of a name; the others follow, since it is sorted */
    bool old;              /* version 1: edges name the source */
};

struct cargo {
    struct prepare *p;
    struct manifests manifests; /* every Cargo.toml */

    /* of the unit that is being made */
    struct manifest *root;
    struct crate **crates;
    size_t n_crates, cap_crates;
    struct table by_dir; /* -> struct crate * */
    struct lock lock;
    struct value *config; /* merged enough to ask for `paths` */
};

/* ---- cargo-members.c --------------------------------------------------------------- */

struct dependency {
    struct bytes key;
    struct value *spec;
    bool dev;
};
/* Every dependency of every table of a manifest. */
void cargo_dependencies(struct arena *a, const struct value *toml, struct dependency **ret,
                        size_t *ret_n);
/* Where a dependency's path leads, below the context's root; false where it has none (or
 * leaves: *ret_leaves). */
bool cargo_dependency_dir(struct cargo *c, const struct manifest *of,
                          const struct manifest *root, const struct dependency *d,
                          struct bytes *ret, bool *ret_leaves);
/* The crate's own name for what a dependency calls by key. */
struct bytes cargo_dependency_name(const struct manifest *root, const struct dependency *d);

struct manifest *cargo_manifest(struct cargo *c, struct bytes dir);
struct manifest *cargo_find_root(struct cargo *c, struct manifest *m);
const struct value *cargo_package(const struct value *toml); /* or its old name, [project] */
/* Fills c->crates from c->root: the members, then what their paths lead to. */
int cargo_members(struct cargo *c, struct recipe_unit *notes_for, struct failure *f) must_use;
struct crate *cargo_crate(const struct cargo *c, struct bytes dir);
/* A value of [package], or of the workspace where it is inherited. */
const struct value *cargo_inherited(const struct crate *crate, const char *key);
bool cargo_inherits(const struct value *toml, const char *key);

/* ---- the rest ---------------------------------------------------------------------- */

/* cargo-targets.c */
void cargo_targets(struct cargo *c, struct recipe_unit *unit, struct crate *crate);
/* cargo-lock.c */
int cargo_lock_read(struct cargo *c, struct recipe_unit *unit, struct failure *f) must_use;
void cargo_lock_verbatim(struct cargo *c);
bool cargo_lock_closure(struct cargo *c, struct recipe_unit *unit);
int cargo_lock_write(struct cargo *c, struct buf *to) must_use;
/* cargo-mask.c: the manifest of a crate as the recipe has it. */
int cargo_mask(struct cargo *c, const struct crate *crate, struct buf *to) must_use;
/* cargo-config.c: configuration, toolchain, and the files that they name. */
int cargo_config(struct cargo *c, struct recipe_unit *unit, struct failure *f) must_use;

#endif
