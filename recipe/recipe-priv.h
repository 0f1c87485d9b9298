/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of recipe/ share: the recipe as it is made, and what ecosystems see. */
#ifndef CTXD_RECIPE_PRIV_H
#define CTXD_RECIPE_PRIV_H

#include "formats.h"
#include "recipe.h"

/* ---- the context ------------------------------------------------------------------- */

struct listed *listing_find(const struct listing *l, struct bytes path);
bool listing_is_file(const struct listing *l, struct bytes path);
bool listing_is_dir(const struct listing *l, struct bytes path);
/* Entries [first, end) lie below dir, at any depth. */
void listing_below(const struct listing *l, struct bytes dir, size_t *ret_first,
                   size_t *ret_end);
/* Of entry i below dir, the path from there; whether it lies directly in it. */
bool listing_child(const struct listing *l, struct bytes dir, size_t i, struct bytes *ret_name);
/* ret_executable may be NULL. */
int listing_read(const struct listing *l, struct arena *a, struct bytes path, size_t max,
                 struct bytes *ret, bool *ret_executable, struct failure *f) must_use;

/* ---- the recipe -------------------------------------------------------------------- */

/* Raised when what we write changes, so that caches keyed by a digest follow. */
#define RECIPE_FORMAT 1
#define RECIPE_MASK 1
#define RECIPE_STUBSET 1

/* Larger contents lie beside the recipe, as a JSON reader holds all of it in memory: what would
 * be base64 sooner than text, which lock files are. */
#define BLOB_FROM (256u << 10)
#define BLOB_TEXT_FROM (8u << 20)
#define RECIPE_FILES_MAX 200000
#define RECIPE_BYTES_MAX (256u << 20)
#define RECIPE_PATH_MAX 4096
#define RECIPE_NAME_MAX 255

struct recipe_file {
    struct bytes path; /* below the context's root, clean */
    unsigned mode;     /* 0644 or 0755 */
    struct bytes content;
    bool is_link;
    struct bytes target;
    bool blob;     /* lies beside the recipe; content.at may be NULL */
    uint64_t size; /* of content, also where that is not loaded */
    struct sha256 hash;
};

struct recipe_stub {
    struct bytes path, kind;
};

struct recipe_unit {
    struct bytes eco, dir; /* dir: "" the root */
    size_t *files, n_files, cap_files;
    size_t *stubs, n_stubs, cap_stubs;
    struct bytes *install, *needs, *notes;
    size_t n_install, cap_install, n_needs, cap_needs, n_notes, cap_notes;
    struct bytes *after; /* a shell line each, after the sources came */
    size_t n_after, cap_after;
};

/* What cargo-chef reads. */
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
    struct bytes config, lock, toolchain; /* at NULL: none */
    bool toolchain_bare;                  /* rust-toolchain, without .toml */
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

/* The skeleton's content of a path, or {NULL, 0}. */
struct bytes chef_text(const struct chef *chef, struct bytes path);
/* The text of a stub; {NULL, 0} for a kind that we don't know. */
struct bytes stub_text(struct bytes kind, bool no_std);

/* Whether a path may be written: RECIPE_UNSAFE with the reason. */
int path_safe(struct bytes path, struct failure *f) must_use;
/* Checks every path, and each against all. */
int recipe_check(const struct recipe *recipe, struct failure *f) must_use;

/* A file of a skeleton, whatever it comes from. */
struct item {
    struct bytes path;
    unsigned mode;
    bool is_link;
    struct bytes content; /* or the target */
};
/* The files of the chosen units, by path; twice the same is once, a contradiction fails. */
int recipe_items(const struct recipe *recipe, const struct cook *how, struct arena *a,
                 struct item **ret, size_t *ret_n, struct failure *f) must_use;

int base64_write(struct bytes from, struct buf *to) must_use;
int base64_read(struct arena *a, struct bytes text, struct bytes *ret) must_use;

/* ---- preparing --------------------------------------------------------------------- */

struct prepare {
    struct listing *l;
    const struct recipe_options *options;
    struct notes *notes;
    struct recipe *recipe;
    struct values values; /* of all manifests; its arena also serves what is made on the way */
    struct table claimed; /* manifests that belong to some unit */
    struct table placed;  /* files of units */
    struct table bins;    /* names of options->bins that some unit has */
};

