/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe: manifests -> recipe -> skeleton.
 *
 * A recipe is what an ecosystem's installer needs to fetch and build dependencies, and nothing
 * that changes while they don't: manifests masked of versions and descriptions, lock files, and
 * stubs where the tool insists on sources. It is made without cargo, npm or a network.
 *
 *     r = listing_walk(root_fd, ignore, &listing, f);
 *     r = recipe_prepare(&listing, &options, notes, &recipe, f);
 *     r = recipe_write(recipe, &text, f);                  recipe-write.c has the format
 *     …
 *     r = recipe_read(name, text, &recipe, f);             hostile until it has passed
 *     r = recipe_cook(recipe, &(struct cook){.dir_fd = fd}, &stats, f);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_RECIPE_H
#define CTXD_RECIPE_H

#include "ignore.h"

/* ---- the context, as the ignore rules leave it (listing.c) ------------------------- */

enum listed_kind { LISTED_FILE, LISTED_DIR, LISTED_LINK };

struct listed {
    struct bytes path; /* below the root, clean */
    enum listed_kind kind;
    bool linked_file; /* a link that leads to a regular file of the context */
};

/*
 * Reads the file that is listed at `path` (NUL-terminated), or that a link there leads to.
 * 0, or -errno with a message. -E2BIG past to->max.
 */
typedef int listing_reader(void *context, struct bytes path, struct buf *to,
                           bool *ret_executable, struct failure *f);

struct listing {
    struct arena arena;
    int root_fd;            /* borrowed */
    listing_reader *reader; /* NULL: from root_fd */
    void *reader_context;
    struct listed *at;
    size_t n, cap; /* sorted by path, bytewise, once listing_seal() was called */
};

#define cleanup_listing __attribute__((cleanup(listing_release)))
void listing_release(struct listing *l);

/*
 * Lists what is kept of the directory root_fd; `ignore` may be NULL. Not entered: what
 * installers make (node_modules, target beside a Cargo.toml, .venv, …), version control, and
 * .ctx, .ctx-stub of our own. -E2BIG past LISTING_MAX entries, errors of the file system.
 */
int listing_walk(int root_fd, const struct ignore *ignore, struct listing *ret,
                 struct failure *f) must_use;
/* By hand, for who has a tree already: paths (borrowed) in any order, then the seal. */
void listing_add(struct listing *l, struct bytes path, enum listed_kind kind, bool linked_file);
void listing_seal(struct listing *l);

/* What is seen at a path, and where a link there leads; false: nothing. */
typedef bool listing_look(void *context, struct bytes path, enum listed_kind *ret_kind,
                          struct bytes *ret_target);
/*
 * The regular file that a path or the links there lead to, followed as if the context were the
 * root of the file system, and through nothing that `look` doesn't see: what is excluded stays
 * so. {NULL}: none. In the arena, or the path itself.
 */
struct bytes listing_follow(struct arena *a, struct bytes path, listing_look *look,
                            void *context);

/* The names of one directory that change what its neighbours are. */
struct listing_beside {
    bool cargo, dotnet, venv;
};
void listing_look_beside(struct bytes name, struct listing_beside *beside);
/* Whether a directory `name` in `parent` is what listing_walk() doesn't enter. */
bool listing_is_product(struct bytes name, struct bytes parent,
                        const struct listing_beside *beside);

/* ---- prepare ----------------------------------------------------------------------- */

struct recipe_options {
    const char *ecos; /* names, comma-separated; NULL: all */
    const char *dir;  /* only the units of this directory; NULL: all */

    /* Cargo */
    bool chef_exact;               /* what cargo-chef would say, its lock edges mended */
    bool tests, benches, examples; /* stubs that make those targets build */
    bool keep_metadata;
    const char *const *bins; /* packages or binaries: only what they need */
    size_t n_bins;

    /* others */
    bool ignore_scripts; /* npm and its kin: lifecycle scripts are dropped */
    bool go_warm;        /* a stub that compiles the imported packages */
    bool setup_raw;      /* Python: setup.py as it is */
};

/* -EINVAL: a name of options.ecos is none; the message has all that there are. */
int recipe_check_ecos(const char *ecos, struct failure *f) must_use;

struct recipe;
void recipe_free(struct recipe *recipe);
/* Memory it takes. */
size_t recipe_bytes(const struct recipe *recipe);

/*
 * Makes the recipe of all that is found. What can't be parsed is copied whole, with a note and
 * a warning. *ret is the caller's. -ENOENT: nothing was found, with an empty recipe in *ret.
 * -EINVAL: no package or binary has a name of options->bins, or paths of the context that no
 * recipe may have.
 */
