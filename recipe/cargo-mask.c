/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks manifests. Tables and keys that are known not to matter for dependencies are dropped.
 * Unknown ones stay: a key too many can cost a cache hit, a key too few can break a build.
 */
#include "cargo-mask.h"

#include "cargo-members.h"
#include "pathglob.h"

/* Keys of [package] and [workspace.package] that only people and registries read. */
static const char *const for_people[] = {
    "authors",  "description", "homepage", "documentation", "readme",
    "keywords", "categories",  "license",  "license-file",  "repository",
    "include",  "exclude",     "publish",  "default-run",   "badges",
};

struct masking {
    struct cargo *c;
    const struct crate *crate;
    struct values *pool;
    struct value *root; /* a copy of the manifest, which is changed */
    bool exact;
};

static struct value *cargo_mask_sentinel(const struct masking *m)
{
    return value_string(m->pool, m->exact ? BYTES(CARGO_CHEF_VERSION) : BYTES(CARGO_SENTINEL));
}

static void cargo_mask_put(struct masking *m, struct value *map, const char *key,
                           struct value *v)
{
    value_put(m->pool, map, bytes_of(key), v);
}

/* Tells whether a verbatim crate inherits a key from this workspace. It is not masked, so it
 * needs the value. */
static bool cargo_mask_verbatim_inherits(const struct masking *m, const char *key)
{
    for (size_t i = 0; i < m->c->n_crates; i++) {
        const struct crate *crate = m->c->crates[i];
        if (crate->verbatim && crate->root == m->crate->m &&
            cargo_inherits(crate->m->value, key))
            return true;
    }
    return false;
}

static bool cargo_mask_verbatim_lints(const struct masking *m)
{
    for (size_t i = 0; i < m->c->n_crates; i++) {
        const struct crate *crate = m->c->crates[i];
        if (crate->verbatim && crate->root == m->crate->m &&
            value_get(value_get(crate->m->value, "lints"), "workspace"))
            return true;
    }
    return false;
}

/* ---- dependencies ------------------------------------------------------------------ */

/* Drops the version that a dependency asks for if its path leads to a masked crate, whose
 * version is the sentinel. */
static void cargo_mask_dependency(struct masking *m, const struct manifest *of,
                                  struct bytes key, struct value *spec)
{
    struct dependency d = {.key = key, .spec = spec};
    struct bytes dir;
    bool leaves;
    value_sort(value_get(spec, "features"));
    if (!value_text(value_get(spec, "path")).at ||
        !cargo_dependency_dir(m->c, of, of, &d, &dir, &leaves))
        return;
    struct crate *to = cargo_crate(m->c, dir);
    if (!to || !to->maskable || !value_get(spec, "version"))
        return;
    if (m->exact)
        cargo_mask_put(m, spec, "version", cargo_mask_sentinel(m));
    else
        value_drop(spec, "version");
}

static void cargo_mask_tables(struct masking *m, struct value *from)
{
    static const char *const tables[] = {"dependencies", "dev-dependencies", "dev_dependencies",
                                         "build-dependencies", "build_dependencies"};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct value *table = value_get(from, tables[i]);
        for (size_t j = 0; j < value_count(table); j++)
            cargo_mask_dependency(m, m->crate->m, table->pairs[j].key, table->pairs[j].value);
        if (table && !value_count(table) && !m->exact)
            value_drop(from, tables[i]);
    }
}

/* ---- targets ----------------------------------------------------------------------- */

static struct value *cargo_mask_target_table(struct masking *m, const struct target *t)
{
    static const char *const tests_only[] = {"test", "bench",   "doctest",
                                             "doc",  "harness", "doc-scrape-examples"};
    struct value *table =
        t->given ? value_copy(m->pool, t->given) : value_new(m->pool, VALUE_MAP);
    cargo_mask_put(m, table, "name", value_string(m->pool, t->name));
    cargo_mask_put(m, table, "path", value_string(m->pool, t->path));
    for (size_t i = 0; !m->exact && i < ARRAY_SIZE(tests_only); i++)
        value_drop(table, tests_only[i]);
    return table;
}

static void cargo_mask_put_kind(struct masking *m, enum target_kind kind, const char *key)
{
    struct value *list = value_new(m->pool, VALUE_LIST);
    for (size_t i = 0; i < m->crate->n_targets; i++)
        if (m->crate->targets[i].kind == kind)
            value_add(m->pool, list, cargo_mask_target_table(m, &m->crate->targets[i]));
    value_drop(m->root, key);
    if (list->n)
        cargo_mask_put(m, m->root, key, list);
}

