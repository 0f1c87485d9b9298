/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a recipe that a stream carries, below .ctx in the context:
 *
 *     .ctx/recipe.json                 the recipe, and beside it ctx-recipe.blobs
 *     .ctx/cargo/root/Cargo.toml       the skeleton of the unit at the root
 *     .ctx/npm/web-app/web/app/…       of the unit in web/app: paths are the context's
 *
 * Each unit has a tree of its own, so that an edit of one unit never invalidates the image
 * layer of another.
 */
#include "items.h"

#include <ctype.h>
#include <errno.h>

struct carrying {
    const struct recipe *recipe;
    struct arena *arena;
    struct carried *at;
    size_t n, cap;
    struct table slugs; /* set of the "eco/slug" that are taken */
};

static void carried_add_file(struct carrying *c, struct carried file)
{
    *ARENA_PUSH(c->arena, c->at, &c->n, &c->cap) = file;
}

/* The directory name of a unit: "web/app" -> "web-app". If another unit of the ecosystem has it
 * already, a number is added. */
static struct bytes carried_slug(struct carrying *c, const struct recipe_unit *unit)
{
    uint8_t *text = arena_alloc(c->arena, unit->dir.len + 1);
    for (size_t i = 0; i < unit->dir.len; i++)
        text[i] =
            isalnum(unit->dir.at[i]) || strchr("._-", unit->dir.at[i]) ? unit->dir.at[i] : '-';
    struct bytes base = unit->dir.len ? bytes_at(text, unit->dir.len) : BYTES("root");
    base = bytes_head(base, RECIPE_NAME_MAX - 16); /* leaves room for the number */
    struct bytes slug = base;
    for (unsigned n = 2;; n++) {
        bool first;
        table_put(&c->slugs,
                  arena_printf(c->arena, "%.*s/%.*s", BYTES_ARG(unit->eco), BYTES_ARG(slug)),
                  &first);
        if (first)
            return slug;
        slug = arena_printf(c->arena, "%.*s-%u", BYTES_ARG(base), n);
    }
}

static int carried_add_unit(struct carrying *c, size_t i, struct failure *f)
{
    const struct recipe_unit *unit = &c->recipe->units[i];
    struct cook how = {.eco = arena_string(c->arena, unit->eco),
                       .dir = unit->dir.len ? arena_string(c->arena, unit->dir) : "."};
    struct bytes slug = carried_slug(c, unit);
    struct bytes top = arena_printf(c->arena, "%s/%.*s/%.*s", RECIPE_CARRIED,
                                    BYTES_ARG(unit->eco), BYTES_ARG(slug));
    struct item *items;
    size_t n;
    int r = recipe_items(c->recipe, &how, c->arena, &items, &n, f);
    for (size_t k = 0; k < n && r == 0; k++) {
        struct bytes path = path_join(c->arena, top, items[k].path);
        if (path.len > RECIPE_PATH_MAX)
            return fail(f, -ENAMETOOLONG, "%s: the path is too long", QUOTE(path));
        carried_add_file(c, (struct carried){.path = path,
                                             .unit = i,
                                             .top = top,
                                             .mode = items[k].mode,
                                             .is_link = items[k].is_link,
                                             .content = items[k].content});
    }
    return r;
}

static void carried_add_blobs(struct carrying *c)
{
    char hex[2 * sizeof(((struct sha256 *)0)->at) + 1];
    cleanup_table struct table seen = {0};
    for (size_t i = 0; i < c->recipe->n_files; i++) {
        const struct recipe_file *file = &c->recipe->files[i];
        bool first;
        if (!file->blob)
            continue;
        hex_text(hex, file->hash.at, sizeof(file->hash.at));
        struct bytes path =
            arena_printf(c->arena, "%s/%s/%s", RECIPE_CARRIED, RECIPE_BLOBS, hex);
        table_put(&seen, path, &first);
        if (first)
            carried_add_file(c, (struct carried){.path = path,
                                                 .unit = SIZE_MAX,
                                                 .top = BYTES(RECIPE_CARRIED),
                                                 .mode = 0644,
                                                 .content = file->content});
    }
}

static int carried_compare(const void *a, const void *b)
{
    const struct carried *x = a, *y = b;
    return path_depth_compare(x->path, y->path);
}

int recipe_carried(const struct recipe *recipe, struct arena *arena, struct carried **ret,
                   size_t *ret_n, struct failure *f)
{
    struct carrying c = {.recipe = recipe, .arena = arena};
    cleanup_buf struct buf json = BUF(2ul * RECIPE_BYTES_MAX);
    int r = recipe_write(recipe, &json, f);
    if (r == 0)
        carried_add_file(&c, (struct carried){.path = BYTES(RECIPE_CARRIED "/recipe.json"),
                                              .unit = SIZE_MAX,
                                              .top = BYTES(RECIPE_CARRIED),
                                              .mode = 0644,
                                              .content = arena_copy(arena, buf_bytes(&json))});
    carried_add_blobs(&c);
    for (size_t i = 0; i < recipe->n_units && r == 0; i++)
        r = carried_add_unit(&c, i, f);
    table_release(&c.slugs);
    if (c.n)
        qsort(c.at, c.n, sizeof(*c.at), carried_compare);
    *ret = c.at;
    *ret_n = c.n;
    return r;
}
