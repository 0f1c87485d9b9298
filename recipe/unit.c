/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "unit-told.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- finding ----------------------------------------------------------------------- */

bool prepare_wants(const struct recipe_options *options, const char *eco)
{
    if (!options->ecos)
        return true;
    struct bytes rest = bytes_of(options->ecos), one;
    while (bytes_next(&rest, ',', &one))
        if (bytes_equal(one, bytes_of(eco)))
            return true;
    return false;
}

struct bytes prepare_path(struct prepare *p, struct bytes dir, const char *name)
{
    return path_join(&p->values.arena, dir, bytes_of(name));
}

bool prepare_has(struct prepare *p, struct bytes dir, const char *name)
{
    return listing_is_file(p->l, prepare_path(p, dir, name));
}

static int prepare_compare_dirs(const void *a, const void *b)
{
    return path_shallow_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

void prepare_sort_dirs(struct bytes *dirs, size_t n)
{
    if (n)
        qsort(dirs, n, sizeof(*dirs), prepare_compare_dirs);
}

struct bytes *prepare_dirs(struct prepare *p, const char *name, size_t *ret_n)
{
    struct bytes *dirs = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < p->l->n; i++)
        if (listing_named(p->l, i, name))
            *ARENA_PUSH(&p->values.arena, dirs, &n, &cap) = path_dir(p->l->at[i].path);
    prepare_sort_dirs(dirs, n);
    *ret_n = n;
    return dirs;
}

struct bytes prepare_printf(struct prepare *p, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return arena_copy(&p->values.arena, bytes_of(text));
}

int prepare_read(struct prepare *p, struct bytes path, struct bytes *ret, struct failure *f)
{
    return prepare_read_file(p, path, MANIFEST_MAX, ret, NULL, f);
}

int prepare_read_file(struct prepare *p, struct bytes path, size_t max, struct bytes *ret,
                      bool *ret_executable, struct failure *f)
{
    struct arena *a = &p->values.arena;
    struct bytes text;
    int r = listing_read(p->l, a, path, max, &text, ret_executable, f);
    if (r < 0)
        return r;
    struct scrubbed *clean = ARENA_NEW(a, struct scrubbed);
    *clean = scrub_text(a, path, text);
    if (clean->n)
        *table_put(&p->scrubbed, path, NULL) = (uintptr_t)clean;
    *ret = clean->text;
    return 0;
}

/* ---- units ------------------------------------------------------------------------- */

static bool unit_is_wanted(const struct prepare *p, const char *eco, struct bytes dir)
{
    const char *asked = p->options->dir;
    return prepare_wants(p->options, eco) &&
           (!asked || bytes_equal(path_clean_root(&p->recipe->arena, bytes_of(asked)), dir));
}

struct recipe_unit *unit_new(struct prepare *p, const char *eco, struct bytes dir)
{
    struct recipe *recipe = p->recipe;
    if (!unit_is_wanted(p, eco, dir))
        return NULL;
    /* .NET asks twice: a directory may hold a project and a solution. */
    for (size_t i = 0; i < recipe->n_units; i++)
        if (bytes_equal(recipe->units[i].eco, bytes_of(eco)) &&
            bytes_equal(recipe->units[i].dir, dir))
            return &recipe->units[i];
    struct recipe_unit *unit =
        ARENA_PUSH(&recipe->arena, recipe->units, &recipe->n_units, &recipe->cap_units);
    unit->eco = bytes_of(eco);
    unit->dir = arena_copy(&recipe->arena, dir);
    return unit;
}

/* The key of a unit's file in p->placed. */
static struct bytes unit_file_key(struct prepare *p, const struct recipe_unit *unit,
                                  struct bytes path)
{
    return arena_printf(&p->values.arena, "%zu:%.*s", (size_t)(unit - p->recipe->units),
                        BYTES_ARG(path));
}

bool unit_has(struct prepare *p, const struct recipe_unit *unit, struct bytes path)
{
    return table_get(&p->placed, unit_file_key(p, unit, path)) != NULL;
}

static void unit_put_content(struct prepare *p, struct recipe_file *file, struct bytes content)
{
    file->content = arena_copy(&p->recipe->arena, content);
    file->size = content.len;
    file->hash = sha256(content);
    file->blob =
        file->size > BLOB_FROM && (file->size > BLOB_TEXT_FROM || !utf8_is_text(content));
}

void unit_set_content(struct prepare *p, struct recipe_unit *unit, struct recipe_file *file,
                      struct bytes content)
{
    unit_tell(p, unit, file->path, &content);
    unit_put_content(p, file, content);
}

static void unit_add_file(struct prepare *p, struct recipe_unit *unit, struct recipe_file file)
{
    struct recipe *recipe = p->recipe;
    struct arena *a = &recipe->arena;
    file.path = arena_copy(a, file.path);
    file.target = arena_copy(a, file.target);
    if (file.is_link)
        file.hash = sha256(file.target);
    else
        unit_put_content(p, &file, file.content);
    *table_put(&p->placed, unit_file_key(p, unit, file.path), NULL) = 1;
    *ARENA_PUSH(a, unit->files, &unit->n_files, &unit->cap_files) = recipe->n_files;
    *ARENA_PUSH(a, recipe->files, &recipe->n_files, &recipe->cap_files) = file;
}

void unit_file(struct prepare *p, struct recipe_unit *unit, struct bytes path, unsigned mode,
               struct bytes content)
{
    if (!unit_has(p, unit, path) && unit_tell(p, unit, path, &content))
        unit_add_file(p, unit,
                      (struct recipe_file){.path = path, .mode = mode, .content = content});
}

