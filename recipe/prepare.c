/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_prepare(): asks every ecosystem for its units, then sorts and checks the recipe. */
#include "check.h"
#include "ecos.h"
#include "unit.h"

#include <errno.h>

/* ---- sorting ----------------------------------------------------------------------- */

static int prepare_compare_units(const void *a, const void *b)
{
    const struct recipe_unit *x = a, *y = b;
    int order = bytes_compare(x->eco, y->eco);
    return order ? order : path_depth_compare(x->dir, y->dir);
}

struct ranked {
    struct bytes path;
    size_t was; /* its index before sorting */
};

static int prepare_compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = bytes_compare(x->path, y->path);
    return order ? order : (x->was > y->was) - (x->was < y->was);
}

static int prepare_compare_index(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Replaces indices by what they become, and sorts them. */
static void prepare_renumber(size_t *at, size_t n, const size_t *becomes)
{
    for (size_t i = 0; i < n; i++)
        at[i] = becomes[at[i]];
    if (n)
        qsort(at, n, sizeof(*at), prepare_compare_index);
}

/* Sorts by path. Returns the new index of each old one. */
static size_t *prepare_sort_ranked(struct recipe *recipe, struct ranked *ranked, size_t n)
{
    size_t *becomes = ARENA_ARRAY(&recipe->arena, n, size_t);
    if (n)
        qsort(ranked, n, sizeof(*ranked), prepare_compare_ranked);
    for (size_t i = 0; i < n; i++)
        becomes[ranked[i].was] = i;
    return becomes;
}

/* Sorts units, files and stubs, so that a recipe is written in one way only. */
static void prepare_sort(struct recipe *recipe)
{
    struct arena *a = &recipe->arena;
    if (recipe->n_units)
        qsort(recipe->units, recipe->n_units, sizeof(*recipe->units), prepare_compare_units);
    struct ranked *files = ARENA_ARRAY(a, recipe->n_files, struct ranked);
    struct ranked *stubs = ARENA_ARRAY(a, recipe->n_stubs, struct ranked);
    struct recipe_file *old_files = recipe->files;
    struct recipe_stub *old_stubs = recipe->stubs;
    for (size_t i = 0; i < recipe->n_files; i++)
        files[i] = (struct ranked){old_files[i].path, i};
    for (size_t i = 0; i < recipe->n_stubs; i++)
        stubs[i] = (struct ranked){old_stubs[i].path, i};
    size_t *files_to = prepare_sort_ranked(recipe, files, recipe->n_files);
    size_t *stubs_to = prepare_sort_ranked(recipe, stubs, recipe->n_stubs);
    recipe->files = ARENA_ARRAY(a, recipe->n_files, struct recipe_file);
    recipe->stubs = ARENA_ARRAY(a, recipe->n_stubs, struct recipe_stub);
    for (size_t i = 0; i < recipe->n_files; i++)
        recipe->files[i] = old_files[files[i].was];
    for (size_t i = 0; i < recipe->n_stubs; i++)
        recipe->stubs[i] = old_stubs[stubs[i].was];
    for (size_t i = 0; i < recipe->n_units; i++) {
        prepare_renumber(recipe->units[i].files, recipe->units[i].n_files, files_to);
        prepare_renumber(recipe->units[i].stubs, recipe->units[i].n_stubs, stubs_to);
    }
}

/* ---- the recipe -------------------------------------------------------------------- */

static int prepare_nothing_found(const struct recipe_options *options, struct failure *f)
{
    if (options->ecos || options->dir)
        return fail(f, -ENOENT,
                    "the context has nothing for%s%s%s%s; ctx-recipe digest --units PATH lists "
                    "what it has",
                    options->ecos ? " " : "", options->ecos ? options->ecos : "",
                    options->dir ? " --dir=" : "", options->dir ? options->dir : "");
    return fail(f, -ENOENT,
                "no manifest of a known kind is in the context (Cargo.toml, package.json, "
                "pyproject.toml, requirements.txt, go.mod, pom.xml, ...)");
}

static int prepare_check_bins(const struct prepare *p, struct failure *f)
{
    for (size_t i = 0; i < p->options->n_bins; i++) {
        struct bytes name = bytes_of(p->options->bins[i]);
        if (!table_get(&p->bins, name))
            return fail(f, -EINVAL, "--bin=%s: no package and no binary has that name",
                        QUOTE(name));
    }
    return 0;
}

int recipe_prepare(struct listing *l, const struct recipe_options *options, struct notes *notes,
                   struct recipe **ret, struct failure *f)
{
    struct prepare p = {.l = l,
                        .options = options,
                        .notes = notes,
                        .recipe = xcalloc(1, sizeof(struct recipe))};
    int r = 0;
    for (size_t i = 0; i < n_ecos && r == 0; i++)
        if (prepare_wants(options, ecos[i]->name))
            r = ecos[i]->find(&p, f);
    r = r < 0 ? r : prepare_check_bins(&p, f);
    values_release(&p.values);
    table_release(&p.claimed);
    table_release(&p.placed);
    table_release(&p.bins);
    table_release(&p.scrubbed);
    table_release(&p.told);
    if (r == 0) {
        prepare_sort(p.recipe);
        r = recipe_check(p.recipe, f);
        if (r < 0)
            r = fail_wrap(f, -EINVAL, "this context can't have a recipe");
    }
    if (r < 0) {
        recipe_free(p.recipe);
        return r;
    }
    *ret = p.recipe;
    return p.recipe->n_units ? 0 : prepare_nothing_found(options, f);
}
