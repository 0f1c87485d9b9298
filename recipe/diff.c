/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_diff(): what changed between two recipes, unit by unit. */
#include "ecos.h"

struct diffing {
    const struct recipe *from, *to;
    struct buf *text;
    ssize_t lines;
    int r;
};

static void diff_say(struct diffing *d, const struct recipe_unit *unit, struct bytes what)
{
    struct bytes dir = unit->dir.len ? unit->dir : BYTES(".");
    if (d->r == 0)
        d->r = buf_addf(d->text, "%.*s %.*s ", BYTES_ARG(unit->eco), BYTES_ARG(dir));
    if (d->r == 0)
        d->r = buf_add_bytes(d->text, what);
    if (d->r == 0)
        d->r = buf_add_byte(d->text, '\n');
    d->lines++;
}

static const struct recipe_unit *diff_same_unit(const struct recipe *in,
                                                const struct recipe_unit *unit)
{
    for (size_t i = 0; i < in->n_units; i++)
        if (bytes_equal(in->units[i].eco, unit->eco) &&
            bytes_equal(in->units[i].dir, unit->dir))
            return &in->units[i];
    return NULL;
}

static const struct recipe_file *
diff_same_file(const struct recipe *in, const struct recipe_unit *unit, struct bytes path)
{
    for (size_t i = 0; i < unit->n_files; i++)
        if (bytes_equal(in->files[unit->files[i]].path, path))
            return &in->files[unit->files[i]];
    return NULL;
}

static bool diff_equal_files(const struct recipe_file *a, const struct recipe_file *b)
{
    return a->mode == b->mode && a->is_link == b->is_link && sha256_equal(&a->hash, &b->hash);
}

/* Puts the dependencies that the unit's files list into a map, name -> version, sorted. */
static void diff_list_unit(struct values *pool, const struct recipe *in,
                           const struct recipe_unit *unit, struct value *into)
{
    for (size_t i = 0; i < n_ecos; i++) {
        if (!bytes_equal(bytes_of(ecos[i]->name), unit->eco) || !ecos[i]->list)
            continue;
        for (size_t j = 0; j < unit->n_files; j++)
            if (in->files[unit->files[j]].content.at)
                ecos[i]->list(pool, &in->files[unit->files[j]], into);
    }
    value_sort(into);
}

static void diff_lists(struct diffing *d, struct values *pool, const struct recipe_unit *a,
                       const struct recipe_unit *b)
{
    struct value *old = value_new(pool, VALUE_MAP), *new = value_new(pool, VALUE_MAP);
    struct arena *arena = &pool->arena;
    diff_list_unit(pool, d->from, a, old);
    diff_list_unit(pool, d->to, b, new);
    for (size_t i = 0, j = 0; i < old->n || j < new->n;) {
        const struct pair *x = i < old->n ? &old->pairs[i] : NULL;
        const struct pair *y = j < new->n ? &new->pairs[j] : NULL;
        int order = !x ? 1 : !y ? -1 : bytes_compare(x->key, y->key);
        i += order <= 0;
        j += order >= 0;
        if (order == 0 && bytes_equal(x->value->text, y->value->text))
            continue;
        if (x && y && order == 0)
            diff_say(d, a,
                     arena_printf(arena, "~ %.*s %.*s -> %.*s", BYTES_ARG(x->key),
                                  BYTES_ARG(x->value->text), BYTES_ARG(y->value->text)));
        else if (x && order < 0)
            diff_say(d, a,
                     arena_printf(arena, "- %.*s %.*s", BYTES_ARG(x->key),
                                  BYTES_ARG(x->value->text)));
        else if (y)
            diff_say(d, b,
                     arena_printf(arena, "+ %.*s %.*s", BYTES_ARG(y->key),
                                  BYTES_ARG(y->value->text)));
    }
}

static void diff_files(struct diffing *d, struct values *pool, const struct recipe_unit *a,
                       const struct recipe_unit *b)
{
    struct arena *arena = &pool->arena;
    for (size_t i = 0; i < a->n_files; i++) {
        const struct recipe_file *x = &d->from->files[a->files[i]];
        const struct recipe_file *y = diff_same_file(d->to, b, x->path);
        if (!y || !diff_equal_files(x, y))
            diff_say(d, a,
                     arena_printf(arena, "%s file %.*s", y ? "~" : "-", BYTES_ARG(x->path)));
    }
    for (size_t i = 0; i < b->n_files; i++) {
        const struct recipe_file *y = &d->to->files[b->files[i]];
        if (!diff_same_file(d->from, a, y->path))
            diff_say(d, b, arena_printf(arena, "+ file %.*s", BYTES_ARG(y->path)));
    }
}

/* Says which stubs of u, a unit of x, are not in v, a unit of y. */
static void diff_stubs(struct diffing *d, struct arena *arena, const char *sign,
                       const struct recipe *x, const struct recipe_unit *u,
                       const struct recipe *y, const struct recipe_unit *v)
{
    for (size_t i = 0; i < u->n_stubs; i++) {
        struct bytes path = x->stubs[u->stubs[i]].path;
        bool there = false;
        for (size_t j = 0; j < v->n_stubs && !there; j++)
            there = bytes_equal(path, y->stubs[v->stubs[j]].path);
        if (!there)
            diff_say(d, u, arena_printf(arena, "%s target %.*s", sign, BYTES_ARG(path)));
    }
}

ssize_t recipe_diff(const struct recipe *from, const struct recipe *to, struct buf *text,
                    struct failure *f)
{
    struct diffing d = {.from = from, .to = to, .text = text};
    for (size_t i = 0; i < from->n_units; i++) {
        cleanup_values struct values pool = {0};
        const struct recipe_unit *a = &from->units[i], *b = diff_same_unit(to, a);
        if (!b) {
            diff_say(&d, a, BYTES("- unit"));
            continue;
        }
        diff_lists(&d, &pool, a, b);
        diff_files(&d, &pool, a, b);
        diff_stubs(&d, &pool.arena, "-", from, a, to, b);
        diff_stubs(&d, &pool.arena, "+", to, b, from, a);
    }
    for (size_t i = 0; i < to->n_units; i++)
        if (!diff_same_unit(from, &to->units[i]))
            diff_say(&d, &to->units[i], BYTES("+ unit"));
    return d.r < 0 ? fail(f, d.r, "the difference is too large to show") : d.lines;
}