/* Adds a link, unless its target leaves the context. */
static int unit_add_link(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                         struct failure *f)
{
    char target[PATH_MAX];
    cleanup_fd int fd = io_open_beneath(
        p->l->root_fd, arena_string(&p->values.arena, path_dir(path)), O_PATH | O_DIRECTORY);
    ssize_t n = fd < 0 ? fd
                       : readlinkat(fd, arena_string(&p->values.arena, path_name(path)), target,
                                    sizeof(target));
    if (n < 0)
        return fail_errno(f, fd < 0 ? fd : -errno, "can't read the link %s", QUOTE(path));
    struct bytes view = bytes_at(target, (size_t)n), ignored;
    if (n == 0 || target[0] == '/' ||
        !path_resolve(&p->values.arena, path_dir(path), view, &ignored)) {
        unit_note(p, unit, "left out %.*s: a link that leaves the context", BYTES_ARG(path));
        return 0;
    }
    unit_add_file(
        p, unit,
        (struct recipe_file){.path = path, .mode = 0777, .is_link = true, .target = view});
    return 0;
}

static int unit_add_listed(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                           bool vendored, struct failure *f)
{
    struct listed *e = listing_find(p->l, path);
    if (!e || e->kind == LISTED_DIR || unit_has(p, unit, path))
        return 0;
    if (e->kind == LISTED_LINK)
        return unit_add_link(p, unit, path, f);
    struct bytes content;
    bool executable;
    int r = vendored ? listing_read(p->l, &p->values.arena, path, RECIPE_BYTES_MAX, &content,
                                    &executable, f)
                     : prepare_read_file(p, path, RECIPE_BYTES_MAX, &content, &executable, f);
    if (r < 0)
        return r;
    struct recipe_file file = {
        .path = path, .mode = executable ? 0755 : 0644, .content = content};
    if (vendored)
        unit_add_file(p, unit, file);
    else
        unit_file(p, unit, path, file.mode, content);
    return 0;
}

int unit_raw(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct failure *f)
{
    return unit_add_listed(p, unit, path, false, f);
}

int unit_raw_tree(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                  struct failure *f)
{
    size_t first, end;
    int r = 0;
    listing_below(p->l, dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++)
        r = unit_raw(p, unit, p->l->at[i].path, f);
    return r;
}

int unit_vendored_tree(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                       struct failure *f)
{
    size_t first, end;
    int r = 0;
    listing_below(p->l, dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++)
        r = unit_add_listed(p, unit, p->l->at[i].path, true, f);
    return r;
}

void unit_stub(struct prepare *p, struct recipe_unit *unit, struct bytes path, const char *kind)
{
    struct recipe *recipe = p->recipe;
    for (size_t i = 0; i < unit->n_stubs; i++)
        if (bytes_equal(recipe->stubs[unit->stubs[i]].path, path))
            return;
    *ARENA_PUSH(&recipe->arena, unit->stubs, &unit->n_stubs, &unit->cap_stubs) =
        recipe->n_stubs;
    *ARENA_PUSH(&recipe->arena, recipe->stubs, &recipe->n_stubs, &recipe->cap_stubs) =
        (struct recipe_stub){arena_copy(&recipe->arena, path), bytes_of(kind)};
}

void unit_note(struct prepare *p, struct recipe_unit *unit, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    unit_note_and_warn(p, unit, bytes_of(text), bytes_of(text));
}

void unit_install(struct prepare *p, struct recipe_unit *unit, const char *const *words)
{
    unit->n_install = 0;
    for (; *words; words++)
        *ARENA_PUSH(&p->recipe->arena, unit->install, &unit->n_install, &unit->cap_install) =
            bytes_of(*words); /* literals */
}

void unit_needs(struct prepare *p, struct recipe_unit *unit, const char *tool)
{
    unit->n_needs = 0;
    *ARENA_PUSH(&p->recipe->arena, unit->needs, &unit->n_needs, &unit->cap_needs) =
        bytes_of(tool);
}

void unit_after(struct prepare *p, struct recipe_unit *unit, const char *line)
{
    *ARENA_PUSH(&p->recipe->arena, unit->after, &unit->n_after, &unit->cap_after) =
        arena_copy(&p->recipe->arena, bytes_of(line));
}

/* ---- which directories ------------------------------------------------------------- */

bool unit_worth(struct prepare *p, struct bytes dir)
{
    const char *asked = p->options->dir;
    return dir.len == 0 ||
           (asked && bytes_equal(path_clean_root(&p->values.arena, bytes_of(asked)), dir));
}

static bool unit_is_locked(struct prepare *p, struct bytes dir, const char *lock)
{
    return unit_worth(p, dir) || prepare_has(p, dir, lock);
}

int unit_each(struct prepare *p, const char *marker, const char *lock,
              int (*make)(struct prepare *p, struct bytes dir, struct failure *f),
              struct failure *f)
{
    size_t n;
    struct bytes *dirs = prepare_dirs(p, marker, &n);
    bool any = false;
    int r = 0;
    for (size_t i = 0; i < n && !any; i++)
        any = unit_is_locked(p, dirs[i], lock);
    for (size_t i = 0; i < n && r == 0; i++)
        if ((!any || unit_is_locked(p, dirs[i], lock)) &&
            !table_get(&p->claimed, prepare_path(p, dirs[i], marker)))
            r = make(p, dirs[i], f);
    return r;
}
