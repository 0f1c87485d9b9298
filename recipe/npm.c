/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JavaScript: npm, pnpm, yarn and bun. A lock file or a workspace makes a unit, and the
 * packages of the workspace are its members.
 */
#include "ecos.h"
#include "npm-mask.h"
#include "npm-members.h"
#include "text.h"
#include "unit-text.h"

static const struct {
    const char *lock;
    enum manager manager;
} locks[] = {
    {"pnpm-lock.yaml", MANAGER_PNPM},
    {"yarn.lock", MANAGER_YARN},
    {"npm-shrinkwrap.json", MANAGER_NPM},
    {"package-lock.json", MANAGER_NPM},
    {"bun.lock", MANAGER_BUN},
    {"bun.lockb", MANAGER_BUN},
};

static const struct {
    const char *tool;
    const char *with_lock[5], *without[4];
} managers[] = {
    [MANAGER_NPM] = {"npm", {"npm", "ci"}, {"npm", "install"}},
    [MANAGER_PNPM] = {"pnpm", {"pnpm", "install", "--frozen-lockfile"}, {"pnpm", "install"}},
    [MANAGER_YARN] = {"yarn", {"yarn", "install", "--frozen-lockfile"}, {"yarn", "install"}},
    [MANAGER_BERRY] = {"yarn", {"yarn", "install", "--immutable"}, {"yarn", "install"}},
    [MANAGER_BUN] = {"bun", {"bun", "install", "--frozen-lockfile"}, {"bun", "install"}},
};

/* The name of the lock file in a package's directory, or NULL. The lock decides which manager
 * it is; without one, "packageManager" does. */
static const char *npm_find_lock(struct npm *n, const struct manifest *package,
                                 enum manager *ret)
{
    struct bytes said = value_text(value_get(package->value, "packageManager")), text;
    struct failure ignored;
    *ret = bytes_starts(said, BYTES("pnpm"))     ? MANAGER_PNPM
           : bytes_starts(said, BYTES("yarn@1")) ? MANAGER_YARN
           : bytes_starts(said, BYTES("yarn"))   ? MANAGER_BERRY
           : bytes_starts(said, BYTES("bun"))    ? MANAGER_BUN
                                                 : MANAGER_NPM;
    for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
        if (!prepare_has(n->p, package->dir, locks[i].lock))
            continue;
        *ret = locks[i].manager;
        if (*ret == MANAGER_YARN &&
            prepare_read(n->p, prepare_path(n->p, package->dir, "yarn.lock"), &text,
                         &ignored) == 0 &&
            text_has(text, "__metadata:"))
            *ret = MANAGER_BERRY;
        return locks[i].lock;
    }
    return NULL;
}

/* ---- configuration ----------------------------------------------------------------- */

static int npm_add_config(struct npm *n, struct recipe_unit *unit, struct bytes dir,
                          const char *name, struct failure *f)
{
    return unit_lines(n->p, unit, prepare_path(n->p, dir, name), NULL, NULL, f);
}

static int npm_add_yarn(struct npm *n, struct recipe_unit *unit, struct failure *f)
{
    static const char *const trees[] = {".yarn/releases", ".yarn/plugins",
                                        "npm-packages-offline-cache", ".yarn-offline-mirror"};
    int r = unit_raw_tree(n->p, unit, prepare_path(n->p, n->root->dir, ".yarn/patches"), f);
    size_t first, end;
    listing_below(n->p->l, prepare_path(n->p, n->root->dir, ".yarn/cache"), &first, &end);
    if (end > first)
        unit_note(n->p, unit,
                  ".yarn/cache is committed: nothing has to be fetched, and a recipe "
                  "saves little; the cache is not in it");
    for (size_t i = 0; i < ARRAY_SIZE(trees) && r == 0; i++)
        r = unit_vendored_tree(n->p, unit, prepare_path(n->p, n->root->dir, trees[i]), f);
    return r;
}

/* Adds the patches that are the values of a map. */
static int npm_add_patched(struct npm *n, struct recipe_unit *unit, const struct value *patched,
                           struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < value_count(patched) && r == 0; i++) {
        struct bytes path;
        if (path_resolve(&n->p->values.arena, n->root->dir, value_text(patched->pairs[i].value),
                         &path))
            r = unit_raw(n->p, unit, path, f);
    }
    return r;
}

