/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cargo: decides which manifests make a unit, and collects its files. A workspace is a unit,
 * and so is a package that stands alone; a member of a workspace and a vendored crate is none.
 */
#include "cargo-config.h"
#include "cargo-lock.h"
#include "cargo-mask.h"
#include "cargo-members.h"
#include "cargo-targets.h"
#include "ecos.h"
#include "unit.h"

/* Bytes. A crate that is copied whole and is larger gets a warning: it contains data, not only
 * sources. */
#define VERBATIM_WARN (8u << 20)

static int cargo_read_manifests(struct cargo *c, struct failure *f)
{
    int r = manifests_read(c->p, "Cargo.toml", toml_read, &c->manifests, f);
    for (size_t i = 0; i < c->manifests.n; i++)
        if (!c->manifests.at[i]->value)
            notes_add(c->p->notes, NOTE_INFO, "%.*s", BYTES_ARG(c->manifests.at[i]->wrong));
    manifests_sort(&c->manifests);
    return r;
}

/* ---- files of a crate -------------------------------------------------------------- */

/* Adds every file of a package, but not of packages nested in it. */
static int cargo_add_verbatim(struct cargo *c, struct recipe_unit *unit,
                              const struct crate *crate, struct failure *f)
{
    struct prepare *p = c->p;
    size_t first, end;
    int r = 0;
    uint64_t before = 0, after = 0;
    for (size_t i = 0; i < p->recipe->n_files; i++)
        before += p->recipe->files[i].size;
    listing_below(p->l, crate->m->dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        struct bytes path = p->l->at[i].path, dir = path_dir(path);
        bool nested = false;
        while (dir.len > crate->m->dir.len && !nested) {
            nested = cargo_manifest(c, dir) != NULL;
            dir = path_dir(dir);
        }
        if (!nested)
            r = unit_raw(p, unit, path, f);
    }
    for (size_t i = 0; i < p->recipe->n_files; i++)
        after += p->recipe->files[i].size;
    if (after - before > VERBATIM_WARN)
        unit_note(p, unit,
                  "%s is copied whole, since a patch makes external crates depend on it: "
                  "more than %u MiB",
                  QUOTE(crate->m->path), VERBATIM_WARN >> 20);
    return r;
}

static const char *cargo_stub_kind(const struct target *t)
{
    switch (t->kind) {
    case TARGET_LIB:
        return t->proc_macro ? "rust-proc-macro" : "rust-lib";
    case TARGET_BUILD:
        return "rust-build";
    case TARGET_TEST:
    case TARGET_BENCH:
        return t->no_harness ? "rust-bin" : "rust-test";
    case TARGET_BIN:
    case TARGET_EXAMPLE:
        break;
    }
    return "rust-bin";
}

static bool cargo_is_default_target(enum target_kind kind)
{
    return kind == TARGET_LIB || kind == TARGET_BIN || kind == TARGET_BUILD;
}

