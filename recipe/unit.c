/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe as it is made: units and their files. */
#include "recipe-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

const struct eco *const ecos[] = {
    &eco_cargo, &eco_dotnet, &eco_elixir, &eco_go,     &eco_gradle,
    &eco_maven, &eco_npm,    &eco_php,    &eco_python, &eco_ruby,
};
const size_t n_ecos = ARRAY_SIZE(ecos);

void recipe_free(struct recipe *recipe)
{
    if (!recipe)
        return;
    arena_release(&recipe->arena);
    free(recipe);
}

/* ---- units ------------------------------------------------------------------------- */

static bool wants_eco(const struct recipe_options *options, const char *eco)
{
    if (!options->ecos)
        return true;
    struct bytes rest = bytes_of(options->ecos), one;
    while (bytes_next(&rest, ',', &one))
        if (bytes_equal(one, bytes_of(eco)))
            return true;
    return false;
}

int recipe_check_ecos(const char *names, struct failure *f)
{
    char all[256] = "";
    struct bytes rest = bytes_of(names), one;
    for (size_t i = 0; i < n_ecos; i++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
                 ecos[i]->name);
    while (bytes_next(&rest, ',', &one)) {
        bool known = false;
        for (size_t i = 0; i < n_ecos; i++)
            known |= bytes_equal(one, bytes_of(ecos[i]->name));
        if (!known)
            return fail(f, -EINVAL, "%s is no ecosystem that is known here: %s", QUOTE(one),
                        all);
    }
    return 0;
}

static bool wanted(const struct prepare *p, const char *eco, struct bytes dir)
{
    const char *asked = p->options->dir;
    return wants_eco(p->options, eco) &&
           (!asked || bytes_equal(path_clean_root(&p->recipe->arena, bytes_of(asked)), dir));
}