static int npm_add_pnpm(struct npm *n, struct recipe_unit *unit, struct failure *f)
{
    static const char *const hooks[] = {".pnpmfile.cjs", ".pnpmfile.mjs",
                                        "pnpm-workspace.yaml"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(hooks) && r == 0; i++)
        r = unit_text(n->p, unit, prepare_path(n->p, n->root->dir, hooks[i]), f);
    if (r == 0)
        r = npm_add_patched(n, unit, value_get(n->pnpm, "patchedDependencies"), f);
    for (size_t i = 0; i < n->n_of && r == 0; i++) {
        const struct value *meta = value_get(n->of[i]->value, "dependenciesMeta");
        /* With shared-workspace-lockfile=false each package has a lock of its own. */
        if (n->of[i] != n->root)
            r = unit_text(n->p, unit, prepare_path(n->p, n->of[i]->dir, "pnpm-lock.yaml"), f);
        for (size_t j = 0; j < value_count(meta); j++)
            if (value_true(value_get(meta->pairs[j].value, "injected"))) {
                unit_note(n->p, unit,
                          "%s has injected members, which are copied when they are installed: "
                          "install again, with --offline, after the sources came",
                          QUOTE(n->of[i]->path));
                break;
            }
    }
    return r;
}

static int npm_add_all(struct npm *n, struct recipe_unit *unit, const char *lock,
                       struct failure *f)
{
    static const char *const texts[] = {".nvmrc", ".node-version", ".tool-versions",
                                        "bunfig.toml"};
    static const char *const configs[] = {".npmrc", ".yarnrc", ".yarnrc.yml"};
    const struct value *pnpm = value_get(n->root->value, "pnpm");
    int r = 0;
    for (size_t i = 0; i < n->n_of && r == 0; i++) {
        r = npm_mask(n, unit, n->of[i], f);
        for (size_t j = 0; j < ARRAY_SIZE(configs) && r == 0; j++)
            r = npm_add_config(n, unit, n->of[i]->dir, configs[j], f);
    }
    for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
        r = unit_text(n->p, unit, prepare_path(n->p, n->root->dir, texts[i]), f);
    if (r == 0)
        r = npm_add_patched(n, unit, value_get(pnpm, "patchedDependencies"), f);
    if (r == 0)
        r = npm_add_patched(n, unit, value_get(n->root->value, "patchedDependencies"), f);
    if (r == 0 && n->manager == MANAGER_PNPM)
        r = npm_add_pnpm(n, unit, f);
    if (r == 0 && (n->manager == MANAGER_YARN || n->manager == MANAGER_BERRY))
        r = npm_add_yarn(n, unit, f);
    if (r < 0 || !lock)
        return r;
    if (n->manager == MANAGER_NPM)
        return npm_lock(n, unit, lock, f);
    struct bytes path = prepare_path(n->p, n->root->dir, lock);
    return strcmp(lock, "bun.lockb") == 0 ? unit_raw(n->p, unit, path, f)
                                          : unit_text(n->p, unit, path, f);
}

/* ---- units ------------------------------------------------------------------------- */

static int npm_make_unit(struct npm *n, struct manifest *root, struct failure *f)
{
    struct prepare *p = n->p;
    struct bytes text, path = prepare_path(p, root->dir, "pnpm-workspace.yaml");
    struct failure why = {0};
    n->root = root;
    n->pnpm = NULL;
    const char *lock = npm_find_lock(n, root, &n->manager);
    struct recipe_unit *unit = unit_new(p, "npm", root->dir);
    if (listing_is_file(p->l, path)) {
        int r = prepare_read(p, path, &text, f);
        if (r < 0)
            return r;
        if (yaml_read(&p->values, path, text, &n->pnpm, &why) < 0) {
            n->pnpm = NULL;
            if (unit)
                unit_note(p, unit, "its members are not known: %s", why.text);
        }
    }
    int r = npm_members(n, unit, f);
    for (size_t i = 0; i < n->n_of; i++)
        *table_put(&p->claimed, n->of[i]->path, NULL) = 1;
    if (r < 0 || !unit)
        return r;
    if (!lock)
        unit_note(p, unit, "no lock file: versions are not fixed");
    unit_needs(p, unit, managers[n->manager].tool);
    unit_install(p, unit, lock ? managers[n->manager].with_lock : managers[n->manager].without);
    if (p->options->ignore_scripts)
        unit_after(p, unit, "npm rebuild");
    return npm_add_all(n, unit, lock, f);
}

static bool npm_is_workspace(struct npm *n, const struct manifest *package)
{
    return value_get(package->value, "workspaces") ||
           prepare_has(n->p, package->dir, "pnpm-workspace.yaml");
}