static void cargo_add_stubs(struct cargo *c, struct recipe_unit *unit,
                            const struct crate *crate)
{
    const struct recipe_options *options = c->p->options;
    struct arena *a = &c->p->values.arena;
    bool seen[TARGET_BUILD + 1] = {false};
    for (size_t i = 0; i < crate->n_targets; i++) {
        const struct target *t = &crate->targets[i];
        seen[t->kind] = true;
        struct bytes path;
        if ((options->chef_exact || cargo_is_default_target(t->kind)) &&
            path_resolve(&c->p->values.arena, crate->m->dir, t->path, &path))
            unit_stub(c->p, unit, path, cargo_stub_kind(t));
    }
    const struct {
        bool asked;
        const char *path, *kind;
    } synthetic[] = {
        {options->tests && seen[TARGET_TEST], ".ctx-stub/test.rs", "rust-test"},
        {options->benches && seen[TARGET_BENCH], ".ctx-stub/bench.rs", "rust-test"},
        {options->examples && seen[TARGET_EXAMPLE], ".ctx-stub/example.rs", "rust-bin"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(synthetic) && !options->chef_exact; i++)
        if (synthetic[i].asked)
            unit_stub(c->p, unit, path_join(a, crate->m->dir, bytes_of(synthetic[i].path)),
                      synthetic[i].kind);
}

/* ---- cargo-chef's part ------------------------------------------------------------- */

static void cargo_chef_target(struct cargo *c, struct chef_manifest *m, struct bytes path,
                              const char *kind, struct bytes name)
{
    struct arena *a = &c->p->recipe->arena;
    *ARENA_PUSH(a, m->targets, &m->n_targets, &m->cap_targets) =
        (struct chef_target){arena_copy(a, path), bytes_of(kind), arena_copy(a, name)};
}

static void cargo_chef_manifest(struct cargo *c, const struct crate *crate,
                                struct bytes contents)
{
    static const char *const kinds[] = {"Lib",   "Bin",     "Test",
                                        "Bench", "Example", "BuildScript"};
    const struct recipe_options *options = c->p->options;
    struct recipe *recipe = c->p->recipe;
    struct arena *a = &recipe->arena;
    struct chef_manifest *m = ARENA_PUSH(a, recipe->chef.manifests, &recipe->chef.n_manifests,
                                         &recipe->chef.cap_manifests);
    m->path = arena_copy(a, crate->m->path);
    m->contents = arena_copy(a, contents);
    if (!crate->wanted)
        return; /* only the workspace of this root is left */
    for (size_t i = 0; i < crate->n_targets; i++) {
        const struct target *t = &crate->targets[i];
        if (options->chef_exact || cargo_is_default_target(t->kind))
            cargo_chef_target(c, m, t->path, t->proc_macro ? "ProcMacro" : kinds[t->kind],
                              t->name);
    }
    const struct {
        bool asked;
        enum target_kind kind;
        const char *name;
    } synthetic[] = {{options->tests, TARGET_TEST, "test"},
                     {options->benches, TARGET_BENCH, "bench"},
                     {options->examples, TARGET_EXAMPLE, "example"}};
    for (size_t i = 0; i < ARRAY_SIZE(synthetic) && !options->chef_exact; i++) {
        bool any = false;
        for (size_t j = 0; j < crate->n_targets; j++)
            any |= crate->targets[j].kind == synthetic[i].kind;
        if (any && synthetic[i].asked)
            cargo_chef_target(c, m, prepare_printf(c->p, ".ctx-stub/%s.rs", synthetic[i].name),
                              kinds[synthetic[i].kind],
                              prepare_printf(c->p, "ctx-stub-%s", synthetic[i].name));
    }
}

/* Tells whether cargo-chef can read the manifest: cargo-manifest 0.20 takes `build` as a string
 * or a boolean, not as a list. */
static bool cargo_chef_reads(const struct crate *crate)
{
    size_t builds = 0;
    for (size_t i = 0; i < crate->n_targets; i++)
        builds += crate->targets[i].kind == TARGET_BUILD;
    return builds <= 1;
}

static struct bytes cargo_content_at(const struct recipe *recipe,
                                     const struct recipe_unit *unit, const char *path)
{
    for (size_t i = 0; i < unit->n_files; i++)
        if (bytes_equal(recipe->files[unit->files[i]].path, bytes_of(path)))
            return recipe->files[unit->files[i]].content;
    return (struct bytes){NULL, 0};
}

static void cargo_chef_rest(struct cargo *c, struct recipe_unit *unit)
{
    struct chef *chef = &c->p->recipe->chef;
    const struct recipe *recipe = c->p->recipe;
    chef->present = true;
    chef->lock = cargo_content_at(recipe, unit, "Cargo.lock");
    chef->config = cargo_content_at(recipe, unit, ".cargo/config");
    if (!chef->config.at)
        chef->config = cargo_content_at(recipe, unit, ".cargo/config.toml");
    chef->toolchain = cargo_content_at(recipe, unit, "rust-toolchain");
    chef->toolchain_bare = chef->toolchain.at != NULL;
    if (!chef->toolchain.at)
        chef->toolchain = cargo_content_at(recipe, unit, "rust-toolchain.toml");
    for (size_t i = 0; i < c->n_crates; i++)
        if (c->crates[i]->verbatim || !cargo_chef_reads(c->crates[i])) {
            unit_note(c->p, unit, "cargo-chef can't cook this one right: %s",
                      c->crates[i]->verbatim ? "a crate must keep its sources"
                                             : "a package has several build scripts");
            break;
        }
}

/* ---- units ------------------------------------------------------------------------- */

static int cargo_add_crates(struct cargo *c, struct recipe_unit *unit, struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < c->n_crates && r == 0; i++) {
        struct crate *crate = c->crates[i];
        cleanup_buf struct buf text = BUF(MANIFEST_MAX);
        if (!crate->wanted && crate->m != c->root)
            continue;
        if (crate->verbatim) {
            r = buf_add_bytes(&text, crate->m->text);
            if (r == 0 && crate->m == c->root) {
                unit_note(c->p, unit,
                          "the root package is patched into external crates: its "
                          "manifest is kept as it is");
            }
            if (r == 0)
                r = cargo_add_verbatim(c, unit, crate, f);
        } else {
            r = cargo_mask(c, crate, &text);
            if (r < 0)
                return fail(f, r, "%s is too large", QUOTE(crate->m->path));
            unit_file(c->p, unit, crate->m->path, 0644, buf_bytes(&text));
            if (crate->wanted)
                cargo_add_stubs(c, unit, crate);
        }
        if (r == 0 && c->root->dir.len == 0)
            cargo_chef_manifest(c, crate, buf_bytes(&text));
    }
    return r;
}

