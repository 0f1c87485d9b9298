/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the targets of a crate, as cargo's auto-discovery does. */
#include "cargo-targets.h"

#include "cargo-members.h"

struct inferred {
    struct bytes name, path;
};

struct finding {
    struct cargo *c;
    struct recipe_unit *unit;
    struct crate *crate;
    const struct value *package;
    bool old_edition; /* 2015: it has other defaults */
};

static struct bytes cargo_target_path(struct finding *x, struct bytes path)
{
    return path_join(&x->c->p->values.arena, x->crate->m->dir, path);
}

static bool cargo_target_exists(struct finding *x, struct bytes path)
{
    return listing_is_file(x->c->p->l, cargo_target_path(x, path));
}

static bool cargo_target_exists_at(struct finding *x, const char *path)
{
    return cargo_target_exists(x, bytes_of(path));
}

/* Infers targets from a directory: X.rs and X/main.rs. A link to a directory does not count, as
 * in cargo. */
static void cargo_target_infer(struct finding *x, const char *dir, struct inferred **ret,
                               size_t *ret_n, size_t *cap)
{
    struct arena *a = &x->c->p->values.arena;
    const struct listing *l = x->c->p->l;
    struct bytes full = cargo_target_path(x, bytes_of(dir)), name;
    size_t first, end;
    listing_below(l, full, &first, &end);
    for (size_t i = first; i < end; i++) {
        listing_child(l, full, i, &name);
        size_t slash = bytes_find(name, '/');
        struct bytes below = bytes_from(name, slash + 1), path;
        if (name.at[0] == '.' || l->at[i].kind == LISTED_DIR)
            continue;
        if (slash == name.len && bytes_ends(name, BYTES(".rs"))) {
            path = path_join(a, bytes_of(dir), name);
            name = bytes_head(name, name.len - 3);
        } else if (slash < name.len && bytes_equal(below, BYTES("main.rs"))) {
            path = path_join(a, bytes_of(dir), name);
            name = bytes_head(name, slash);
        } else {
            continue;
        }
        *ARENA_PUSH(a, *ret, ret_n, cap) = (struct inferred){name, path};
    }
}

static void cargo_target_add(struct finding *x, struct target t)
{
    struct crate *crate = x->crate;
    *ARENA_PUSH(&x->c->p->values.arena, crate->targets, &crate->n_targets,
                &crate->cap_targets) = t;
}

/* Notes that a target is left out. It gets no stub, because a stub would stay there after the
 * real sources have been copied. */
static void cargo_target_drop(struct finding *x, const char *what, struct bytes name)
{
    unit_note(x->c->p, x->unit, "%s: the source of the %s target %s is not in the context",
              QUOTE(x->crate->m->path), what, QUOTE(name));
}

static bool cargo_target_is_false(const struct value *v)
{
    return value_is(v, VALUE_BOOL) && !v->boolean;
}

static void cargo_target_find_lib(struct finding *x)
{
    struct arena *a = &x->c->p->values.arena;
    struct value *lib = value_get(x->crate->m->value, "lib");
    bool there = cargo_target_exists_at(x, "src/lib.rs");
    if (!lib && (!there || cargo_target_is_false(value_get(x->package, "autolib"))))
        return;
    struct bytes name = value_text(value_get(lib, "name"));
    struct bytes path = value_text(value_get(lib, "path"));
    if (!name.at) {
        char *own = arena_string(a, x->crate->name);
        for (char *at = own; *at; at++)
            *at = *at == '-' ? '_' : *at;
        name = bytes_of(own);
    }
    if (!path.at)
        path = there ? BYTES("src/lib.rs") : arena_printf(a, "src/%.*s.rs", BYTES_ARG(name));
    struct target t = {.kind = TARGET_LIB, .name = name, .given = lib};
    t.path = path_clean(a, path);
    const struct value *types = value_get(lib, "crate-type");
    if (!types)
        types = value_get(lib, "crate_type");
    t.proc_macro =
        value_true(value_get(lib, "proc-macro")) || value_true(value_get(lib, "proc_macro"));
    for (size_t i = 0; i < value_count(types); i++)
        t.proc_macro |= bytes_equal(value_text(types->pairs[i].value), BYTES("proc-macro"));
    if (cargo_target_exists(x, t.path))
        cargo_target_add(x, t);
    else
        cargo_target_drop(x, "library", name);
}

/* The path of an explicit target that gives none, or {NULL, 0}. */
static struct bytes cargo_target_default_path(struct finding *x, enum target_kind kind,
                                              struct bytes name,
                                              const struct inferred *inferred, size_t n)
{
    struct arena *a = &x->c->p->values.arena;
    for (size_t i = 0; i < n; i++)
        if (bytes_equal(inferred[i].name, name))
            return inferred[i].path;
    if (!x->old_edition)
        return (struct bytes){NULL, 0};
    if (kind == TARGET_BENCH && bytes_equal(name, BYTES("bench")) &&
        cargo_target_exists_at(x, "src/bench.rs"))
        return BYTES("src/bench.rs");
    if (kind != TARGET_BIN)
        return (struct bytes){NULL, 0};
    struct bytes own = arena_printf(a, "src/%.*s.rs", BYTES_ARG(name));
    return cargo_target_exists(x, own)                    ? own
           : cargo_target_exists_at(x, "src/main.rs")     ? BYTES("src/main.rs")
           : cargo_target_exists_at(x, "src/bin/main.rs") ? BYTES("src/bin/main.rs")
                                                          : (struct bytes){NULL, 0};
}

