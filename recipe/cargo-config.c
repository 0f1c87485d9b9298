/* SPDX-License-Identifier: Apache-2.0 */
/* Cargo's configuration (.cargo/config.toml), the toolchain file, and the files that they name.
 */
#include "cargo-config.h"
#include "unit.h"

/* Depth of files that include each other. Cargo refuses cycles; this ends them. */
#define INCLUDES_MAX 8

struct configuring {
    struct cargo *c;
    struct recipe_unit *unit;
    struct failure *f;
};

/* Adds the file at a path that is relative to `dir`. A name without a slash is a program in
 * $PATH. */
static int cargo_config_add_raw(struct configuring *x, struct bytes dir, struct bytes rel)
{
    struct bytes path;
    if (!rel.at || bytes_find(rel, '/') == rel.len ||
        !path_resolve(&x->c->p->values.arena, dir, rel, &path) ||
        !listing_is_file(x->c->p->l, path))
        return 0;
    return unit_raw(x->c->p, x->unit, path, x->f);
}

/* Adds the linker script of "-Tmemory.x", which may be part of "-Clink-arg=-Tmemory.x". It may
 * lie beside any manifest of the unit. */
static int cargo_config_add_script(struct configuring *x, struct bytes flag)
{
    size_t at = 0;
    while (at + 2 < flag.len && !(flag.at[at] == '-' && flag.at[at + 1] == 'T' &&
                                  (at == 0 || flag.at[at - 1] == '=')))
        at++;
    if (at + 2 >= flag.len)
        return 0;
    struct bytes name = bytes_from(flag, at + 2);
    int r = 0;
    for (size_t i = 0; i < x->c->n_crates && r == 0; i++) {
        struct bytes path;
        if (path_resolve(&x->c->p->values.arena, x->c->crates[i]->m->dir, name, &path) &&
            listing_is_file(x->c->p->l, path))
            r = unit_raw(x->c->p, x->unit, path, x->f);
    }
    return r;
}

static int cargo_config_add_scripts(struct configuring *x, const struct value *flags)
{
    struct bytes rest = value_text(flags), word;
    int r = 0;
    while (r == 0 && rest.at && bytes_next(&rest, ' ', &word))
        r = cargo_config_add_script(x, word);
    for (size_t i = 0; i < value_count(flags) && r == 0; i++)
        r = cargo_config_add_script(x, value_text(flags->pairs[i].value));
    return r;
}

/* Adds a program: a path, or a list that begins with one. */
static int cargo_config_add_program(struct configuring *x, struct bytes dir,
                                    const struct value *v)
{
    if (value_is(v, VALUE_LIST) && v->n)
        v = v->pairs[0].value;
    return cargo_config_add_raw(x, dir, value_text(v));
}

/* Adds the files that a file of configuration names. */
static int cargo_config_add_named(struct configuring *x, struct bytes dir,
                                  const struct value *toml)
{
    const struct value *build = value_get(toml, "build"), *targets = value_get(toml, "target");
    const struct value *sources = value_get(toml, "source");
    const struct value *triple = value_get(build, "target");
    int r = cargo_config_add_program(x, dir, value_get(build, "rustc-wrapper"));
    if (r == 0)
        r = cargo_config_add_program(x, dir, value_get(build, "rustc-workspace-wrapper"));
    if (r == 0)
        r = cargo_config_add_scripts(x, value_get(build, "rustflags"));
    for (size_t i = 0; r == 0 && i < (value_text(triple).at ? 1 : value_count(triple)); i++) {
        struct bytes name = value_text(value_text(triple).at ? triple : triple->pairs[i].value);
        struct bytes path;
        if (bytes_ends(name, BYTES(".json")) &&
            path_resolve(&x->c->p->values.arena, dir, name, &path))
            r = unit_raw(x->c->p, x->unit, path, x->f);
    }
    for (size_t i = 0; i < value_count(targets) && r == 0; i++) {
        const struct value *one = targets->pairs[i].value;
        r = cargo_config_add_program(x, dir, value_get(one, "linker"));
        if (r == 0)
            r = cargo_config_add_program(x, dir, value_get(one, "runner"));
        if (r == 0)
            r = cargo_config_add_scripts(x, value_get(one, "rustflags"));
    }
    for (size_t i = 0; i < value_count(sources) && r == 0; i++) {
        const struct value *one = sources->pairs[i].value;
        struct bytes at = value_text(value_get(one, "directory")), path;
        if (!at.at)
            at = value_text(value_get(one, "local-registry"));
        if (at.at && path_resolve(&x->c->p->values.arena, dir, at, &path) &&
            listing_is_dir(x->c->p->l, path)) {
            unit_note(
                x->c->p, x->unit,
                "dependencies are vendored in %s: nothing is saved in fetching them, only "
                "in compiling them",
                QUOTE(path));
            r = unit_vendored_tree(x->c->p, x->unit, path, x->f);
        }
    }
    return r;
}