static int cargo_add_lock(struct cargo *c, struct recipe_unit *unit, struct failure *f)
{
    cleanup_buf struct buf text = BUF(MANIFEST_MAX);
    if (!c->lock.toml)
        return 0;
    int r = cargo_lock_write(c, &text);
    if (r < 0)
        return fail(f, r, "Cargo.lock is too large");
    unit_file(c->p, unit, path_join(&c->p->values.arena, c->root->dir, BYTES("Cargo.lock")),
              0644, buf_bytes(&text));
    return 0;
}

static void cargo_claim(struct cargo *c)
{
    for (size_t i = 0; i < c->n_crates; i++)
        *table_put(&c->p->claimed, c->crates[i]->m->path, NULL) = 1;
}

static int cargo_make_unit(struct cargo *c, struct manifest *root, struct failure *f)
{
    static const char *const with_lock[] = {"cargo", "build", "--release", "--locked", NULL};
    static const char *const without[] = {"cargo", "build", "--release", NULL};
    c->root = root;
    c->config = NULL;
    struct bytes path = path_join(&c->p->values.arena, root->dir, BYTES(".cargo/config.toml")),
                 text;
    if (listing_is_file(c->p->l, path) && prepare_read(c->p, path, &text, f) == 0 &&
        toml_read(&c->p->values, path, text, &c->config, NULL) < 0)
        c->config = NULL;
    struct recipe_unit *unit = unit_new(c->p, "cargo", root->dir);
    cargo_members(c, unit);
    cargo_claim(c);
    if (!unit)
        return 0;
    unit_needs(c->p, unit, "cargo");
    for (size_t i = 0; i < c->n_crates; i++)
        cargo_targets(c, unit, c->crates[i]);
    int r = cargo_lock_read(c, unit, f);
    if (r < 0)
        return r;
    cargo_lock_verbatim(c);
    bool closure = cargo_lock_closure(c, unit);
    unit_install(c->p, unit, c->lock.toml && !closure ? with_lock : without);
    if (closure)
        unit_note(c->p, unit,
                  "made for some packages: build with -p PACKAGE and without --locked, "
                  "as cargo drops from the lock what only the others needed");
    r = cargo_add_crates(c, unit, f);
    if (r == 0)
        r = cargo_add_lock(c, unit, f);
    if (r == 0)
        r = cargo_config(c, unit, f);
    if (r == 0 && root->dir.len == 0)
        cargo_chef_rest(c, unit);
    return r;
}

