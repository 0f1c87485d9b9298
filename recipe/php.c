/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PHP, with composer. The keys that composer's content hash covers stay as they are, so that
 * the lock still fits. Scripts and autoloading come with the sources. Source: composer's
 * Locker.
 */
#include "ecos.h"
#include "pathglob.h"
#include "unit-text.h"

static const char *const kept[] = {
    "name",         "type",    "version", "require",           "require-dev",
    "conflict",     "replace", "provide", "minimum-stability", "prefer-stable",
    "repositories", "extra",   "config",
};

/* Adds a composer.json, masked; *ret is what it said, or NULL if it can't be parsed. */
static int php_mask(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                    struct value **ret, struct failure *f)
{
    struct bytes path = prepare_path(p, dir, "composer.json"), text;
    struct failure why = {0};
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    *table_put(&p->claimed, path, NULL) = 1;
    if (json_read(&p->values, path, text, ret, &why) < 0) {
        *ret = NULL;
        unit_note(p, unit, "copied as it is: %s", why.text);
        return unit_text(p, unit, path, f);
    }
    struct value *json = value_keep(&p->values, *ret, kept, ARRAY_SIZE(kept));
    value_sort(value_get(json, "require"));
    value_sort(value_get(json, "require-dev"));
    return unit_json(p, unit, path, json, f);
}

/* Adds the manifests of path repositories: {"type": "path", "url": "packages/…"}, where the URL
 * may be a pattern. */
static int php_add_paths(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                         const struct value *json, struct failure *f)
{
    const struct value *all = value_get(json, "repositories");
    int r = 0;
    for (size_t i = 0; i < value_count(all) && r == 0; i++) {
        const struct value *one = all->pairs[i].value;
        struct bytes url = value_text(value_get(one, "url")), full;
        if (!bytes_equal(value_text(value_get(one, "type")), BYTES("path")) ||
            !path_resolve(&p->values.arena, dir, url, &full))
            continue;
        for (size_t j = 0; j < p->l->n && r == 0; j++) {
            struct value *ignored;
            struct bytes at = path_dir(p->l->at[j].path);
            if (listing_named(p->l, j, "composer.json") &&
                !unit_has(p, unit, p->l->at[j].path) &&
                (bytes_equal(full, at) || path_glob(full, at, false)))
                r = php_mask(p, unit, at, &ignored, f);
        }
    }
    return r;
}

static int php_make_unit(struct prepare *p, struct bytes dir, struct failure *f)
{
    static const char *const install[] = {"composer",     "install",         "--no-dev",
                                          "--no-scripts", "--no-autoloader", NULL};
    struct recipe_unit *unit = unit_new(p, "php", dir);
    struct value *json;
    if (!unit)
        return 0;
    unit_needs(p, unit, "composer");
    unit_install(p, unit, install);
    unit_after(p, unit, "composer dump-autoload -o");
    int r = php_mask(p, unit, dir, &json, f);
    if (r == 0)
        r = php_add_paths(p, unit, dir, json, f);
    if (r == 0)
        r = unit_text(p, unit, prepare_path(p, dir, "composer.lock"), f);
    return r == 0 ? unit_text(p, unit, prepare_path(p, dir, "symfony.lock"), f) : r;
}

static int php_find(struct prepare *p, struct failure *f)
{
    return unit_each(p, "composer.json", "composer.lock", php_make_unit, f);
}

static bool php_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    static const char *const lists[] = {"packages", "packages-dev"};
    struct value *json;
    if (!bytes_equal(path_name(file->path), BYTES("composer.lock")) ||
        json_read(pool, file->path, file->content, &json, NULL) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct value *packages = value_get(json, lists[i]);
        for (size_t j = 0; j < value_count(packages); j++) {
            const struct value *one = packages->pairs[j].value;
            struct value *version = value_get(one, "version");
            if (version && value_text(value_get(one, "name")).at)
                value_put(pool, into, value_text(value_get(one, "name")), version);
        }
    }
    return true;
}

const struct eco eco_php = {"php", php_find, php_list};
