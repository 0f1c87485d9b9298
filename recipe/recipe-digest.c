/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a recipe or of a unit: SHA-256 over these records, in the order of the lists,
 * and never over JSON text or the version of the program.
 *
 *     "ctx-recipe" NUL mask NUL stubset NUL
 *     eco NUL directory NUL                                             a unit, then its
 *     "file" NUL path NUL "0644" NUL size NUL sha256(content) NUL       a file
 *     "link" NUL path NUL target NUL                                    a link
 *     "stub" NUL path NUL kind NUL                                      a stub
 *
 * mask and stubset are RECIPE_MASK and RECIPE_STUBSET. Numbers are decimal, hashes lower-case
 * hex.
 */
#include "recipe-priv.h"

#include <stdio.h>

static void recipe_digest_add_text(struct sha256_state *state, struct bytes text)
{
    sha256_add(state, text);
    sha256_add(state, bytes_at("", 1));
}

static void recipe_digest_add_unit(struct sha256_state *state, const struct recipe *recipe,
                                   const struct recipe_unit *unit)
{
    char text[65];
    for (size_t i = 0; i < unit->n_files; i++) {
        const struct recipe_file *file = &recipe->files[unit->files[i]];
        recipe_digest_add_text(state, file->is_link ? BYTES("link") : BYTES("file"));
        recipe_digest_add_text(state, file->path);
        if (file->is_link) {
            recipe_digest_add_text(state, file->target);
            continue;
        }
        snprintf(text, sizeof(text), "%04o", file->mode);
        recipe_digest_add_text(state, bytes_of(text));
        snprintf(text, sizeof(text), "%llu", (unsigned long long)file->size);
        recipe_digest_add_text(state, bytes_of(text));
        recipe_digest_add_text(state,
                               bytes_of(hex_text(text, file->hash.at, sizeof(file->hash.at))));
    }
    for (size_t i = 0; i < unit->n_stubs; i++) {
        recipe_digest_add_text(state, BYTES("stub"));
        recipe_digest_add_text(state, recipe->stubs[unit->stubs[i]].path);
        recipe_digest_add_text(state, recipe->stubs[unit->stubs[i]].kind);
    }
}

static void recipe_digest_units(const struct recipe *recipe, size_t first, size_t end,
                                char text[RECIPE_DIGEST_TEXT])
{
    struct sha256_state *state = sha256_new();
    char number[16];
    recipe_digest_add_text(state, BYTES("ctx-recipe"));
    snprintf(number, sizeof(number), "%d", RECIPE_MASK);
    recipe_digest_add_text(state, bytes_of(number));
    snprintf(number, sizeof(number), "%d", RECIPE_STUBSET);
    recipe_digest_add_text(state, bytes_of(number));
    for (size_t i = first; i < end; i++) {
        recipe_digest_add_text(state, recipe->units[i].eco);
        recipe_digest_add_text(state, recipe->units[i].dir);
        recipe_digest_add_unit(state, recipe, &recipe->units[i]);
    }
    struct sha256 digest = sha256_end(state);
    sha256_free(state);
    char hex[2 * sizeof(digest.at) + 1];
    snprintf(text, RECIPE_DIGEST_TEXT, "sha256:%s",
             hex_text(hex, digest.at, sizeof(digest.at)));
}

void recipe_digest(const struct recipe *recipe, char text[RECIPE_DIGEST_TEXT])
{
    recipe_digest_units(recipe, 0, recipe->n_units, text);
}

void recipe_unit_digest(const struct recipe *recipe, size_t unit, char text[RECIPE_DIGEST_TEXT])
{
    recipe_digest_units(recipe, unit, unit + 1, text);
}