static int cargo_config_add_config(struct configuring *x, struct bytes path, unsigned depth);

static int cargo_config_add_includes(struct configuring *x, struct bytes path,
                                     const struct value *include, unsigned depth)
{
    int r = 0;
    bool one = value_text(include).at != NULL;
    for (size_t i = 0; r == 0 && i < (one ? 1 : value_count(include)); i++) {
        const struct value *v = one ? include : include->pairs[i].value;
        struct bytes name = value_text(v), at;
        if (!name.at)
            name = value_text(value_get(v, "path"));
        if (name.at && path_resolve(&x->c->p->values.arena, path_dir(path), name, &at) &&
            listing_is_file(x->c->p->l, at) && depth < INCLUDES_MAX)
            r = cargo_config_add_config(x, at, depth + 1);
    }
    return r;
}

/* Adds a file of configuration, masked, and the files that it names. */
static int cargo_config_add_config(struct configuring *x, struct bytes path, unsigned depth)
{
    struct prepare *p = x->c->p;
    struct failure why = {0};
    struct bytes text;
    struct value *toml;
    int r = prepare_read(p, path, &text, x->f);
    if (r < 0 || unit_has(p, x->unit, path))
        return r;
    if (toml_read(&p->values, path, text, &toml, &why) < 0) {
        /* Not copied, because it may contain a token that we can't find. */
        unit_note(p, x->unit, "left out: %s", why.text);
        return 0;
    }
    /* Paths in a file of .cargo are relative to the directory that holds .cargo. */
    r = cargo_config_add_named(x, path_dir(path_dir(path)), toml);
    if (r == 0)
        r = cargo_config_add_includes(x, path, value_get(toml, "include"), depth);
    if (!p->options->chef_exact) {
        value_drop(toml, "alias");
        value_drop(toml, "term");
        value_drop(toml, "future-incompat-report");
    }
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    if (r == 0)
        r = toml_write(toml, &out);
    if (r == 0)
        unit_file(p, x->unit, path, 0644, buf_bytes(&out));
    return r;
}

/* A file that may have two names: the one that the tool reads if both exist; {NULL, 0} if none
 * does. */
static struct bytes cargo_config_which(struct cargo *c, struct bytes dir, const char *first,
                                       const char *second)
{
    struct arena *a = &c->p->values.arena;
    struct bytes path = path_join(a, dir, bytes_of(first));
    if (listing_is_file(c->p->l, path))
        return path;
    path = path_join(a, dir, bytes_of(second));
    return listing_is_file(c->p->l, path) ? path : (struct bytes){NULL, 0};
}

static int cargo_config_add_toolchain(struct configuring *x, struct bytes path)
{
    struct prepare *p = x->c->p;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    struct bytes text;
    struct value *toml;
    int r = prepare_read(p, path, &text, x->f);
    if (r < 0)
        return r;
    if (toml_read(&p->values, path, text, &toml, NULL) == 0) {
        r = toml_write(toml, &out);
    } else {
        r = buf_add_bytes(&out, utf8_trim(text));
        if (r == 0)
            r = buf_add_byte(&out, '\n');
    }
    if (r == 0)
        unit_file(p, x->unit, path, 0644, buf_bytes(&out));
    return r;
}

int cargo_config(struct cargo *c, struct recipe_unit *unit, struct failure *f)
{
    struct configuring x = {c, unit, f};
    bool toolchain = false;
    int r = 0;
    for (struct bytes dir = c->root->dir; r == 0; dir = path_dir(dir)) {
        struct bytes path = cargo_config_which(c, dir, ".cargo/config", ".cargo/config.toml");
        if (path.at)
            r = cargo_config_add_config(&x, path, 0);
        path = cargo_config_which(c, dir, "rust-toolchain", "rust-toolchain.toml");
        if (r == 0 && path.at && !toolchain) {
            toolchain = true; /* only the nearest counts */
            r = cargo_config_add_toolchain(&x, path);
        }
        if (dir.len == 0)
            break;
    }
    return r;
}
