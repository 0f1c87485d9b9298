/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe as an object: what can be asked of one, however it was made. */
#include "recipe-priv.h"

#include <stdlib.h>

void recipe_free(struct recipe *recipe)
{
    if (!recipe)
        return;
    arena_release(&recipe->arena);
    free(recipe);
}

size_t recipe_bytes(const struct recipe *recipe)
{
    return recipe->arena.used_bytes;
}

/* ---- units ------------------------------------------------------------------------- */

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

struct bytes recipe_unit_hint(const struct recipe *recipe, size_t unit, struct arena *a)
{
    const struct recipe_unit *u = &recipe->units[unit];
    struct bytes hint = BYTES("");
    for (size_t i = 0; i < u->n_install; i++)
        hint = i ? arena_printf(a, "%.*s %.*s", BYTES_ARG(hint), BYTES_ARG(u->install[i]))
                 : u->install[i];
    return hint;
}

void recipe_unit_warn(const struct recipe_unit *unit, struct bytes text, struct notes *notes)
{
    notes_add(notes, NOTE_WARNING, "%.*s in %s: %.*s", BYTES_ARG(unit->eco),
              unit->dir.len ? QUOTE(unit->dir) : "the root", BYTES_ARG(text));
}

void recipe_unit_warnings(const struct recipe *recipe, size_t unit, struct notes *notes)
{
    const struct recipe_unit *u = &recipe->units[unit];
    for (size_t i = 0; i < u->n_notes; i++)
        recipe_unit_warn(u, u->notes[i], notes);
}

/* ---- contents ---------------------------------------------------------------------- */

bool recipe_has_blobs(const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->n_files; i++)
        if (recipe->files[i].blob)
            return true;
    return false;
}

struct bytes chef_text(const struct chef *chef, struct bytes path)
{
    if (!chef->present)
        return (struct bytes){NULL, 0};
    for (size_t i = 0; i < chef->n_manifests; i++)
        if (bytes_equal(chef->manifests[i].path, path))
            return chef->manifests[i].contents;
    if (bytes_equal(path, BYTES("Cargo.lock")))
        return chef->lock;
    if (bytes_equal(path, BYTES(".cargo/config.toml")))
        return chef->config;
    if (bytes_equal(path, chef->toolchain_bare ? BYTES("rust-toolchain")
                                               : BYTES("rust-toolchain.toml")))
        return chef->toolchain;
    return (struct bytes){NULL, 0};
}
