/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the crates of a workspace as cargo does. tests/recipe compares with what `cargo
 * metadata
 * --no-deps` says. */
#include "cargo-members.h"

#include "pathglob.h"

const struct value *cargo_package(const struct value *toml)
{
    const struct value *package = value_get(toml, "package");
    return package ? package : value_get(toml, "project");
}

struct manifest *cargo_manifest(struct cargo *c, struct bytes dir)
{
    return manifest_at(&c->manifests, dir);
}

struct crate *cargo_crate(const struct cargo *c, struct bytes dir)
{
    uintptr_t *at = table_get(&c->by_dir, dir.at ? dir : BYTES(""));
    return at ? (struct crate *)*at : NULL;
}

/* ---- dependencies ------------------------------------------------------------------ */

struct found {
    struct arena *a;
    struct dependency *at;
    size_t n, cap;
};

static void cargo_take_tables(struct found *found, const struct value *from)
{
    static const struct {
        const char *key;
        bool dev;
    } tables[] = {
        {"dependencies", false},       {"dev-dependencies", true},
        {"dev_dependencies", true},    {"build-dependencies", false},
        {"build_dependencies", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct value *table = value_get(from, tables[i].key);
        for (size_t j = 0; value_is(table, VALUE_MAP) && j < table->n; j++)
            *ARENA_PUSH(found->a, found->at, &found->n, &found->cap) =
                (struct dependency){table->pairs[j].key, table->pairs[j].value, tables[i].dev};
    }
}

void cargo_dependencies(struct arena *a, const struct value *toml, struct dependency **ret,
                        size_t *ret_n)
{
    struct found found = {.a = a};
    const struct value *targets = value_get(toml, "target");
    cargo_take_tables(&found, toml);
    for (size_t i = 0; value_is(targets, VALUE_MAP) && i < targets->n; i++)
        cargo_take_tables(&found, targets->pairs[i].value);
    *ret = found.at;
    *ret_n = found.n;
}

static struct value *cargo_workspace_dependency(const struct manifest *root, struct bytes key)
{
    struct value *table =
        root ? value_get(value_get(root->value, "workspace"), "dependencies") : NULL;
    for (size_t i = 0; value_is(table, VALUE_MAP) && i < table->n; i++)
        if (bytes_equal(table->pairs[i].key, key))
            return table->pairs[i].value;
    return NULL;
}

bool cargo_dependency_dir(struct cargo *c, const struct manifest *of,
                          const struct manifest *root, const struct dependency *d,
                          struct bytes *ret, bool *ret_leaves)
{
    const struct value *spec = d->spec;
    struct bytes base = of->dir;
    *ret_leaves = false;
    if (value_true(value_get(spec, "workspace"))) {
        spec = cargo_workspace_dependency(root, d->key);
        base = root ? root->dir : base;
    }
    struct bytes path = value_text(value_get(spec, "path"));
    if (!path.at)
        return false;
    *ret_leaves = !path_resolve(&c->p->values.arena, base, path, ret);
    return !*ret_leaves;
}

struct bytes cargo_dependency_name(const struct manifest *root, const struct dependency *d)
{
    const struct value *spec = d->spec;
    if (value_true(value_get(spec, "workspace")))
        spec = cargo_workspace_dependency(root, d->key);
    struct bytes name = value_text(value_get(spec, "package"));
    return name.at ? name : d->key;
}

bool cargo_inherits(const struct value *toml, const char *key)
{
    const struct value *v = value_get(cargo_package(toml), key);
    return value_is(v, VALUE_MAP) && value_true(value_get(v, "workspace"));
}

const struct value *cargo_inherited(const struct crate *crate, const char *key)
{
    if (!cargo_inherits(crate->m->value, key))
        return value_get(cargo_package(crate->m->value), key);
    return value_get(value_get(value_get(crate->root->value, "workspace"), "package"), key);
}

/* ---- workspaces -------------------------------------------------------------------- */

/* Tells whether a path in `list` of [workspace] names a directory, or one above it. */
static bool cargo_names_above(struct cargo *c, const struct manifest *root, const char *list,
                              struct bytes dir)
{
    if (!root)
        return false;
    const struct value *paths = value_get(value_get(root->value, "workspace"), list);
    for (size_t i = 0; i < value_count(paths); i++) {
        struct bytes path;
        if (path_resolve(&c->p->values.arena, root->dir, value_text(paths->pairs[i].value),
                         &path) &&
            path_under(dir, path))
            return true;
    }
    return false;
}

/* An explicit path in `members` overrides `exclude`, also for a directory below it. A glob does
 * not. */
static bool cargo_is_excluded(struct cargo *c, const struct manifest *root, struct bytes dir)
{
    return cargo_names_above(c, root, "exclude", dir) &&
           !cargo_names_above(c, root, "members", dir);
}

struct manifest *cargo_find_root(struct cargo *c, struct manifest *m)
{
    if (value_get(m->value, "workspace"))
        return m;
    struct bytes pointer = value_text(value_get(cargo_package(m->value), "workspace")), dir;
    if (pointer.at)
        return path_resolve(&c->p->values.arena, m->dir, pointer, &dir) ? cargo_manifest(c, dir)
                                                                        : NULL;
    for (dir = m->dir; dir.len;) {
        dir = path_dir(dir);
        struct manifest *above = cargo_manifest(c, dir);
        if (!above)
            continue;
        if (value_get(above->value, "workspace") && !cargo_is_excluded(c, above, m->dir))
            return above;
        pointer = value_text(value_get(cargo_package(above->value), "workspace"));
        if (pointer.at)
            return path_resolve(&c->p->values.arena, above->dir, pointer, &dir)
                       ? cargo_manifest(c, dir)
                       : NULL;
    }
    return NULL;
}

static struct crate *cargo_add_crate(struct cargo *c, struct manifest *m, bool member)
{
    struct arena *a = &c->p->values.arena;
    struct crate *crate = ARENA_NEW(a, struct crate);
    struct manifest *root = cargo_find_root(c, m);
    *crate = (struct crate){.m = m,
                            .root = member ? c->root
                                    : root ? root
                                           : m,
                            .name = value_text(value_get(cargo_package(m->value), "name")),
                            .member = member,
                            .wanted = true};
    *ARENA_PUSH(a, c->crates, &c->n_crates, &c->cap_crates) = crate;
    *table_put(&c->by_dir, m->dir, NULL) = (uintptr_t)crate;
    return crate;
}

struct visiting {
    struct cargo *c;
    struct recipe_unit *unit;
    bool members; /* true: only members are added; false: every crate that a path leads to */
};

static void cargo_note_missing(struct visiting *v, struct bytes dir, struct bytes from)
{
    if (v->unit)
        unit_note(v->c->p, v->unit, "%s names %s, where no Cargo.toml is that can be read",
                  QUOTE(from), QUOTE(dir));
}

/* Adds the crate of a directory. False if it has none, or if members are visited and it is not
 * one. `from` is the manifest that names the directory. */
static bool cargo_visit(struct visiting *v, struct bytes dir, bool dependency,
                        struct bytes from)
{
    struct cargo *c = v->c;
    if (cargo_crate(c, dir))
        return true;
    struct manifest *m = cargo_manifest(c, dir);
    if (!m || !m->value) {
        if (!v->members || !dependency)
            cargo_note_missing(v, dir, from);
        return false;
    }
    if (v->members) {
        if (dependency && !path_under(dir, c->root->dir) && cargo_find_root(c, m) != c->root)
            return false;
        if (m != c->root && cargo_is_excluded(c, c->root, dir))
            return false;
    }
    cargo_add_crate(c, m, v->members);
    return true;
}

static void cargo_visit_dependencies(struct visiting *v, struct crate *crate)
{
    struct cargo *c = v->c;
    struct dependency *all;
    size_t n;
    cargo_dependencies(&c->p->values.arena, crate->m->value, &all, &n);
    for (size_t i = 0; i < n; i++) {
        struct bytes dir;
        bool leaves;
        if (cargo_dependency_dir(c, crate->m, crate->root, &all[i], &dir, &leaves))
            cargo_visit(v, dir, true, crate->m->path);
        else if (leaves && !v->members && v->unit)
            unit_note(
                c->p, v->unit,
                "%s: the dependency %s lies outside of the context: prepare the directory "
                "above both",
                QUOTE(crate->m->path), QUOTE(all[i].key));
    }
}

/* Visits the members of the workspace, by name and by pattern. A directory without a manifest
 * gets no more than a note, because an ignore file may have excluded it; cargo itself will
 * complain in the build. */
static void cargo_visit_patterns(struct visiting *v)
{
    struct cargo *c = v->c;
    const struct value *members = value_get(value_get(c->root->value, "workspace"), "members");
    for (size_t i = 0; i < value_count(members); i++) {
        struct bytes pattern;
        if (!path_resolve(&c->p->values.arena, c->root->dir,
                          value_text(members->pairs[i].value), &pattern))
            continue;
        if (!glob_magic(pattern)) {
            cargo_visit(v, pattern, false, c->root->path);
            continue;
        }
        for (size_t j = 0; j < c->manifests.n; j++)
            if (path_glob(pattern, c->manifests.at[j]->dir, true))
                cargo_visit(v, c->manifests.at[j]->dir, false, c->root->path);
    }
}

/* Visits what [patch] and [replace] of the root, and `paths` of the configuration lead to. */
static void cargo_visit_patches(struct visiting *v)
{
    struct cargo *c = v->c;
    const struct value *patch = value_get(c->root->value, "patch");
    const struct value *replace = value_get(c->root->value, "replace");
    const struct value *paths = value_get(c->config, "paths");
    struct bytes dir;
    for (size_t i = 0; value_is(patch, VALUE_MAP) && i < patch->n; i++) {
        const struct value *source = patch->pairs[i].value;
        for (size_t j = 0; j < value_count(source); j++) {
            struct bytes path = value_text(value_get(source->pairs[j].value, "path"));
            if (path.at && path_resolve(&c->p->values.arena, c->root->dir, path, &dir))
                cargo_visit(v, dir, true, c->root->path);
        }
    }
    for (size_t i = 0; value_is(replace, VALUE_MAP) && i < replace->n; i++) {
        struct bytes path = value_text(value_get(replace->pairs[i].value, "path"));
        if (path.at && path_resolve(&c->p->values.arena, c->root->dir, path, &dir))
            cargo_visit(v, dir, true, c->root->path);
    }
    for (size_t i = 0; i < value_count(paths); i++)
        if (path_resolve(&c->p->values.arena, c->root->dir, value_text(paths->pairs[i].value),
                         &dir))
            cargo_visit(v, dir, true, c->root->path);
}

/* Tells whether any value in a manifest is inherited from the workspace. */
static bool cargo_inherits_any(const struct value *v)
{
    if (value_is(v, VALUE_MAP) && value_true(value_get(v, "workspace")))
        return true;
    for (size_t i = 0; i < value_count(v); i++)
        if (cargo_inherits_any(v->pairs[i].value))
            return true;
    return false;
}

static int cargo_compare_crates(const void *a, const void *b)
{
    struct crate *const *x = a, *const *y = b;
    return path_depth_compare((*x)->m->path, (*y)->m->path);
}

void cargo_members(struct cargo *c, struct recipe_unit *unit)
{
    struct visiting v = {.c = c, .unit = unit, .members = true};
    c->crates = NULL;
    c->n_crates = c->cap_crates = 0;
    table_release(&c->by_dir);
    cargo_visit(&v, c->root->dir, false, c->root->path);
    if (value_get(c->root->value, "workspace")) {
        cargo_visit_patterns(&v);
        for (size_t i = 0; i < c->n_crates; i++) /* a visit adds to the list */
            cargo_visit_dependencies(&v, c->crates[i]);
    }
    v.members = false;
    cargo_visit_patches(&v);
    for (size_t i = 0; i < c->n_crates; i++) {
        struct crate *crate = c->crates[i];
        cargo_visit_dependencies(&v, crate);
        if (crate->root != c->root && crate->root != crate->m &&
            cargo_inherits_any(crate->m->value))
            cargo_visit(&v, crate->root->dir, true, crate->m->path);
    }
    qsort(c->crates, c->n_crates, sizeof(struct crate *), cargo_compare_crates);
}