/* Makes a unit of a root that can't be parsed: it is copied, and cargo will say what is wrong.
 */
static int cargo_make_raw_unit(struct cargo *c, struct manifest *m, struct failure *f)
{
    struct arena *a = &c->p->values.arena;
    struct recipe_unit *unit = unit_new(c->p, "cargo", m->dir);
    if (!unit)
        return 0;
    unit_note(c->p, unit, "copied as it is: %.*s", BYTES_ARG(m->wrong));
    int r = unit_raw(c->p, unit, m->path, f);
    if (r == 0)
        r = unit_raw(c->p, unit, path_join(a, m->dir, BYTES("Cargo.lock")), f);
    return r;
}

static bool cargo_has_lock(struct cargo *c, const struct manifest *m)
{
    return prepare_has(c->p, m->dir, "Cargo.lock");
}

/*
 * Tells whether a root deserves a unit: it is the context's root, it has a lock, or --dir names
 * it. Fuzz targets, examples and test data have none of that, and there can be hundreds of
 * them.
 */
static bool cargo_is_worth(struct cargo *c, const struct manifest *m, bool all)
{
    return all || cargo_has_lock(c, m) || unit_worth(c->p, m->dir);
}

/* A vendored crate lies beside a .cargo-checksum.json. */
static bool cargo_is_vendored(struct cargo *c, const struct manifest *m)
{
    return prepare_has(c->p, m->dir, ".cargo-checksum.json");
}

static int cargo_consider(struct cargo *c, struct manifest *m, bool workspaces, bool all,
                          struct failure *f)
{
    struct prepare *p = c->p;
    bool workspace = value_get(m->value, "workspace") != NULL;
    if (cargo_is_vendored(c, m) || workspace != workspaces ||
        (table_get(&p->claimed, m->path) && !(workspace && cargo_has_lock(c, m))))
        return 0;
    if (!m->value)
        return m->dir.len == 0 || cargo_has_lock(c, m) ? cargo_make_raw_unit(c, m, f) : 0;
    bool stray = !workspace && (!cargo_package(m->value) || cargo_find_root(c, m));
    if (!stray && cargo_is_worth(c, m, all))
        return cargo_make_unit(c, m, f);
    notes_add(p->notes, NOTE_INFO, "%s is no unit: %s", QUOTE(m->path),
              stray ? "it belongs to a workspace that does not name it"
                    : "it has no Cargo.lock; --dir takes it all the same");
    return 0;
}

static int cargo_find_units(struct prepare *p, struct failure *f)
{
    struct cargo c = {.p = p};
    int r = cargo_read_manifests(&c, f);
    bool any = false;
    for (size_t i = 0; i < c.manifests.n && !any; i++)
        any = cargo_is_worth(&c, c.manifests.at[i], false);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < c.manifests.n && r == 0; i++)
            r = cargo_consider(&c, c.manifests.at[i], pass == 0, !any, f);
    manifests_release(&c.manifests);
    table_release(&c.by_dir);
    table_release(&c.lock.by_name);
    return r;
}

/* ---- for diff ---------------------------------------------------------------------- */

static bool cargo_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct value *toml;
    if (!bytes_equal(path_name(file->path), BYTES("Cargo.lock")) ||
        toml_read(pool, file->path, file->content, &toml, NULL) < 0)
        return false;
    const struct value *packages = value_get(toml, "package");
    for (size_t i = 0; i < value_count(packages); i++) {
        const struct value *one = packages->pairs[i].value;
        struct bytes name = value_text(value_get(one, "name"));
        struct bytes version = value_text(value_get(one, "version"));
        struct value *known = value_find(pool, into, name);
        if (!name.at || !version.at || !value_get(one, "source"))
            continue;
        /* Several versions of one name become one text: "1.0.0, 2.0.0". */
        if (known)
            version = arena_printf(&pool->arena, "%.*s, %.*s", BYTES_ARG(known->text),
                                   BYTES_ARG(version));
        value_put(pool, into, name, value_string(pool, version));
    }
    return true;
}

const struct eco eco_cargo = {"cargo", cargo_find_units, cargo_list};
