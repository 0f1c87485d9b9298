/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

/* Tells whether a file at this path would be obeyed by a program other than the installer. */
static bool check_is_forbidden(struct bytes path)
{
    struct bytes rest = path, component;
    bool cargo = false;
    while (bytes_next(&rest, '/', &component)) {
        if (bytes_equal_nocase(component, BYTES(".git")) ||
            bytes_equal_nocase(component, BYTES(".ssh")) ||
            bytes_equal_nocase(component, BYTES(".docker")))
            return true;
        if (cargo && bytes_starts(component, BYTES("credentials")))
            return true;
        cargo = bytes_equal(component, BYTES(".cargo"));
    }
    return false;
}

static int check_fail(struct failure *f, struct bytes path, const char *why)
{
    return fail(f, RECIPE_UNSAFE, "unsafe recipe: the path %s %s", QUOTE(path), why);
}

int check_path(struct bytes path, struct failure *f)
{
    struct bytes rest = path, component;
    if (path.len == 0)
        return check_fail(f, path, "is empty");
    if (path.len > RECIPE_PATH_MAX)
        return check_fail(f, path, "is too long");
    if (path.at[0] == '/')
        return check_fail(f, path, "is absolute");
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] < 0x20 || path.at[i] == 0x7f || path.at[i] == '\\')
            return check_fail(f, path, "holds a backslash or control character");
    if (path.len > 1 && path.at[1] == ':')
        return check_fail(f, path, "names a drive");
    while (bytes_next(&rest, '/', &component)) {
        if (component.len == 0 || bytes_equal(component, BYTES(".")))
            return check_fail(f, path, "is not clean");
        if (bytes_equal(component, BYTES("..")))
            return check_fail(f, path, "leaves the directory");
        if (component.len > RECIPE_NAME_MAX)
            return check_fail(f, path, "has a name that is too long");
    }
    return check_is_forbidden(path) ? check_fail(f, path, "is one that others obey") : 0;
}

/* Checks that a link's target stays below the root. Only the text counts; the disk is not
 * read. */
static int check_link(struct bytes path, struct bytes target, struct failure *f)
{
    struct bytes rest = target, component, dir = path_dir(path);
    size_t depth = 0;
    if (target.len == 0 || target.len > RECIPE_PATH_MAX || target.at[0] == '/' ||
        bytes_find(target, 0) < target.len)
        return check_fail(f, path, "links to nowhere that is below");
    for (struct bytes walk = dir; walk.at && walk.len && bytes_next(&walk, '/', &component);)
        depth++;
    /* A ".." after a name could go up from wherever another link leads. */
    for (bool named = false; bytes_next(&rest, '/', &component);) {
        if (!bytes_equal(component, BYTES("..")))
            named |= component.len && !bytes_equal(component, BYTES("."));
        else if (named || depth-- == 0)
            return check_fail(f, path, "links out of the directory");
    }
    return 0;
}

enum placed { PLACED_FILE = 1, PLACED_DIR };

/* Adds a path to the set of all. No directory above it may be a file or link of the recipe, and
 * no file may be at a directory. */
static int check_place(struct table *places, struct bytes path, struct failure *f)
{
    for (struct bytes dir = path_dir(path); dir.len; dir = path_dir(dir)) {
        uintptr_t *at = table_put(places, dir, NULL);
        if (*at == PLACED_FILE)
            return check_fail(f, path, "lies below a file");
        *at = PLACED_DIR;
    }
    uintptr_t *at = table_put(places, path, NULL);
    if (*at == PLACED_DIR)
        return check_fail(f, path, "is a directory and a file");
    *at = PLACED_FILE;
    return 0;
}

static int check_unit_paths(const struct recipe *recipe, const struct recipe_unit *unit,
                            struct table *places, struct failure *f)
{
    cleanup_table struct table own = {0};
    int r = 0;
    for (size_t i = 0; i < unit->n_files && r == 0; i++) {
        struct bytes path = recipe->files[unit->files[i]].path;
        bool first;
        table_put(&own, path, &first);
        r = first ? check_place(places, path, f) : check_fail(f, path, "is there twice");
    }
    for (size_t i = 0; i < unit->n_stubs && r == 0; i++) {
        struct bytes path = recipe->stubs[unit->stubs[i]].path;
        bool first;
        table_put(&own, path, &first);
        r = first ? check_place(places, path, f) : check_fail(f, path, "is there twice");
    }
    return r;
}

int recipe_check(const struct recipe *recipe, struct failure *f)
{
    cleanup_table struct table places = {0};
    uint64_t total = 0;
    int r = 0;
    if (recipe->n_files + recipe->n_stubs > RECIPE_FILES_MAX)
        return fail(f, RECIPE_UNSAFE, "unsafe recipe: more than %d files", RECIPE_FILES_MAX);
    for (size_t i = 0; i < recipe->n_files && r == 0; i++) {
        const struct recipe_file *file = &recipe->files[i];
        r = check_path(file->path, f);
        if (r == 0 && file->is_link)
            r = check_link(file->path, file->target, f);
        total += file->size;
    }
    for (size_t i = 0; i < recipe->n_stubs && r == 0; i++)
        r = check_path(recipe->stubs[i].path, f);
    if (r == 0 && total > RECIPE_BYTES_MAX)
        r = fail(f, RECIPE_UNSAFE, "unsafe recipe: more than %u MiB", RECIPE_BYTES_MAX >> 20);
    for (size_t i = 0; i < recipe->n_units && r == 0; i++)
        r = check_unit_paths(recipe, &recipe->units[i], &places, f);
    return r;
}