struct recipe_unit *unit_new(struct prepare *p, const char *eco, struct bytes dir)
{
    struct recipe *recipe = p->recipe;
    if (!wanted(p, eco, dir))
        return NULL;
    /* A project may lie beside a solution. */
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

/* A file of a unit, for the table of them all. */
static struct bytes placed_key(struct prepare *p, const struct recipe_unit *unit,
                               struct bytes path)
{
    return arena_printf(&p->values.arena, "%zu:%.*s", (size_t)(unit - p->recipe->units),
                        BYTES_ARG(path));
}

bool unit_has(struct prepare *p, const struct recipe_unit *unit, struct bytes path)
{
    return table_get(&p->placed, placed_key(p, unit, path)) != NULL;
}

void file_content(struct prepare *p, struct recipe_file *file, struct bytes content)
{
    file->content = arena_copy(&p->recipe->arena, content);
    file->size = content.len;
    file->hash = sha256(content);
    file->blob =
        file->size > BLOB_FROM && (file->size > BLOB_TEXT_FROM || !utf8_is_text(content));
}

static void add_file(struct prepare *p, struct recipe_unit *unit, struct recipe_file file)
{
    struct recipe *recipe = p->recipe;
    struct arena *a = &recipe->arena;
    file.path = arena_copy(a, file.path);
    file.target = arena_copy(a, file.target);
    if (file.is_link)
        file.hash = sha256(file.target);
    else
        file_content(p, &file, file.content);
    *table_put(&p->placed, placed_key(p, unit, file.path), NULL) = 1;
    *ARENA_PUSH(a, unit->files, &unit->n_files, &unit->cap_files) = recipe->n_files;
    *ARENA_PUSH(a, recipe->files, &recipe->n_files, &recipe->cap_files) = file;
}

void unit_file(struct prepare *p, struct recipe_unit *unit, struct bytes path, unsigned mode,
               struct bytes content)
{
    if (!unit_has(p, unit, path))
        add_file(p, unit, (struct recipe_file){.path = path, .mode = mode, .content = content});
}

/* A link stays one where its target stays in the context. */
static int add_link(struct prepare *p, struct recipe_unit *unit, struct bytes path,
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
    add_file(p, unit,
             (struct recipe_file){.path = path, .mode = 0777, .is_link = true, .target = view});
    return 0;
}

int unit_raw(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct failure *f)
{
    struct listed *e = listing_find(p->l, path);
    if (!e || e->kind == LISTED_DIR || unit_has(p, unit, path))
        return 0;
    if (e->kind == LISTED_LINK)
        return add_link(p, unit, path, f);
    struct bytes content;
    bool executable;
    int r =
        listing_read(p->l, &p->values.arena, path, RECIPE_BYTES_MAX, &content, &executable, f);
    if (r == 0)
        unit_file(p, unit, path, executable ? 0755 : 0644, content);
    return r;
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

static void warn(const struct recipe_unit *unit, struct bytes text, struct notes *notes)
{
    notes_add(notes, NOTE_WARNING, "%.*s in %s: %.*s", BYTES_ARG(unit->eco),
              unit->dir.len ? QUOTE(unit->dir) : "the root", BYTES_ARG(text));
}

void recipe_unit_warnings(const struct recipe *recipe, size_t unit, struct notes *notes)
{
    const struct recipe_unit *u = &recipe->units[unit];
    for (size_t i = 0; i < u->n_notes; i++)
        warn(u, u->notes[i], notes);
}

void unit_note(struct prepare *p, struct recipe_unit *unit, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct arena *a = &p->recipe->arena;
    *ARENA_PUSH(a, unit->notes, &unit->n_notes, &unit->cap_notes) =
        arena_copy(a, bytes_of(text));
    warn(unit, bytes_of(text), p->notes);
}

void unit_install(struct prepare *p, struct recipe_unit *unit, const char *const *words)
{
    unit->n_install = 0;
    for (; *words; words++)
        *ARENA_PUSH(&p->recipe->arena, unit->install, &unit->n_install, &unit->cap_install) =
            bytes_of(*words); /* all are literals */
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
    return listing_read(p->l, &p->values.arena, path, MANIFEST_MAX, ret, NULL, f);
}

bool listed_named(const struct listing *l, size_t i, const char *name)
{
    /* The end first: it is asked of every entry, by each ecosystem. */
    struct bytes path = l->at[i].path, wanted = bytes_of(name);
    return path.len >= wanted.len &&
           memcmp(path.at + path.len - wanted.len, wanted.at, wanted.len) == 0 &&
           (path.len == wanted.len || path.at[path.len - wanted.len - 1] == '/') &&
           (l->at[i].kind == LISTED_FILE || l->at[i].linked_file);
}

/* ---- the whole --------------------------------------------------------------------- */

static int compare_units(const void *a, const void *b)
{
    const struct recipe_unit *x = a, *y = b;
    int order = bytes_compare(x->eco, y->eco);
    return order ? order : path_depth_compare(x->dir, y->dir);
}

struct ranked {
    struct bytes path;
    size_t was;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = bytes_compare(x->path, y->path);
    return order ? order : (x->was > y->was) - (x->was < y->was);
}

static int compare_index(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void renumber(size_t *at, size_t n, const size_t *becomes)
{
    for (size_t i = 0; i < n; i++)
        at[i] = becomes[at[i]];
    if (n)
        qsort(at, n, sizeof(*at), compare_index);
}

static size_t *sort_ranked(struct recipe *recipe, struct ranked *ranked, size_t n)
{
    size_t *becomes = ARENA_ARRAY(&recipe->arena, n, size_t);
    if (n)
        qsort(ranked, n, sizeof(*ranked), compare_ranked);
    for (size_t i = 0; i < n; i++)
        becomes[ranked[i].was] = i;
    return becomes;
}

/* Sorts units, files and stubs, so that a recipe is written in one way only. */
static void sort(struct recipe *recipe)
{
    struct arena *a = &recipe->arena;
    if (recipe->n_units)
        qsort(recipe->units, recipe->n_units, sizeof(*recipe->units), compare_units);
    struct ranked *files = ARENA_ARRAY(a, recipe->n_files, struct ranked);
    struct ranked *stubs = ARENA_ARRAY(a, recipe->n_stubs, struct ranked);
    struct recipe_file *old_files = recipe->files;
    struct recipe_stub *old_stubs = recipe->stubs;
    for (size_t i = 0; i < recipe->n_files; i++)
        files[i] = (struct ranked){old_files[i].path, i};
    for (size_t i = 0; i < recipe->n_stubs; i++)
        stubs[i] = (struct ranked){old_stubs[i].path, i};
    size_t *files_to = sort_ranked(recipe, files, recipe->n_files);
    size_t *stubs_to = sort_ranked(recipe, stubs, recipe->n_stubs);
    recipe->files = ARENA_ARRAY(a, recipe->n_files, struct recipe_file);
    recipe->stubs = ARENA_ARRAY(a, recipe->n_stubs, struct recipe_stub);
    for (size_t i = 0; i < recipe->n_files; i++)
        recipe->files[i] = old_files[files[i].was];
    for (size_t i = 0; i < recipe->n_stubs; i++)
        recipe->stubs[i] = old_stubs[stubs[i].was];
    for (size_t i = 0; i < recipe->n_units; i++) {
        renumber(recipe->units[i].files, recipe->units[i].n_files, files_to);
        renumber(recipe->units[i].stubs, recipe->units[i].n_stubs, stubs_to);
    }
}

static int nothing_found(const struct recipe_options *options, struct failure *f)
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

static int check_bins(const struct prepare *p, struct failure *f)
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
        if (wants_eco(options, ecos[i]->name))
            r = ecos[i]->find(&p, f);
    r = r < 0 ? r : check_bins(&p, f);
    values_release(&p.values);
    table_release(&p.claimed);
    table_release(&p.placed);
    table_release(&p.bins);
    if (r == 0) {
        sort(p.recipe);
        r = recipe_check(p.recipe, f);
        if (r < 0)
            r = fail_wrap(f, -EINVAL, "this context can't have a recipe");
    }
    if (r < 0) {
        recipe_free(p.recipe);
        return r;
    }
    *ret = p.recipe;
    return p.recipe->n_units ? 0 : nothing_found(options, f);
}

/* ---- what it says ------------------------------------------------------------------ */

struct bytes recipe_unit_hint(const struct recipe *recipe, size_t unit, struct arena *a)
{
    const struct recipe_unit *u = &recipe->units[unit];
    struct bytes hint = BYTES("");
    for (size_t i = 0; i < u->n_install; i++)
        hint = i ? arena_printf(a, "%.*s %.*s", BYTES_ARG(hint), BYTES_ARG(u->install[i]))
                 : u->install[i];
    return hint;
}

size_t recipe_bytes(const struct recipe *recipe)
{
    return recipe->arena.used_bytes;
}

size_t recipe_units(const struct recipe *recipe)
{
    return recipe->n_units;
}

struct bytes recipe_unit_eco(const struct recipe *recipe, size_t unit)
{
    return recipe->units[unit].eco;
}

struct bytes recipe_unit_dir(const struct recipe *recipe, size_t unit)
{
    return recipe->units[unit].dir.len ? recipe->units[unit].dir : BYTES(".");
}
