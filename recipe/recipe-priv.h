/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipe from inside: its structure and its limits, for every file of this room. unit.h has
 * what fills one from a context; recipe-read.c fills one from a file.
 *
 * Everything that a recipe points to is in its arena, or is a literal. prepare.c sorts the
 * lists, so that equal contexts give equal bytes; a recipe that was read has them in the file's
 * order.
 */
#ifndef CTXD_RECIPE_PRIV_H
#define CTXD_RECIPE_PRIV_H

#include "formats.h"
#include "recipe.h"

/* The version of the file's format. A reader refuses any other. */
#define RECIPE_FORMAT 1
/* Parts of every digest. Raise them when manifests are masked in another way, or when a stub's
 * text changes: caches that are keyed by a digest are then made anew. */
#define RECIPE_MASK 1
#define RECIPE_STUBSET 1

/*
 * Bytes; larger contents lie beside the recipe in files of their own, because a JSON reader
 * holds the whole recipe in memory. Binary contents go there sooner, since base64 makes them
 * larger; text, which lock files are, may have 8 MiB.
 */
#define BLOB_FROM (256u << 10)
#define BLOB_TEXT_FROM (8u << 20)
/* Files and stubs of a recipe. */
#define RECIPE_FILES_MAX 200000
/* Bytes of all contents of a recipe, and of its JSON. */
#define RECIPE_BYTES_MAX (256u << 20)
/* Bytes of a path, and of one component: what Linux accepts. */
#define RECIPE_PATH_MAX 4096
#define RECIPE_NAME_MAX 255

struct recipe_file {
    struct bytes path; /* clean, relative to the context's root */
    unsigned mode;     /* 0644 or 0755; 0777 of a link */
    struct bytes content;
    bool is_link;
    struct bytes target; /* of a link */
    bool blob;           /* lies beside the recipe; content.at is NULL until it is read */
    uint64_t size;       /* bytes of the content, even if it is not read yet */
    struct sha256 hash;  /* of the content, or of the link's target */
};

struct recipe_stub {
    struct bytes path, kind; /* kind: as stubs.c names them, "rust-lib" */
};

struct recipe_unit {
    struct bytes eco, dir;             /* dir: "" is the root */
    size_t *files, n_files, cap_files; /* indices into recipe.files */
    size_t *stubs, n_stubs, cap_stubs; /* indices into recipe.stubs */
    struct bytes *install, *needs, *notes;
    size_t n_install, cap_install, n_needs, cap_needs, n_notes, cap_notes;
    struct bytes *after; /* shell lines to run after the sources have been copied */
    size_t n_after, cap_after;
};

/* ---- what cargo-chef reads --------------------------------------------------------- */

struct chef_target {
    struct bytes path, kind, name; /* kind: "Lib", "ProcMacro", "Bin", … */
};
struct chef_manifest {
    struct bytes path, contents;
    struct chef_target *targets;
    size_t n_targets, cap_targets;
};
struct chef {
    bool present;
    struct chef_manifest *manifests;
    size_t n_manifests, cap_manifests;
    struct bytes config, lock, toolchain; /* {NULL, 0}: none */
    bool toolchain_bare;                  /* the file is rust-toolchain, without .toml */
};

struct recipe {
    struct arena arena;
    struct recipe_file *files;
    size_t n_files, cap_files;
    struct recipe_stub *stubs;
    size_t n_stubs, cap_stubs;
    struct recipe_unit *units;
    size_t n_units, cap_units;
    struct chef chef;
};

/* ---- recipe.c ---------------------------------------------------------------------- */

/* The content that the chef's part has for a path, or {NULL, 0}. */
struct bytes chef_text(const struct chef *chef, struct bytes path);
/* Warns the user: "cargo in the root: TEXT". */
void recipe_unit_warn(const struct recipe_unit *unit, struct bytes text, struct notes *notes);

#endif