int recipe_prepare(struct listing *l, const struct recipe_options *options, struct notes *notes,
                   struct recipe **ret, struct failure *f) must_use;

/* "sha256:…" over the contents; of a unit where `unit` is below recipe_units(). */
#define RECIPE_DIGEST_TEXT 72
size_t recipe_units(const struct recipe *recipe);
struct bytes recipe_unit_eco(const struct recipe *recipe, size_t unit);
struct bytes recipe_unit_dir(const struct recipe *recipe, size_t unit); /* "." the root */
void recipe_digest(const struct recipe *recipe, char text[RECIPE_DIGEST_TEXT]);
void recipe_unit_digest(const struct recipe *recipe, size_t unit,
                        char text[RECIPE_DIGEST_TEXT]);
/* How to install, for people: "cargo build --release --locked"; may be empty. */
struct bytes recipe_unit_hint(const struct recipe *recipe, size_t unit, struct arena *a);

/* What recipe_prepare() warned of this unit, once more. */
void recipe_unit_warnings(const struct recipe *recipe, size_t unit, struct notes *notes);

/* ---- the file ---------------------------------------------------------------------- */

/* What recipe_read and the skeleton writers refuse. */
#define RECIPE_UNSAFE (-EPERM)
#define RECIPE_VERSION (-EPROTONOSUPPORT)
/* Beside the recipe, where contents lie that are too large for it. */
#define RECIPE_BLOBS "ctx-recipe.blobs"

int recipe_write(const struct recipe *recipe, struct buf *to, struct failure *f) must_use;
/* Writes the large contents into dir_fd/RECIPE_BLOBS, each under its SHA-256. */
int recipe_write_blobs(const struct recipe *recipe, int dir_fd, struct failure *f) must_use;
bool recipe_has_blobs(const struct recipe *recipe);

/*
 * Reads a recipe of ours or of cargo-chef, and checks all of it before anything is used:
 * RECIPE_UNSAFE for paths that leave, contradict or hide, RECIPE_VERSION for a later format.
 * Borrows nothing.
 */
int recipe_read(struct bytes name, struct bytes text, struct recipe **ret,
                struct failure *f) must_use;
/* Reads and checks the large contents. */
int recipe_read_blobs(struct recipe *recipe, int dir_fd, struct failure *f) must_use;

/* ---- the skeleton ------------------------------------------------------------------ */

/* Of every file and directory of a skeleton: 1980-01-02, which zip and wheels can still say. */
#define SKELETON_MTIME 315619200

struct cook {
    int dir_fd;      /* where to; borrowed */
    const char *eco; /* NULL: all units */
    const char *dir; /* NULL: all units */
    bool no_std;     /* Rust stubs for targets without an operating system */
    bool force;      /* into a directory that holds other things */
    bool no_journal;
    const char *spare; /* the recipe's own file name, when it lies in the directory */
};

struct cook_stats {
    size_t n_written, n_same, n_removed;
};

/*
 * Writes the skeleton. Checks everything first: RECIPE_UNSAFE with nothing written; -ENOTEMPTY
 * where the directory holds what no cook put there. Content that is there already is not
 * written again; what an earlier cook wrote and this one doesn't is removed if unchanged.
 */
int recipe_cook(const struct recipe *recipe, const struct cook *how, struct cook_stats *ret,
                struct failure *f) must_use;
/* The same tree as a tar, the same bytes on every machine. */
int recipe_tar(const struct recipe *recipe, const struct cook *how, int out_fd,
               struct failure *f) must_use;

/* ---- in a stream (carried.c) --------------------------------------------------------- */

/* Where the context has them. */
#define RECIPE_CARRIED ".ctx"

struct carried {
    struct bytes path; /* ".ctx/cargo/root/Cargo.toml", NUL-terminated */
    struct bytes top;  /* ".ctx/cargo/root"; ".ctx" for the recipe itself */
    size_t unit;       /* SIZE_MAX: the recipe itself */
    unsigned mode;     /* 0644, 0755; 0777 of a link */
    bool is_link;
    struct bytes content; /* or the target; the recipe's or the arena's */
};

/* The recipe's file and a skeleton for each unit, by path. Directories are not listed. */
int recipe_carried(const struct recipe *recipe, struct arena *arena, struct carried **ret,
                   size_t *ret_n, struct failure *f) must_use;

/* ---- comparing --------------------------------------------------------------------- */

/*
 * What changed between two recipes, a line each: "cargo . + serde 1.0.200", "- …", "~ NAME OLD
 * -> NEW", and files whose difference no dependency explains. Returns the lines, 0: the same.
 */
ssize_t recipe_diff(const struct recipe *from, const struct recipe *to, struct buf *text,
                    struct failure *f) must_use;

#endif
