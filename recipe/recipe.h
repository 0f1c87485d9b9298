/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe: manifests -> recipe -> skeleton.
 *
 * A recipe contains what an installer (cargo, npm, pip, …) needs to fetch and build the
 * dependencies of a project, and nothing that changes while the dependencies stay the same:
 * lock files, manifests without versions and descriptions, and stubs if the tool insists on
 * sources. A skeleton is a recipe written out as files. Both are made without cargo, npm or a
 * network. A unit is the part of a recipe that one run of an installer needs: a workspace, or a
 * package that stands alone.
 *
 *     r = listing_walk(root_fd, ignore, &listing, f);
 *     r = recipe_prepare(&listing, &options, notes, &recipe, f);
 *     r = recipe_write(recipe, &text, f);                  recipe-write.c has the format
 *     …
 *     r = recipe_read(name, text, &recipe, f);             checks everything
 *     r = recipe_cook(recipe, &(struct cook){.dir_fd = fd}, &stats, f);
 *
 * Thread: any, but only one at a time may use a listing or a recipe.
 */
#ifndef CTXD_RECIPE_H
#define CTXD_RECIPE_H

#include "ignore.h"

#include <errno.h>

/* ---- the context without what is ignored (listing.c) ------------------------------- */

enum listed_kind { LISTED_FILE, LISTED_DIR, LISTED_LINK };

struct listed {
    struct bytes path; /* clean, relative to the root */
    enum listed_kind kind;
    bool linked_file; /* of a link: it leads to a regular file of the context */
};

/*
 * Reads the file at `path` (NUL-terminated), following links. 0, or -errno with a message;
 * -E2BIG past to->max.
 */
typedef int listing_reader(void *context, struct bytes path, struct buf *to,
                           bool *ret_executable, struct failure *f);

struct listing {
    struct arena arena;
    int root_fd;            /* borrowed */
    listing_reader *reader; /* NULL: files are read from root_fd */
    void *reader_context;
    struct listed *at; /* sorted by path, bytewise, after listing_seal() */
    size_t n, cap;
};

#define cleanup_listing __attribute__((cleanup(listing_release)))
void listing_release(struct listing *l);

/*
 * Lists the directory root_fd without what `ignore` (may be NULL) excludes. Does not enter
 * directories that installers make (node_modules, target beside a Cargo.toml, .venv, …), those
 * of version control, and our own .ctx and .ctx-stub. -E2BIG past 4,000,000 entries, or an
 * error of the file system.
 */
int listing_walk(int root_fd, const struct ignore *ignore, struct listing *ret,
                 struct failure *f) must_use;
/* For a caller that has a tree already: adds entries in any order (paths are borrowed), then
 * seals the listing. Nothing may read the listing before it is sealed. */
void listing_add(struct listing *l, struct bytes path, enum listed_kind kind, bool linked_file);
void listing_seal(struct listing *l);

/* Tells what is at a path and, of a link, its target. False: nothing is there, or it is
 * excluded. */
typedef bool listing_look(void *context, struct bytes path, enum listed_kind *ret_kind,
                          struct bytes *ret_target);
/*
 * The regular file at a path, after following links as if the context were the root of the file
 * system. Only what `look` sees is followed, so an excluded file can't be reached through a
 * link. {NULL, 0}: there is none. The result is in the arena, or is the path itself.
 */
struct bytes listing_follow(struct arena *a, struct bytes path, listing_look *look,
                            void *context);

/* What a directory contains that decides about the directories in it: Cargo.toml, a project of
 * .NET, pyvenv.cfg. */
struct listing_beside {
    bool cargo, dotnet, venv;
};
/* Takes note of one name of the directory. */
void listing_look_beside(struct bytes name, struct listing_beside *beside);
/* Tells whether the directory `name` in `parent` is one that listing_walk() doesn't enter. */
bool listing_is_product(struct bytes name, struct bytes parent,
                        const struct listing_beside *beside);

/* ---- prepare ----------------------------------------------------------------------- */

struct recipe_options {
    const char *ecos; /* names of ecosystems, comma-separated; NULL: all */
    const char *dir;  /* only the units of this directory; NULL: all */

    /* Cargo */
    bool chef_exact;               /* what cargo-chef would write, with its lock corrected */
    bool tests, benches, examples; /* add stubs that make those targets build */
    bool keep_metadata;            /* [package.metadata] */
    const char *const *bins;       /* only what these packages or binaries need */
    size_t n_bins;

    /* others */
    bool ignore_scripts; /* npm, pnpm, yarn, bun: drop lifecycle scripts */
    bool go_warm;        /* Go: add a stub that compiles the imported packages */
    bool setup_raw;      /* Python: copy setup.py */
};

/* Checks options.ecos. -EINVAL: a name is unknown; the message lists the known ones. */
int recipe_check_ecos(const char *ecos, struct failure *f) must_use;

struct recipe;
void recipe_free(struct recipe *recipe);
/* Bytes of memory that the recipe takes. */
size_t recipe_bytes(const struct recipe *recipe);

/*
 * Makes a recipe of all units that are found. A manifest that can't be parsed is copied whole,
 * with a note and a warning. The caller owns *ret.
 *
 * -ENOENT: nothing was found; *ret is an empty recipe, which the caller owns, too.
 * -EINVAL: no package or binary has a name of options->bins; or the context has a path that a
 * recipe must not contain, such as one with a backslash.
 */
int recipe_prepare(struct listing *l, const struct recipe_options *options, struct notes *notes,
                   struct recipe **ret, struct failure *f) must_use;

