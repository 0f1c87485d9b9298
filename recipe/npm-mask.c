/* SPDX-License-Identifier: Apache-2.0 */
/* Masks package.json and package-lock.json, and adds the files that lifecycle scripts read. */
#include "npm-mask.h"

#include "npm-members.h"
#include "text.h"
#include "unit-text.h"

/* The keys that an installer reads, in the order of the recipe. All others are for bundlers,
 * linters and registries. */
static const char *const kept[] = {
    "name",
    "version",
    "private",
    "type",
    "workspaces",
    "packageManager",
    "devEngines",
    "engines",
    "os",
    "cpu",
    "libc",
    "bin",
    "directories",
    "config",
    "scripts",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "dependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "overrides",
    "resolutions",
    "catalog",
    "catalogs",
    "pnpm",
    "installConfig",
    "publishConfig",
    "allowScripts",
    "trustedDependencies",
    "patchedDependencies",
    "prisma",
};
/* Of these, the maps whose order has no meaning. */
static const char *const sorted[] = {
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "dependenciesMeta",
    "engines",
    "bin",
    "resolutions",
};
/* Scripts that an install runs. */
static const char *const lifecycle[] = {
    "preinstall", "install",     "postinstall",  "prepublish",         "preprepare",
    "prepare",    "postprepare", "dependencies", "pnpm:devPreinstall",
};

/* ---- scripts ----------------------------------------------------------------------- */

static bool npm_is_word(struct bytes text, size_t at, size_t len)
{
    bool before = at == 0 || strchr(" \t\"';&|(", text.at[at - 1]);
    bool after = at + len >= text.len || strchr(" \t\"';&|)", text.at[at + len]);
    return before && after;
}

static bool npm_mentions(struct bytes script, struct bytes name)
{
    for (size_t i = 0; name.len && i + name.len <= script.len; i++)
        if (memcmp(script.at + i, name.at, name.len) == 0 && npm_is_word(script, i, name.len))
            return true;
    return false;
}

/* Tells whether a script may run other scripts of its package by name. */
static bool npm_runs_others(struct bytes script)
{
    static const char *const runners[] = {
        "npm", "yarn", "pnpm", "bun", "npm-run-all", "run-s", "run-p", "node", "concurrently"};
    for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
        if (npm_mentions(script, bytes_of(runners[i])))
            return true;
    return false;
}

/* The scripts that an install runs, and the scripts that these run. */
static struct value *npm_scripts(struct npm *n, const struct manifest *package)
{
    const struct value *all = value_get(package->value, "scripts");
    struct values *pool = &n->p->values;
    struct value *found = value_new(pool, VALUE_MAP);
    if (n->p->options->ignore_scripts)
        return found;
    for (size_t i = 0; i < ARRAY_SIZE(lifecycle); i++)
        if (value_text(value_get(all, lifecycle[i])).at)
            value_put(pool, found, bytes_of(lifecycle[i]), value_get(all, lifecycle[i]));
    for (size_t i = 0; i < found->n; i++) { /* the loop adds to the map */
        struct bytes script = found->pairs[i].value->text;
        for (size_t j = 0; npm_runs_others(script) && j < value_count(all); j++)
            if (npm_mentions(script, all->pairs[j].key) && value_text(all->pairs[j].value).at)
                value_put(pool, found, all->pairs[j].key, all->pairs[j].value);
    }
    return found;
}

static int npm_add_script_files(struct npm *n, struct recipe_unit *unit,
                                const struct manifest *package, const struct value *scripts,
                                struct failure *f)
{
    struct prepare *p = n->p;
    const struct value *prisma = value_get(package->value, "prisma");
    bool patches = false, generates = prisma != NULL;
    int r = 0;
    for (size_t i = 0; i < scripts->n && r == 0; i++) {
        struct bytes script = scripts->pairs[i].value->text;
        patches |= text_has(script, "patch-package");
        generates |= text_has(script, "prisma");
        r = unit_script_files(p, unit, package->dir, script, f);
    }
    generates |= value_get(value_get(package->value, "dependencies"), "@prisma/client") != NULL;
    if (r == 0 && patches)
        r = unit_raw_tree(p, unit, prepare_path(p, package->dir, "patches"), f);
    if (r == 0 && generates) {
        struct bytes schema = value_text(value_get(prisma, "schema")), path;
        if (!schema.at)
            schema = BYTES("prisma/schema.prisma");
        if (path_resolve(&p->values.arena, package->dir, schema, &path))
            r = listing_is_file(p->l, path) ? unit_text(p, unit, path, f)
                                            : unit_raw_tree(p, unit, path, f);
    }
    return r;
}

/* ---- bin stubs --------------------------------------------------------------------- */

/*
 * Adds a stub of a command. An installer links a command only if its file exists, and nothing
 * links it later. The stub has the first line of the real file, because pnpm makes its shim
 * from that.
 */
