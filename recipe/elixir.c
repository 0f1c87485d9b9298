/* SPDX-License-Identifier: Apache-2.0 */
/* Elixir, with mix. mix.exs is a program, so this chooses files and changes none. */
#include "ecos.h"
#include "unit-text.h"

static int elixir_add_app(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                          struct failure *f)
{
    struct bytes path = prepare_path(p, dir, "mix.exs"), text;
    *table_put(&p->claimed, path, NULL) = 1;
    int r = prepare_read(p, path, &text, f);
    if (r == 0)
        r = unit_text(p, unit, path, f);
    /* mix.exs may read files: File.read!("VERSION") */
    return r == 0 ? unit_script_files(p, unit, dir, text, f) : r;
}

static int elixir_make_unit(struct prepare *p, struct bytes dir, struct failure *f)
{
    static const char *const get[] = {"mix", "deps.get", "--only", "prod", NULL};
    /* What deps.compile reads. runtime.exs is read only when the release starts. */
    static const char *const texts[] = {"mix.lock", "config/config.exs", "config/prod.exs"};
    struct recipe_unit *unit = unit_new(p, "elixir", dir);
    size_t first, end;
    struct bytes apps = prepare_path(p, dir, "apps"), name;
    if (unit) {
        unit_needs(p, unit, "mix");
        unit_install(p, unit, get);
        unit_after(p, unit, "MIX_ENV=prod mix deps.compile # before the sources");
    }
    int r = unit ? elixir_add_app(p, unit, dir, f) : 0;
    for (size_t i = 0; unit && i < ARRAY_SIZE(texts) && r == 0; i++)
        r = unit_text(p, unit, prepare_path(p, dir, texts[i]), f);
    listing_below(p->l, apps, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        listing_child(p->l, apps, i, &name);
        size_t slash = bytes_find(name, '/');
        if (!bytes_equal(bytes_from(name, slash + 1), BYTES("mix.exs")) || slash == name.len)
            continue;
        *table_put(&p->claimed, p->l->at[i].path, NULL) = 1;
        r = unit ? elixir_add_app(p, unit, path_dir(p->l->at[i].path), f) : 0;
    }
    return r;
}

static int elixir_find(struct prepare *p, struct failure *f)
{
    return unit_each(p, "mix.exs", "mix.lock", elixir_make_unit, f);
}

/* A line of mix.lock: `  "jason": {:hex, :jason, "1.4.1", …}`. */
static bool elixir_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct bytes rest = file->content, line, quoted;
    if (!bytes_equal(path_name(file->path), BYTES("mix.lock")))
        return false;
    while (rest.at && bytes_next(&rest, '\n', &line)) {
        struct bytes parts[4] = {{NULL, 0}}, at = line;
        for (size_t i = 0; i < 4 && at.at && bytes_next(&at, '"', &quoted); i++)
            parts[i] = quoted;
        if (parts[1].len && parts[3].at)
            value_put(pool, into, parts[1], value_string(pool, parts[3]));
    }
    return true;
}

const struct eco eco_elixir = {"elixir", elixir_find, elixir_list};
