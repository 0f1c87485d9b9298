/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

#include "stubs.h"

#include <errno.h>

static bool items_unit_is_chosen(const struct recipe *recipe, size_t i, const struct cook *how)
{
    const struct recipe_unit *unit = &recipe->units[i];
    if (how->eco && !bytes_equal(bytes_of(how->eco), unit->eco))
        return false;
    cleanup_arena struct arena a = {0};
    return !how->dir || bytes_equal(path_clean_root(&a, bytes_of(how->dir)), unit->dir);
}

static int items_compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return bytes_compare(x->path, y->path);
}

static bool items_are_same(const struct item *x, const struct item *y)
{
    return x->mode == y->mode && x->is_link == y->is_link &&
           bytes_equal(x->content, y->content);
}

/* Drops what is there twice. Two units may need the same file if they agree about it. */
static int items_unite(struct item *items, size_t *n, struct failure *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (kept && bytes_equal(items[kept - 1].path, items[i].path)) {
            if (items_are_same(&items[kept - 1], &items[i]))
                continue;
            return fail(f, -EEXIST,
                        "two units of the recipe hold different versions of %s: choose one by "
                        "--eco or --dir",
                        QUOTE(items[i].path));
        }
        items[kept++] = items[i];
    }
    *n = kept;
    return 0;
}

int recipe_items(const struct recipe *recipe, const struct cook *how, struct arena *a,
                 struct item **ret, size_t *ret_n, struct failure *f)
{
    struct item *items = NULL;
    size_t n = 0, cap = 0;
    bool any = false;
    for (size_t i = 0; i < recipe->n_units; i++) {
        const struct recipe_unit *unit = &recipe->units[i];
        if (!items_unit_is_chosen(recipe, i, how))
            continue;
        any = true;
        for (size_t j = 0; j < unit->n_files; j++) {
            const struct recipe_file *file = &recipe->files[unit->files[j]];
            *ARENA_PUSH(a, items, &n, &cap) =
                (struct item){.path = file->path,
                              .mode = file->mode,
                              .is_link = file->is_link,
                              .content = file->is_link ? file->target : file->content};
        }
        for (size_t j = 0; j < unit->n_stubs; j++) {
            const struct recipe_stub *stub = &recipe->stubs[unit->stubs[j]];
            *ARENA_PUSH(a, items, &n, &cap) =
                (struct item){.path = stub->path,
                              .mode = 0644,
                              .content = stub_text(stub->kind, how->no_std)};
        }
    }
    if (!any)
        return fail(f, -ENOENT,
                    "the recipe has no such unit; ctx-recipe digest --units lists "
                    "them");
    if (n)
        qsort(items, n, sizeof(*items), items_compare);
    int r = items_unite(items, &n, f);
    *ret = items;
    *ret_n = n;
    return r;
}