/* Puts one target in place of all tests (or benches, or examples), so that another file of
 * tests changes nothing. */
static void cargo_mask_put_synthetic(struct masking *m, enum target_kind kind, const char *key,
                                     bool asked)
{
    bool any = false;
    for (size_t i = 0; i < m->crate->n_targets; i++)
        any |= m->crate->targets[i].kind == kind;
    value_drop(m->root, key);
    if (!any || !asked)
        return;
    struct value *list = value_new(m->pool, VALUE_LIST), *one = value_new(m->pool, VALUE_MAP);
    struct arena *a = &m->pool->arena;
    cargo_mask_put(m, one, "name", value_string(m->pool, arena_printf(a, "ctx-stub-%s", key)));
    cargo_mask_put(m, one, "path",
                   value_string(m->pool, arena_printf(a, ".ctx-stub/%s.rs", key)));
    value_add(m->pool, list, one);
    cargo_mask_put(m, m->root, key, list);
}

static void cargo_mask_targets(struct masking *m)
{
    const struct recipe_options *options = m->c->p->options;
    value_drop(m->root, "lib");
    for (size_t i = 0; i < m->crate->n_targets; i++) {
        if (m->crate->targets[i].kind == TARGET_LIB)
            cargo_mask_put(m, m->root, "lib",
                           cargo_mask_target_table(m, &m->crate->targets[i]));
    }
    cargo_mask_put_kind(m, TARGET_BIN, "bin");
    if (m->exact) {
        cargo_mask_put_kind(m, TARGET_TEST, "test");
        cargo_mask_put_kind(m, TARGET_BENCH, "bench");
        cargo_mask_put_kind(m, TARGET_EXAMPLE, "example");
        return;
    }
    cargo_mask_put_synthetic(m, TARGET_TEST, "test", options->tests);
    cargo_mask_put_synthetic(m, TARGET_BENCH, "bench", options->benches);
    cargo_mask_put_synthetic(m, TARGET_EXAMPLE, "example", options->examples);
}

/* ---- [package] --------------------------------------------------------------------- */

static void cargo_mask_put_build(struct masking *m, struct value *package)
{
    struct value *list = value_new(m->pool, VALUE_LIST);
    for (size_t i = 0; i < m->crate->n_targets; i++)
        if (m->crate->targets[i].kind == TARGET_BUILD)
            value_add(m->pool, list, value_string(m->pool, m->crate->targets[i].path));
    if (list->n == 1)
        cargo_mask_put(m, package, "build", list->pairs[0].value);
    else if (list->n)
        cargo_mask_put(m, package, "build", list);
    else
        cargo_mask_put(m, package, "build", value_bool(m->pool, false));
}

static void cargo_mask_version(struct masking *m, struct value *package)
{
    const struct value *version = value_get(package, "version");
    if (!m->crate->maskable)
        return;
    if (m->exact) {
        if (value_is(version, VALUE_STRING))
            cargo_mask_put(m, package, "version", cargo_mask_sentinel(m));
        return;
    }
    /* Never inherited: the workspace's version stays real if a verbatim crate inherits it. */
    cargo_mask_put(m, package, "version", cargo_mask_sentinel(m));
}

static void cargo_mask_package(struct masking *m)
{
    static const char *const discovery[] = {"autobins", "autotests", "autobenches",
                                            "autoexamples"};
    struct value *package = value_get(m->root, "package");
    if (!package)
        package = value_get(m->root, "project");
    if (!package)
        return;
    cargo_mask_version(m, package);
    cargo_mask_put_build(m, package);
    if (m->exact)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(for_people); i++)
        value_drop(package, for_people[i]);
    if (!m->c->p->options->keep_metadata)
        value_drop(package, "metadata");
    if (m->c->lock.toml) /* rust-version only decides which versions are chosen */
        value_drop(package, "rust-version");
    for (size_t i = 0; i < ARRAY_SIZE(discovery); i++)
        cargo_mask_put(m, package, discovery[i], value_bool(m->pool, false));
}

/* ---- [workspace] ------------------------------------------------------------------- */

static bool cargo_mask_is_among(struct masking *m, const struct value *among, struct bytes dir)
{
    for (size_t i = 0; i < value_count(among); i++) {
        struct bytes pattern;
        if (path_resolve(&m->c->p->values.arena, m->crate->m->dir,
                         value_text(among->pairs[i].value), &pattern) &&
            (bytes_equal(pattern, dir) || path_glob(pattern, dir, true)))
            return true;
    }
    return !among;
}