static int npm_add_bin(struct npm *n, struct recipe_unit *unit, const struct manifest *package,
                       struct bytes rel, struct failure *f)
{
    struct prepare *p = n->p;
    struct bytes path, text;
    if (!rel.at || !path_resolve(&p->values.arena, package->dir, rel, &path) || path.len == 0)
        return 0;
    if (!listing_is_file(p->l, path)) {
        unit_note(p, unit, "%s: the command %s is made by a build, and will not be linked",
                  QUOTE(package->path), QUOTE(rel));
        return 0;
    }
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    struct bytes line = bytes_head(text, bytes_find(text, '\n'));
    if (bytes_ends(line, BYTES("\r")))
        line.len--;
    if (!bytes_starts(line, BYTES("#!")))
        line = BYTES("#!/usr/bin/env node");
    unit_file(p, unit, path, 0755, prepare_printf(p, "%.*s\n", BYTES_ARG(line)));
    return 0;
}

static int npm_add_bins(struct npm *n, struct recipe_unit *unit, const struct manifest *package,
                        struct failure *f)
{
    const struct value *bin = value_get(package->value, "bin");
    struct bytes dir = value_text(value_get(value_get(package->value, "directories"), "bin"));
    struct bytes full;
    int r = value_text(bin).at ? npm_add_bin(n, unit, package, value_text(bin), f) : 0;
    for (size_t i = 0; i < value_count(bin) && r == 0; i++)
        r = npm_add_bin(n, unit, package, value_text(bin->pairs[i].value), f);
    if (r < 0 || !dir.at || !path_resolve(&n->p->values.arena, package->dir, dir, &full))
        return r;
    size_t first, end;
    listing_below(n->p->l, full, &first, &end);
    for (size_t i = first; i < end && r == 0; i++)
        if (n->p->l->at[i].kind == LISTED_FILE)
            r = npm_add_bin(
                n, unit, package,
                path_between(&n->p->values.arena, package->dir, n->p->l->at[i].path), f);
    return r;
}

/* ---- the manifest ------------------------------------------------------------------ */

static void npm_mask_version(struct npm *n, const struct manifest *package, struct value *out)
{
    if (package->marks & PACKAGE_REAL_VERSION)
        return;
    value_drop(out, "version");
    /* yarn 1 ignores a member that has no version. */
    if (n->manager == MANAGER_YARN && package != n->root)
        value_put(&n->p->values, out, BYTES("version"),
                  value_string(&n->p->values, BYTES("0.0.0")));
}

int npm_mask(struct npm *n, struct recipe_unit *unit, struct manifest *package,
             struct failure *f)
{
    static const char *const publish[] = {"directory", "linkDirectory", "executableFiles"};
    static const char *const dirs[] = {"bin"};
    struct prepare *p = n->p;
    struct values *pool = &p->values;
    if (!value_is(package->value, VALUE_MAP)) {
        if (package->wrong.len)
            unit_note(p, unit, "copied as it is: %.*s", BYTES_ARG(package->wrong));
        else
            unit_note(p, unit, "copied as it is: %s is no JSON object", QUOTE(package->path));
        return unit_raw(p, unit, package->path, f);
    }
    struct value *out = value_keep(pool, package->value, kept, ARRAY_SIZE(kept));
    struct value *scripts = npm_scripts(n, package);
    if (scripts->n)
        value_put(pool, out, BYTES("scripts"), scripts);
    else
        value_drop(out, "scripts");
    if (value_get(out, "publishConfig"))
        value_put(
            pool, out, BYTES("publishConfig"),
            value_keep(pool, value_get(out, "publishConfig"), publish, ARRAY_SIZE(publish)));
    if (value_get(out, "directories"))
        value_put(pool, out, BYTES("directories"),
                  value_keep(pool, value_get(out, "directories"), dirs, ARRAY_SIZE(dirs)));
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
        value_sort(value_get(out, sorted[i]));
    for (size_t i = out->n; i-- > 0;)
        if (out->pairs[i].value->kind == VALUE_MAP && out->pairs[i].value->n == 0)
            value_drop_at(out, i);
    npm_mask_version(n, package, out);
    int r = unit_json(p, unit, package->path, out, f);
    if (r == 0)
        r = npm_add_script_files(n, unit, package, scripts, f);
    return r == 0 && package != n->root ? npm_add_bins(n, unit, package, f) : r;
}

/* ---- package-lock.json ------------------------------------------------------------- */

int npm_lock(struct npm *n, struct recipe_unit *unit, const char *name, struct failure *f)
{
    struct prepare *p = n->p;
    struct bytes path = prepare_path(p, n->root->dir, name), text;
    struct value *json;
    struct failure why = {0};
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    if (json_read(&p->values, path, text, &json, &why) < 0) {
        unit_note(p, unit, "copied as it is: %s", why.text);
        return unit_text(p, unit, path, f);
    }
    value_drop(json, "name");
    value_drop(json, "version");
    struct value *packages = value_get(json, "packages");
    for (size_t i = 0; i < value_count(packages); i++) {
        struct bytes key = packages->pairs[i].key, dir;
        struct value *entry = packages->pairs[i].value;
        if (text_has(key, "node_modules/"))
            continue;
        struct manifest *package = path_resolve(&p->values.arena, n->root->dir, key, &dir)
                                       ? npm_package(n, dir)
                                       : NULL;
        if (!package || !(package->marks & PACKAGE_REAL_VERSION))
            value_drop(entry, "version");
        value_drop(entry, "license");
        value_drop(entry, "funding");
    }
    return unit_json(p, unit, path, json, f);
}