/* Tells whether an explicit target has the name or the path of an inferred one. */
static bool cargo_target_is_taken(struct finding *x, const struct value *list,
                                  const struct inferred *one)
{
    struct arena *a = &x->c->p->values.arena;
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *t = list->pairs[i].value;
        struct bytes path = value_text(value_get(t, "path"));
        if (bytes_equal(value_text(value_get(t, "name")), one->name) ||
            (path.at && bytes_equal(path_clean(a, path), one->path)))
            return true;
    }
    return false;
}

static void cargo_target_find_kind(struct finding *x, enum target_kind kind)
{
    static const struct {
        const char *key, *dir, *automatic;
    } kinds[] = {
        [TARGET_BIN] = {"bin", "src/bin", "autobins"},
        [TARGET_TEST] = {"test", "tests", "autotests"},
        [TARGET_BENCH] = {"bench", "benches", "autobenches"},
        [TARGET_EXAMPLE] = {"example", "examples", "autoexamples"},
    };
    struct arena *a = &x->c->p->values.arena;
    struct inferred *inferred = NULL;
    size_t n = 0, cap = 0;
    if (kind == TARGET_BIN && cargo_target_exists_at(x, "src/main.rs"))
        *ARENA_PUSH(a, inferred, &n, &cap) =
            (struct inferred){x->crate->name, BYTES("src/main.rs")};
    cargo_target_infer(x, kinds[kind].dir, &inferred, &n, &cap);
    const struct value *list = value_get(x->crate->m->value, kinds[kind].key);
    const struct value *automatic = value_get(x->package, kinds[kind].automatic);
    for (size_t i = 0; i < value_count(list); i++) {
        struct value *given = list->pairs[i].value;
        struct target t = {.kind = kind, .given = given};
        struct bytes path = value_text(value_get(given, "path"));
        t.name = value_text(value_get(given, "name"));
        t.no_harness = cargo_target_is_false(value_get(given, "harness"));
        if (!path.at)
            path = cargo_target_default_path(x, kind, t.name, inferred, n);
        t.path = path.at ? path_clean(a, path) : path;
        if (t.path.at && cargo_target_exists(x, t.path))
            cargo_target_add(x, t);
        else
            cargo_target_drop(x, kinds[kind].key, t.name);
    }
    bool all = automatic ? value_true(automatic) : !list || !x->old_edition;
    for (size_t i = 0; all && i < n; i++)
        if (!cargo_target_is_taken(x, list, &inferred[i]))
            cargo_target_add(x, (struct target){.kind = kind,
                                                .name = inferred[i].name,
                                                .path = inferred[i].path});
}

static void cargo_target_add_build(struct finding *x, struct bytes path)
{
    struct arena *a = &x->c->p->values.arena;
    struct bytes stem = path_name(path);
    size_t dot = bytes_find_last(stem, '.');
    stem = dot > 0 ? bytes_head(stem, dot) : stem;
    struct target t = {.kind = TARGET_BUILD};
    t.path = path_clean(a, path);
    t.name = arena_printf(a, "build-script-%.*s", BYTES_ARG(stem));
    if (cargo_target_exists(x, t.path))
        cargo_target_add(x, t);
    else
        cargo_target_drop(x, "build script", path);
}

static void cargo_target_find_build(struct finding *x)
{
    const struct value *build = value_get(x->package, "build");
    if (!build) {
        if (cargo_target_exists_at(x, "build.rs"))
            cargo_target_add_build(x, BYTES("build.rs"));
    } else if (value_true(build)) {
        cargo_target_add_build(x, BYTES("build.rs"));
    } else if (value_text(build).at) {
        cargo_target_add_build(x, value_text(build));
    }
    for (size_t i = 0; i < value_count(build); i++)
        cargo_target_add_build(x, value_text(build->pairs[i].value));
}

static int cargo_target_compare(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    int order = path_depth_compare(x->path, y->path);
    if (order == 0)
        order = (x->kind > y->kind) - (x->kind < y->kind);
    return order ? order : bytes_compare(x->name, y->name);
}

void cargo_targets(struct cargo *c, struct recipe_unit *unit, struct crate *crate)
{
    struct finding x = {.c = c, .unit = unit, .crate = crate};
    x.package = cargo_package(crate->m->value);
    struct bytes edition = value_text(cargo_inherited(crate, "edition"));
    x.old_edition = !edition.at || bytes_equal(edition, BYTES("2015"));
    if (!crate->name.at)
        return;
    cargo_target_find_lib(&x);
    for (enum target_kind kind = TARGET_BIN; kind <= TARGET_EXAMPLE; kind++)
        cargo_target_find_kind(&x, kind);
    cargo_target_find_build(&x);
    if (crate->n_targets)
        qsort(crate->targets, crate->n_targets, sizeof(*crate->targets), cargo_target_compare);
}