struct eco {
    const char *name;
    /* Adds the units it finds. Fails only where the context can't be read. */
    int (*find)(struct prepare *p, struct failure *f);
    /* NAME VERSION pairs of a file of its units, for diff; NULL, or false: not such a file. */
    bool (*list)(struct values *pool, const struct recipe_file *file, struct value *into);
};
extern const struct eco eco_cargo, eco_dotnet, eco_elixir, eco_go, eco_gradle, eco_maven,
    eco_npm, eco_php, eco_python, eco_ruby;
extern const struct eco *const ecos[];
extern const size_t n_ecos;

/* A unit, or NULL where the options don't want it. dir is copied. Valid until the next. */
struct recipe_unit *unit_new(struct prepare *p, const char *eco, struct bytes dir);
/* Takes content that lives as long as p->recipe's arena or is copied into it. */
void unit_file(struct prepare *p, struct recipe_unit *unit, struct bytes path, unsigned mode,
               struct bytes content);
/* Gives a file that was added its content, where that is known only now. */
void file_content(struct prepare *p, struct recipe_file *file, struct bytes content);
/* The context's own file, as it is; a link as a link. Not there: nothing. */
int unit_raw(struct prepare *p, struct recipe_unit *unit, struct bytes path,
             struct failure *f) must_use;
/* Everything below a directory that is kept. */
int unit_raw_tree(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                  struct failure *f) must_use;
bool unit_has(struct prepare *p, const struct recipe_unit *unit, struct bytes path);
void unit_stub(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               const char *kind);
/* A note of the recipe, and a warning to the person. Must not hold what changes with sources.
 */
void unit_note(struct prepare *p, struct recipe_unit *unit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Words up to a NULL. */
void unit_install(struct prepare *p, struct recipe_unit *unit, const char *const *words);
void unit_needs(struct prepare *p, struct recipe_unit *unit, const char *tool);
void unit_after(struct prepare *p, struct recipe_unit *unit, const char *line);

/* Whether a pattern of components (`*`, `?`, `[a]`, and `**` for any number of them) matches
 * all of a path; hidden: wildcards match a leading dot too. */
bool path_glob(struct bytes pattern, struct bytes path, bool hidden);
struct bytes prepare_printf(struct prepare *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Reads a file of the context into the pool; -E2BIG and such are failures. */
int prepare_read(struct prepare *p, struct bytes path, struct bytes *ret,
                 struct failure *f) must_use;
/* For ecosystems whose files are chosen by exact name: true where entry i is a candidate. */
bool listed_named(const struct listing *l, size_t i, const char *name);

/* ---- text (text.c) ----------------------------------------------------------------- */

struct bytes text_lf(struct arena *a, struct bytes text);
bool text_has(struct bytes in, const char *what);
bool text_has_nocase(struct bytes in, const char *what);
struct bytes text_without_logins(struct arena *a, struct bytes text, bool *ret_found);
/* A manifest as it was changed, without credentials in its URLs. secret: one was left out
 * before. */
int unit_json(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f) must_use;
int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f) must_use;
/* A text file as it is, but for CR LF and credentials in its URLs. Not there: nothing. */
int unit_text(struct prepare *p, struct recipe_unit *unit, struct bytes path,
              struct failure *f) must_use;
enum line_verdict {
    LINE_KEEP,
    LINE_DROP,
    LINE_SECRET, /* dropped, and told */
};
/*
 * A file of settings, a line each: without blank lines, comments ('#', ';', '!'), credentials
 * in URLs and what `judge` says. A line that ends in a backslash is judged joined with what
 * follows, and stays or goes with it: in a format that doesn't join them nothing is lost by
 * that but a line beside a secret. Not there: nothing. Source: java.util.Properties, load.
 */
int unit_lines(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               enum line_verdict (*judge)(struct bytes line, void *context), void *context,
               struct failure *f) must_use;
void unit_secret(struct prepare *p, struct recipe_unit *unit, struct bytes path);
int unit_script_files(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                      struct bytes script, struct failure *f) must_use;
/* Whether a directory gets a unit although nothing is locked in it. */
bool unit_worth(struct prepare *p, struct bytes dir);
struct bytes prepare_path(struct prepare *p, struct bytes dir, const char *name);
/* Directories with a file of this name, shallow ones first. */
struct bytes *prepare_dirs(struct prepare *p, const char *name, size_t *ret_n);
bool prepare_has(struct prepare *p, struct bytes dir, const char *name);

#endif