/* Lists the members by name, or those that `among` (default-members) matches. The root is left
 * out of members, because cargo adds it itself. */
static struct value *cargo_mask_member_dirs(struct masking *m, const struct value *among)
{
    struct value *list = value_new(m->pool, VALUE_LIST);
    for (size_t i = 0; i < m->c->n_crates; i++) {
        const struct crate *crate = m->c->crates[i];
        bool mine = crate->wanted && crate->root == m->crate->m &&
                    (crate->member || m->crate->m != m->c->root);
        bool itself = crate->m == m->crate->m;
        if (mine && (!itself || (among && crate->name.at)) &&
            cargo_mask_is_among(m, among, crate->m->dir))
            value_add(m->pool, list,
                      value_string(m->pool, path_between(&m->pool->arena, m->crate->m->dir,
                                                         crate->m->dir)));
    }
    value_sort(list);
    return list;
}

/* Keeps the paths of `exclude` that still keep a crate of the recipe out of the workspace. */
static void cargo_mask_exclude(struct masking *m, struct value *workspace)
{
    struct value *exclude = value_get(workspace, "exclude");
    for (size_t i = value_count(exclude); i-- > 0;) {
        struct bytes path;
        bool used = false;
        if (!path_resolve(&m->c->p->values.arena, m->crate->m->dir,
                          value_text(exclude->pairs[i].value), &path))
            continue;
        for (size_t j = 0; j < m->c->n_crates; j++)
            used |= m->c->crates[j]->wanted && path_under(m->c->crates[j]->m->dir, path);
        if (!used)
            value_drop_at(exclude, i);
    }
    value_sort(exclude);
    if (exclude && !value_count(exclude))
        value_drop(workspace, "exclude");
}

static bool cargo_mask_uses(struct masking *m, const struct crate *crate, struct bytes key)
{
    struct dependency *all;
    size_t n;
    cargo_dependencies(&m->pool->arena, crate->m->value, &all, &n);
    for (size_t i = 0; i < n; i++)
        if (bytes_equal(all[i].key, key) && value_true(value_get(all[i].spec, "workspace")))
            return true;
    return false;
}

static void cargo_mask_workspace_dependencies(struct masking *m, struct value *workspace)
{
    struct value *table = value_get(workspace, "dependencies");
    for (size_t i = value_count(table); i-- > 0;) {
        bool used = m->exact && !m->c->p->options->n_bins;
        for (size_t j = 0; j < m->c->n_crates && !used; j++) {
            const struct crate *crate = m->c->crates[j];
            used = crate->wanted && crate->root == m->crate->m &&
                   cargo_mask_uses(m, crate, table->pairs[i].key);
        }
        if (used)
            cargo_mask_dependency(m, m->crate->m, table->pairs[i].key, table->pairs[i].value);
        else
            value_drop_at(table, i);
    }
    if (table && !table->n)
        value_drop(workspace, "dependencies");
}

static void cargo_mask_workspace_package(struct masking *m, struct value *workspace)
{
    struct value *package = value_get(workspace, "package");
    if (value_get(package, "version") && !cargo_mask_verbatim_inherits(m, "version")) {
        if (m->exact)
            cargo_mask_put(m, package, "version", cargo_mask_sentinel(m));
        else
            value_drop(package, "version"); /* each member has its own */
    }
    for (size_t i = 0; !m->exact && i < ARRAY_SIZE(for_people); i++)
        if (!cargo_mask_verbatim_inherits(m, for_people[i]))
            value_drop(package, for_people[i]);
    if (!m->exact && m->c->lock.toml && !cargo_mask_verbatim_inherits(m, "rust-version"))
        value_drop(package, "rust-version");
    if (package && !value_count(package))
        value_drop(workspace, "package");
}

static void cargo_mask_workspace(struct masking *m)
{
    struct value *workspace = value_get(m->root, "workspace");
    if (!value_is(workspace, VALUE_MAP))
        return;
    cargo_mask_workspace_dependencies(m, workspace);
    cargo_mask_workspace_package(m, workspace);
    if (!cargo_mask_verbatim_lints(m))
        value_drop(workspace, "lints");
    if (m->exact && !m->c->p->options->n_bins)
        return;
    struct value *chosen = value_get(workspace, "default-members");
    if (chosen) {
        chosen = cargo_mask_member_dirs(m, chosen);
        value_drop(workspace, "default-members");
        if (chosen->n)
            cargo_mask_put(m, workspace, "default-members", chosen);
    }
    cargo_mask_put(m, workspace, "members", cargo_mask_member_dirs(m, NULL));
    cargo_mask_exclude(m, workspace);
    if (!m->c->p->options->keep_metadata)
        value_drop(workspace, "metadata");
}

