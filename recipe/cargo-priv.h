/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cargo: the structures that its files share. Source of the rules: cargo 1.95 and its
 * documentation.
 */
#ifndef CTXD_CARGO_PRIV_H
#define CTXD_CARGO_PRIV_H

#include "manifest.h"

/*
 * The version of every masked crate. It is part of cargo's hash of a compiled crate, so cargo
 * can never take a compiled stub for the real crate, and nothing has to be cleaned up. No real
 * crate has this version; 0.0.0 would not do, because a crate without a version gets that.
 */
#define CARGO_SENTINEL "0.0.0-ctx.skeleton"
/* The same as cargo-chef writes it, for --chef-exact. */
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
    struct bytes name, path; /* path: clean, relative to the crate's directory */
    struct value *given;     /* its table in the manifest; NULL: cargo discovers it */
    bool proc_macro, no_harness;
};

struct crate {
    struct manifest *m;
    struct manifest *root; /* of its workspace; m if it stands alone */
    struct bytes name;     /* {NULL, 0}: a virtual workspace, without a package */
    bool member;           /* of the unit's workspace */
    bool verbatim;         /* it keeps its sources, because an external crate depends on it */
    bool maskable;         /* its version can be replaced by the sentinel */
    bool wanted;           /* --bin keeps it; without --bin every crate is wanted */
    struct target *targets;
    size_t n_targets, cap_targets;
};

struct lock_entry {
    struct bytes name, version, source; /* source: {NULL, 0} of a local crate */
    struct value *toml;
    struct crate *crate;               /* of a local entry; NULL if it is not in the context */
    size_t *edges, n_edges, cap_edges; /* the entries that it depends on */
    struct bytes masked;               /* its version in the recipe */
    bool reached;                      /* an external crate is compiled against it */
    bool wanted;                       /* as crate.wanted, of external crates too */
};

struct lock {
    struct value *toml;    /* NULL: there is none, or it can't be parsed */
    struct lock_entry *at; /* sorted by name, version, source */
    size_t n, cap;
    size_t *stack;        /* room for a walk over all entries */
    struct table by_name; /* -> the first entry of a name; the others follow it */
    bool old;             /* version 1 of the format: edges always name the source */
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
    struct value *config; /* .cargo/config.toml of the root, for its `paths`; or NULL */
};

#endif