static int npm_find(struct prepare *p, struct failure *f)
{
    struct npm n = {.p = p};
    enum manager ignored;
    bool any = false;
    int r = manifests_read(p, "package.json", json_read, &n.packages, f);
    manifests_sort(&n.packages);
    for (size_t i = 0; i < n.packages.n && !any; i++)
        any = npm_find_lock(&n, n.packages.at[i], &ignored) ||
              unit_worth(p, n.packages.at[i]->dir);
    /* Workspaces come first, because they claim packages that would be units otherwise. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n.packages.n && r == 0; i++) {
            struct manifest *package = n.packages.at[i];
            bool locked = npm_find_lock(&n, package, &ignored) != NULL;
            if (npm_is_workspace(&n, package) != (pass == 0) ||
                (table_get(&p->claimed, package->path) && !locked))
                continue;
            if (pass == 1 && table_get(&p->claimed, package->path))
                continue; /* a member that has a lock of its own is still a member */
            if (!any || locked || unit_worth(p, package->dir))
                r = npm_make_unit(&n, package, f);
        }
    }
    manifests_release(&n.packages);
    return r;
}

/* ---- for diff ---------------------------------------------------------------------- */

static void npm_list_version(struct values *pool, struct value *into, struct bytes name,
                             struct bytes version)
{
    struct value *known = value_find(pool, into, name);
    if (known && !bytes_equal(known->text, version))
        version = arena_printf(&pool->arena, "%.*s, %.*s", BYTES_ARG(known->text),
                               BYTES_ARG(version));
    value_put(pool, into, name, value_string(pool, version));
}

static bool npm_list_npm(struct values *pool, const struct recipe_file *file,
                         struct value *into)
{
    struct value *json;
    if (json_read(pool, file->path, file->content, &json, NULL) < 0)
        return false;
    const struct value *packages = value_get(json, "packages");
    const struct value *old = packages ? NULL : value_get(json, "dependencies");
    for (size_t i = 0; i < value_count(packages); i++) {
        struct bytes key = packages->pairs[i].key, mark = BYTES("node_modules/");
        struct bytes version = value_text(value_get(packages->pairs[i].value, "version"));
        for (size_t at = key.len; at-- > 0;) {
            if (bytes_starts(bytes_from(key, at), mark) && version.at) {
                npm_list_version(pool, into, bytes_from(key, at + mark.len), version);
                break;
            }
        }
    }
    for (size_t i = 0; i < value_count(old); i++) {
        struct bytes version = value_text(value_get(old->pairs[i].value, "version"));
        if (version.at)
            npm_list_version(pool, into, old->pairs[i].key, version);
    }
    return true;
}

static struct bytes npm_unquoted(struct bytes b)
{
    while (b.len && strchr("'\" /:", b.at[0]))
        b = bytes_from(b, 1);
    while (b.len && strchr("'\": ", b.at[b.len - 1]))
        b.len--;
    return b;
}

/* pnpm-lock.yaml: "  '@a/b@1.0.0':" or "  /@a/b@1.0.0:" below `packages:`. */
static bool npm_list_pnpm(struct values *pool, const struct recipe_file *file,
                          struct value *into)
{
    struct bytes rest = file->content, line;
    bool inside = false;
    while (rest.at && bytes_next(&rest, '\n', &line)) {
        if (line.len && line.at[0] != ' ')
            inside = bytes_equal(line, BYTES("packages:"));
        if (!inside || !bytes_starts(line, BYTES("  ")) || line.len < 4 || line.at[2] == ' ')
            continue;
        struct bytes key = npm_unquoted(line);
        key = bytes_head(key, bytes_find(key, '('));
        size_t at = bytes_find_last(key, '@');
        if (at > 0 && at < key.len)
            npm_list_version(pool, into, bytes_head(key, at), bytes_from(key, at + 1));
    }
    return true;
}

/* yarn.lock: a line at column 0 begins with the name, a line "  version …" follows. */
static bool npm_list_yarn(struct values *pool, const struct recipe_file *file,
                          struct value *into)
{
    struct bytes rest = file->content, line, name = {NULL, 0};
    while (rest.at && bytes_next(&rest, '\n', &line)) {
        if (line.len && line.at[0] != ' ' && line.at[0] != '#') {
            name = npm_unquoted(bytes_head(line, bytes_find(line, ',')));
            size_t at = bytes_find(bytes_from(name, 1), '@') + 1;
            name = bytes_head(name, at);
        } else if (name.len && bytes_starts(line, BYTES("  version"))) {
            npm_list_version(pool, into, name, npm_unquoted(bytes_from(line, 9)));
            name.len = 0;
        }
    }
    return true;
}

static bool npm_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct bytes name = path_name(file->path);
    if (bytes_equal(name, BYTES("package-lock.json")) ||
        bytes_equal(name, BYTES("npm-shrinkwrap.json")))
        return npm_list_npm(pool, file, into);
    if (bytes_equal(name, BYTES("pnpm-lock.yaml")))
        return npm_list_pnpm(pool, file, into);
    return bytes_equal(name, BYTES("yarn.lock")) && npm_list_yarn(pool, file, into);
}

const struct eco eco_npm = {"npm", npm_find, npm_list};