/*
 * Units are numbered below recipe_units(). A digest is "sha256:…" over the contents, of all
 * units or of one; recipe-digest.c defines what it covers.
 */
#define RECIPE_DIGEST_TEXT 72
size_t recipe_units(const struct recipe *recipe);
struct bytes recipe_unit_eco(const struct recipe *recipe, size_t unit);
struct bytes recipe_unit_dir(const struct recipe *recipe, size_t unit); /* the root is "." */
void recipe_digest(const struct recipe *recipe, char text[RECIPE_DIGEST_TEXT]);
void recipe_unit_digest(const struct recipe *recipe, size_t unit,
                        char text[RECIPE_DIGEST_TEXT]);
/* The command that installs, for people: "cargo build --release --locked"; may be empty. */
struct bytes recipe_unit_hint(const struct recipe *recipe, size_t unit, struct arena *a);

/* Adds again the warnings that recipe_prepare() gave for this unit. */
void recipe_unit_warnings(const struct recipe *recipe, size_t unit, struct notes *notes);

/* ---- the file ---------------------------------------------------------------------- */

/* The recipe could do harm, or it is malformed; recipe_read() and recipe_cook() refuse it. */
#define RECIPE_UNSAFE (-EPERM)
/* The recipe has another version of the format. */
#define RECIPE_VERSION (-EPROTONOSUPPORT)
/* The directory beside a recipe that holds the contents which are too large for the file. */
#define RECIPE_BLOBS "ctx-recipe.blobs"

/* Appends the recipe as JSON; recipe-write.c has the format. -E2BIG past to->max. */
int recipe_write(const struct recipe *recipe, struct buf *to, struct failure *f) must_use;
/* Writes the large contents into dir_fd/RECIPE_BLOBS, each under its SHA-256. */
int recipe_write_blobs(const struct recipe *recipe, int dir_fd, struct failure *f) must_use;
bool recipe_has_blobs(const struct recipe *recipe);

/*
 * Reads a recipe of ours or of cargo-chef; `name` is the file in messages. Checks everything:
 * RECIPE_UNSAFE for a malformed recipe, and for paths that leave the directory, contradict each
 * other or are obeyed by other programs; RECIPE_VERSION for another version of the format. The
 * recipe borrows nothing; the caller owns *ret.
 */
int recipe_read(struct bytes name, struct bytes text, struct recipe **ret,
                struct failure *f) must_use;
/* Reads the large contents and checks their hashes. RECIPE_UNSAFE: one doesn't match. */
int recipe_read_blobs(struct recipe *recipe, int dir_fd, struct failure *f) must_use;

/* ---- the skeleton ------------------------------------------------------------------ */

/* The modification time of every file and directory of a skeleton, in seconds: 1980-01-02, the
 * day after the earliest that zip, and so a wheel of Python, can express. */
#define SKELETON_MTIME 315619200

struct cook {
    int dir_fd;        /* the directory to write to; borrowed */
    const char *eco;   /* only units of this ecosystem; NULL: all */
    const char *dir;   /* only units of this directory; NULL: all */
    bool no_std;       /* write Rust stubs for targets without an operating system */
    bool force;        /* also write to a directory that holds other files */
    bool no_journal;   /* don't write .ctx-stub/cook.journal */
    const char *spare; /* name of the recipe's own file, if it lies in the directory */
};

struct cook_stats {
    size_t n_written, n_same, n_removed;
};

/*
 * Writes the skeleton. Checks everything first, and writes nothing if it returns RECIPE_UNSAFE,
 * or -ENOTEMPTY (the directory holds a file that no cook wrote). A file that has the right
 * content already is not written again. A file that an earlier cook wrote, and that is not in
 * this skeleton, is removed if it is unchanged.
 */
int recipe_cook(const struct recipe *recipe, const struct cook *how, struct cook_stats *ret,
                struct failure *f) must_use;
/* Writes the same tree as a tar, which has the same bytes on every machine. */
int recipe_tar(const struct recipe *recipe, const struct cook *how, int out_fd,
               struct failure *f) must_use;

/* ---- in a stream (carried.c) --------------------------------------------------------- */

/* The directory of a streamed context that holds the recipe and its skeletons. */
#define RECIPE_CARRIED ".ctx"

struct carried {
    struct bytes path; /* ".ctx/cargo/root/Cargo.toml", NUL-terminated */
    struct bytes top;  /* of a unit ".ctx/cargo/root"; of the recipe itself ".ctx" */
    size_t unit;       /* SIZE_MAX: the recipe itself */
    unsigned mode;     /* 0644, 0755; 0777 of a link */
    bool is_link;
    struct bytes content; /* of a link its target; borrowed from the recipe or the arena */
};

/*
 * Lists the recipe's file, its large contents and a skeleton for each unit, sorted by path. The
 * list is in the arena. Directories are not listed.
 */
int recipe_carried(const struct recipe *recipe, struct arena *arena, struct carried **ret,
                   size_t *ret_n, struct failure *f) must_use;

/* ---- comparing --------------------------------------------------------------------- */

/*
 * Appends what changed between two recipes, a line each: "cargo . + serde 1.0.200", "- …",
 * "~ NAME OLD -> NEW", then the files and stubs that differ. Returns the number of lines; 0 if
 * the recipes are the same; -E2BIG past text->max.
 */
ssize_t recipe_diff(const struct recipe *from, const struct recipe *to, struct buf *text,
                    struct failure *f) must_use;

#endif
