/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units while they are made. An ecosystem looks at the listing of the context, makes a unit for
 * each project that it finds, and fills it with the functions below:
 *
 *     struct recipe_unit *unit = unit_new(p, "elixir", dir);
 *     if (!unit)
 *         return 0;                                    the options don't ask for it
 *     unit_needs(p, unit, "mix");
 *     unit_install(p, unit, (const char *const[]){"mix", "deps.get", NULL});
 *     r = unit_raw(p, unit, prepare_path(p, dir, "mix.lock"), f);
 *
 * Files may be added in any order: prepare.c sorts them at the end. A file that is added twice
 * stays as it was added first. Paths are clean and relative to the context's root; a path that
 * is not in the listing adds nothing and is no failure.
 *
 * Thread: any, but only one at a time may use a struct prepare.
 */
#ifndef CTXD_UNIT_H
#define CTXD_UNIT_H

#include "listing.h"
#include "recipe-priv.h"

/* One run of recipe_prepare(). */
struct prepare {
    struct listing *l;
    const struct recipe_options *options;
    struct notes *notes;
    struct recipe *recipe;
    /* The manifests that were parsed. Its arena also holds everything else that is needed only
     * until recipe_prepare() returns, such as the paths that prepare_path() makes. */
    struct values values;
    struct table claimed;  /* set of paths: manifests that belong to a unit already */
    struct table placed;   /* set of "UNIT:PATH": the files of all units */
    struct table bins;     /* set of the names in options->bins that some unit has */
    struct table scrubbed; /* path -> struct scrubbed *: what was read and held a credential */
    struct table told;     /* set of "UNIT:PATH": whose credentials the user was told of */
};

/* ---- units ------------------------------------------------------------------------- */

/*
 * The unit of an ecosystem in a directory ("" is the root), made if there is none; NULL if the
 * options exclude it. `eco` must be a literal, `dir` is copied. The next call may move all
 * units, which makes earlier pointers invalid.
 */
struct recipe_unit *unit_new(struct prepare *p, const char *eco, struct bytes dir);
bool unit_has(struct prepare *p, const struct recipe_unit *unit, struct bytes path);

/*
 * Adds a file with the given content and mode (0644 or 0755). Everything is copied. This is the
 * way of every file that is not vendored, so its credentials are cut out here once more, as far
 * as they became readable only by parsing (escapes, encodings); a file that is a credential is
 * not added. Either way the unit gets a note.
 */
void unit_file(struct prepare *p, struct recipe_unit *unit, struct bytes path, unsigned mode,
               struct bytes content);
/* Replaces the content of a file that unit_file() added; as there. */
void unit_set_content(struct prepare *p, struct recipe_unit *unit, struct recipe_file *file,
                      struct bytes content);
/*
 * Adds a file of the context, byte for byte but for credentials. A link is added as a link; one
 * that leaves the context is left out, with a note. Fails if it can't be read or exceeds
 * RECIPE_BYTES_MAX.
 */
int unit_raw(struct prepare *p, struct recipe_unit *unit, struct bytes path,
             struct failure *f) must_use;
/* unit_raw() of everything that is listed below a directory. */
int unit_raw_tree(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                  struct failure *f) must_use;
/* The same of copies of published packages. Their checksums are known to a lock file, so they
 * are added byte for byte, credentials and all. */
int unit_vendored_tree(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                       struct failure *f) must_use;
/* Adds a stub in place of a source; `kind` is a literal that stubs.c knows. */
void unit_stub(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               const char *kind);

/*
 * Adds a note to the unit, and warns the user with the same text. The text is part of the
 * recipe's file, so it must not mention anything that changes when only sources change.
 */
void unit_note(struct prepare *p, struct recipe_unit *unit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the command that installs the dependencies: words (literals), then NULL. */
void unit_install(struct prepare *p, struct recipe_unit *unit, const char *const *words);
/* Sets the program that the command needs; a literal. */
void unit_needs(struct prepare *p, struct recipe_unit *unit, const char *tool);
/* Adds a shell line to run after the sources have been copied. Copied. */
void unit_after(struct prepare *p, struct recipe_unit *unit, const char *line);

/* ---- finding ----------------------------------------------------------------------- */

/* Tells whether --eco, as options->ecos has it, includes an ecosystem. */
bool prepare_wants(const struct recipe_options *options, const char *eco);
/* DIR/NAME, in the arena of p->values. */
struct bytes prepare_path(struct prepare *p, struct bytes dir, const char *name);
/* Formatted text, NUL-terminated, in the same arena; cut at 8,191 bytes. */
struct bytes prepare_printf(struct prepare *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Tells whether DIR/NAME is a regular file, or a link that leads to one. */
bool prepare_has(struct prepare *p, struct bytes dir, const char *name);
/* Reads a file of the context into the same arena, without its credentials (scrub.h), so that
 * neither a manifest nor a message about it can contain one. -E2BIG past MANIFEST_MAX, or as
 * read. */
int prepare_read(struct prepare *p, struct bytes path, struct bytes *ret,
                 struct failure *f) must_use;
/* The same with another maximum, in bytes, and whether the file is executable. */
int prepare_read_file(struct prepare *p, struct bytes path, size_t max, struct bytes *ret,
                      bool *ret_executable, struct failure *f) must_use;
/* The directories with a file of this name, shallow ones first; in the same arena. */
struct bytes *prepare_dirs(struct prepare *p, const char *name, size_t *ret_n);
/* Sorts directories: shallow ones first, so that a workspace comes before its members. */
void prepare_sort_dirs(struct bytes *dirs, size_t n);

/* Tells whether a directory deserves a unit without a lock file: the root of the context does,
 * and so does the directory that --dir names. */
bool unit_worth(struct prepare *p, struct bytes dir);
/*
 * Calls make() for each directory with the manifest `marker`, shallow ones first, until one
 * fails. Skips a directory whose manifest is in p->claimed. A directory with neither the file
 * `lock` nor unit_worth() is probably an example or test data: it is used only if there is no
 * other.
 */
int unit_each(struct prepare *p, const char *marker, const char *lock,
              int (*make)(struct prepare *p, struct bytes dir, struct failure *f),
              struct failure *f) must_use;

#endif