/* ---- [patch], [profile] ------------------------------------------------------------ */

/* Drops patches whose crate is not wanted: cargo would find them unused, and rewrite the lock.
 */
static void cargo_mask_patches(struct masking *m)
{
    struct value *patch = value_get(m->root, "patch");
    for (size_t i = value_count(patch); i-- > 0;) {
        struct value *source = patch->pairs[i].value;
        for (size_t j = value_count(source); j-- > 0;) {
            struct bytes path = value_text(value_get(source->pairs[j].value, "path")), dir;
            struct crate *to =
                path.at && path_resolve(&m->c->p->values.arena, m->crate->m->dir, path, &dir)
                    ? cargo_crate(m->c, dir)
                    : NULL;
            if (to && !to->wanted)
                value_drop_at(source, j);
        }
        if (!value_count(source))
            value_drop_at(patch, i);
    }
    if (patch && !value_count(patch))
        value_drop(m->root, "patch");
}

/* Drops [profile.x.package."local@1.2.3"] of masked crates: it would change with each version,
 * and cargo would only warn that it matches none. */
static void cargo_mask_profiles(struct masking *m)
{
    struct value *profiles = value_get(m->root, "profile");
    for (size_t i = 0; i < value_count(profiles); i++) {
        struct value *packages = value_get(profiles->pairs[i].value, "package");
        for (size_t j = value_count(packages); j-- > 0;) {
            struct bytes spec = packages->pairs[j].key;
            size_t at = bytes_find(spec, '@');
            for (size_t k = 0; at < spec.len && k < m->c->n_crates; k++) {
                if (m->c->crates[k]->maskable &&
                    bytes_equal(m->c->crates[k]->name, bytes_head(spec, at))) {
                    value_drop_at(packages, j);
                    break;
                }
            }
        }
    }
}

/* Drops the root package, which is not wanted, and keeps its workspace. The edition of the
 * package decided about the resolver, so that is written down. */
static void cargo_mask_make_virtual(struct masking *m)
{
    static const char *const of_packages[] = {
        "package",
        "project",
        "lib",
        "bin",
        "test",
        "bench",
        "example",
        "dependencies",
        "features",
        "dev-dependencies",
        "target",
        "dev_dependencies",
        "build-dependencies",
        "badges",
        "build_dependencies",
    };
    struct value *workspace = value_get(m->root, "workspace");
    struct bytes edition = value_text(value_get(cargo_package(m->root), "edition"));
    if (!value_get(workspace, "resolver") && !value_get(cargo_package(m->root), "resolver")) {
        if (bytes_equal(edition, BYTES("2021")))
            cargo_mask_put(m, workspace, "resolver", value_string(m->pool, BYTES("2")));
        else if (bytes_equal(edition, BYTES("2024")))
            cargo_mask_put(m, workspace, "resolver", value_string(m->pool, BYTES("3")));
    }
    for (size_t i = 0; i < ARRAY_SIZE(of_packages); i++)
        value_drop(m->root, of_packages[i]);
}

int cargo_mask(struct cargo *c, const struct crate *crate, struct buf *to)
{
    struct masking m = {
        .c = c, .crate = crate, .pool = &c->p->values, .exact = c->p->options->chef_exact};
    m.root = value_copy(m.pool, crate->m->value);
    if (!crate->wanted && crate->m == c->root)
        cargo_mask_make_virtual(&m);
    value_drop(m.root, "lints");
    value_drop(m.root, "badges");
    cargo_mask_tables(&m, m.root);
    struct value *targets = value_get(m.root, "target");
    for (size_t i = 0; i < value_count(targets); i++)
        cargo_mask_tables(&m, targets->pairs[i].value);
    struct value *features = value_get(m.root, "features");
    for (size_t i = 0; i < value_count(features); i++)
        value_sort(features->pairs[i].value);
    if (cargo_package(m.root)) {
        cargo_mask_targets(&m);
        cargo_mask_package(&m);
    }
    cargo_mask_workspace(&m);
    if (crate->m == c->root) {
        cargo_mask_patches(&m);
        cargo_mask_profiles(&m);
    } else if (!m.exact) {
        /* Cargo reads these of the root alone. */
        value_drop(m.root, "patch");
        value_drop(m.root, "replace");
        value_drop(m.root, "profile");
    }
    return toml_write(m.root, to);
}
