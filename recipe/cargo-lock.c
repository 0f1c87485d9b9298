/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of Cargo.lock and their edges. An edge names a package as shortly as the lock
 * allows: "name"; "name version" if several versions are locked; "name version (source)" if
 * even that is ambiguous.
 */
#include "cargo-lock.h"

#include "cargo-members.h"

static int cargo_lock_compare(const void *a, const void *b)
{
    const struct lock_entry *x = a, *y = b;
    int order = bytes_compare(x->name, y->name);
    if (order == 0)
        order = bytes_compare(x->version, y->version);
    return order ? order : bytes_compare(x->source, y->source);
}

struct edge {
    struct bytes name, version, source;
};

static struct edge cargo_lock_parse_edge(struct bytes text)
{
    struct edge e = {0};
    size_t space = bytes_find(text, ' ');
    e.name = bytes_head(text, space);
    if (space == text.len)
        return e;
    text = bytes_from(text, space + 1);
    space = bytes_find(text, ' ');
    e.version = bytes_head(text, space);
    text = bytes_from(text, space + 1);
    if (text.len > 2 && text.at[0] == '(')
        e.source = bytes_at(text.at + 1, text.len - 2);
    return e;
}

/* The index of the entry that an edge means, or lock->n. If the source is missing although two
 * entries fit, the local one is meant, because that has no source to name. */
static size_t cargo_lock_find_edge(const struct lock *lock, const struct edge *e)
{
    uintptr_t *at = table_get(&lock->by_name, e->name);
    size_t found = lock->n;
    for (size_t i = at ? *at : lock->n; i < lock->n && bytes_equal(lock->at[i].name, e->name);
         i++) {
        const struct lock_entry *entry = &lock->at[i];
        if (e->version.at && !bytes_equal(e->version, entry->version))
            continue;
        if (e->source.at && !bytes_equal(e->source, entry->source))
            continue;
        if (found == lock->n || !entry->source.at)
            found = i;
    }
    return found;
}

static void cargo_lock_connect_edges(struct cargo *c, struct lock_entry *entry)
{
    struct lock *lock = &c->lock;
    const struct value *list = value_get(entry->toml, "dependencies");
    for (size_t i = 0; i < value_count(list); i++) {
        struct edge e = cargo_lock_parse_edge(value_text(list->pairs[i].value));
        size_t to = cargo_lock_find_edge(lock, &e);
        if (to < lock->n)
            *ARENA_PUSH(&c->p->values.arena, entry->edges, &entry->n_edges, &entry->cap_edges) =
                to;
    }
}

/* The crate of a local entry, or NULL. Of several with this name, the one with this version. */
static struct crate *cargo_lock_crate_of(const struct cargo *c, const struct lock_entry *entry)
{
    struct crate *found = NULL;
    for (size_t i = 0; i < c->n_crates; i++) {
        struct crate *crate = c->crates[i];
        if (!bytes_equal(crate->name, entry->name) || !crate->name.at)
            continue;
        struct bytes version = value_text(cargo_inherited(crate, "version"));
        if (!found || bytes_equal(version, entry->version))
            found = crate;
    }
    return found;
}

int cargo_lock_read(struct cargo *c, struct recipe_unit *unit, struct failure *f)
{
    struct arena *a = &c->p->values.arena;
    struct bytes path = path_join(a, c->root->dir, BYTES("Cargo.lock")), text;
    struct failure why = {0};
    table_release(&c->lock.by_name);
    c->lock = (struct lock){0};
    if (!listing_is_file(c->p->l, path)) {
        unit_note(c->p, unit,
                  "no Cargo.lock: versions are not fixed, and cargo --locked refuses");
        return 0;
    }
    int r = prepare_read(c->p, path, &text, f);
    if (r < 0)
        return r;
    if (toml_read(&c->p->values, path, text, &c->lock.toml, &why) < 0) {
        c->lock.toml = NULL;
        unit_note(c->p, unit, "copied as it is: %s", why.text);
        return unit_raw(c->p, unit, path, f);
    }
    struct value *packages = value_get(c->lock.toml, "package");
    for (size_t i = 0; i < value_count(packages); i++) {
        struct value *toml = packages->pairs[i].value;
        *ARENA_PUSH(a, c->lock.at, &c->lock.n, &c->lock.cap) =
            (struct lock_entry){.name = value_text(value_get(toml, "name")),
                                .version = value_text(value_get(toml, "version")),
                                .source = value_text(value_get(toml, "source")),
                                .toml = toml,
                                .wanted = true};
    }
    if (c->lock.n)
        qsort(c->lock.at, c->lock.n, sizeof(*c->lock.at), cargo_lock_compare);
    for (size_t i = c->lock.n; i-- > 0;)
        *table_put(&c->lock.by_name, c->lock.at[i].name, NULL) = i;
    c->lock.stack = ARENA_ARRAY(a, c->lock.n, size_t);
    c->lock.old = value_get(c->lock.toml, "metadata") != NULL;
    for (size_t i = 0; i < c->lock.n; i++) {
        cargo_lock_connect_edges(c, &c->lock.at[i]);
        if (!c->lock.at[i].source.at)
            c->lock.at[i].crate = cargo_lock_crate_of(c, &c->lock.at[i]);
    }
    for (size_t i = 0; i < c->n_crates; i++) {
        struct crate *crate = c->crates[i];
        if (crate->member && crate->name.at && !table_get(&c->lock.by_name, crate->name))
            unit_note(c->p, unit,
                      "Cargo.lock has no entry for %s: it is stale, and cargo "
                      "--locked will refuse",
                      QUOTE(crate->name));
    }
    return 0;
}

/* ---- crates that keep their sources ------------------------------------------------ */

/* Tells whether a local crate needs another one for more than its tests. */
static bool cargo_lock_needs_beyond_tests(struct cargo *c, const struct crate *crate,
                                          struct bytes name)
{
    struct dependency *all;
    size_t n;
    bool named = false;
    cargo_dependencies(&c->p->values.arena, crate->m->value, &all, &n);
    for (size_t i = 0; i < n; i++) {
        if (!bytes_equal(cargo_dependency_name(crate->root, &all[i]), name))
            continue;
        if (!all[i].dev)
            return true;
        named = true;
    }
    return !named; /* if only the lock names it, the lock is stale: assume that it does */
}

/* Marks an entry that `from` depends on (NULL at the start of a walk). False if it was marked
 * already, or must not be: the walk does not continue there. */
typedef bool cargo_lock_step(struct cargo *c, const struct lock_entry *from,
                             struct lock_entry *to);

/* Takes a step to an entry, and to everything that can be reached from there. */
static void cargo_lock_walk(struct cargo *c, size_t from, cargo_lock_step *step)
{
    struct lock *lock = &c->lock;
    size_t n = 0, *stack = lock->stack;
    if (step(c, NULL, &lock->at[from]))
        stack[n++] = from;
    while (n) {
        const struct lock_entry *entry = &lock->at[stack[--n]];
        for (size_t i = 0; i < entry->n_edges; i++)
            if (step(c, entry, &lock->at[entry->edges[i]]))
                stack[n++] = entry->edges[i];
    }
}

static bool cargo_lock_reach(struct cargo *c, const struct lock_entry *from,
                             struct lock_entry *to)
{
    if (to->reached ||
        (from && from->crate && !cargo_lock_needs_beyond_tests(c, from->crate, to->name)))
        return false;
    to->reached = true;
    return true;
}

static void cargo_lock_reach_dir(struct cargo *c, struct bytes path)
{
    struct bytes dir;
    struct crate *crate = path.at && path_resolve(&c->p->values.arena, c->root->dir, path, &dir)
                              ? cargo_crate(c, dir)
                              : NULL;
    if (!crate)
        return;
    crate->verbatim = true;
    for (size_t i = 0; i < c->lock.n; i++)
        if (c->lock.at[i].crate == crate)
            cargo_lock_walk(c, i, cargo_lock_reach);
}

/*
 * A local crate can't be a stub if an external one is compiled against it, through [patch] or
 * [replace]; and its version decides whether the patch is used at all.
 */
void cargo_lock_verbatim(struct cargo *c)
{
    struct lock *lock = &c->lock;
    for (size_t i = 0; i < lock->n; i++)
        if (lock->at[i].source.at)
            cargo_lock_walk(c, i, cargo_lock_reach);
    const struct value *patch = value_get(c->root->value, "patch");
    for (size_t i = 0; i < value_count(patch); i++) {
        const struct value *source = patch->pairs[i].value;
        for (size_t j = 0; j < value_count(source); j++)
            cargo_lock_reach_dir(c, value_text(value_get(source->pairs[j].value, "path")));
    }
    const struct value *replace = value_get(c->root->value, "replace");
    for (size_t i = 0; i < value_count(replace); i++)
        cargo_lock_reach_dir(c, value_text(value_get(replace->pairs[i].value, "path")));
    const struct value *paths = value_get(c->config, "paths");
    for (size_t i = 0; i < value_count(paths); i++)
        cargo_lock_reach_dir(c, value_text(paths->pairs[i].value));
    for (size_t i = 0; i < lock->n; i++)
        if (lock->at[i].reached && lock->at[i].crate)
            lock->at[i].crate->verbatim = true;
    /* Two local crates of one name differ only in their versions, so these must stay. */
    for (size_t i = 0; i < c->n_crates; i++) {
        struct crate *crate = c->crates[i];
        size_t same = 0;
        for (size_t j = 0; j < c->n_crates; j++)
            same += crate->name.at && bytes_equal(c->crates[j]->name, crate->name);
        crate->maskable = crate->name.at && !crate->verbatim && same == 1;
    }
    for (size_t i = 0; i < lock->n; i++) {
        struct lock_entry *entry = &lock->at[i];
        bool masked = !entry->source.at && entry->crate && entry->crate->maskable;
        entry->masked =
            masked ? bytes_of(c->p->options->chef_exact ? CARGO_CHEF_VERSION : CARGO_SENTINEL)
                   : entry->version;
    }
}

/* ---- --bin ------------------------------------------------------------------------- */

static struct crate *cargo_lock_find_wanted(const struct cargo *c, struct bytes name)
{
    for (size_t i = 0; i < c->n_crates; i++)
        if (c->crates[i]->member && bytes_equal(c->crates[i]->name, name) && name.len)
            return c->crates[i];
    for (size_t i = 0; i < c->n_crates; i++)
        for (size_t j = 0; j < c->crates[i]->n_targets; j++)
            if (c->crates[i]->targets[j].kind == TARGET_BIN &&
                bytes_equal(c->crates[i]->targets[j].name, name))
                return c->crates[i];
    return NULL;
}

static bool cargo_lock_want(struct cargo *c, const struct lock_entry *from,
                            struct lock_entry *to)
{
    (void)c;
    (void)from;
    if (to->wanted)
        return false;
    to->wanted = true;
    if (to->crate)
        to->crate->wanted = true;
    return true;
}

/* Follows the edges of the lock, which include dev, build, target and optional dependencies. */
bool cargo_lock_closure(struct cargo *c, struct recipe_unit *unit)
{
    const struct recipe_options *options = c->p->options;
    struct lock *lock = &c->lock;
    if (!options->n_bins)
        return false;
    bool any = false;
    for (size_t i = 0; i < options->n_bins; i++) {
        struct bytes name = bytes_of(options->bins[i]);
        if (!cargo_lock_find_wanted(c, name))
            continue;
        any = true;
        *table_put(&c->p->bins, name, NULL) = 1;
    }
    if (!lock->toml) {
        unit_note(c->p, unit, "--bin needs a Cargo.lock; all members are kept");
        return false;
    }
    if (!any)
        return false; /* all of them belong to other units */
    for (size_t i = 0; i < lock->n; i++)
        lock->at[i].wanted = false;
    for (size_t i = 0; i < c->n_crates; i++)
        c->crates[i]->wanted = false;
    for (size_t i = 0; i < options->n_bins; i++) {
        struct crate *crate = cargo_lock_find_wanted(c, bytes_of(options->bins[i]));
        if (!crate)
            continue;
        crate->wanted = true;
        for (size_t j = 0; j < lock->n; j++)
            if (lock->at[j].crate == crate)
                cargo_lock_walk(c, j, cargo_lock_want);
    }
    /* A wanted crate needs the workspace that it inherits from. */
    for (size_t i = 0; i < c->n_crates; i++) {
        struct crate *root = cargo_crate(c, c->crates[i]->root->dir);
        if (c->crates[i]->wanted && root && root->m != c->root)
            root->wanted = true;
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------- */

struct writing {
    struct cargo *c;
    struct buf *to;
    struct arena *a;
};

static int cargo_lock_add_pair(struct writing *w, const char *key, struct bytes text)
{
    int r = text.at ? buf_add_bytes(w->to, bytes_of(key)) : 0;
    if (r == 0 && text.at)
        r = buf_add_bytes(w->to, BYTES(" = "));
    if (r == 0 && text.at)
        r = toml_write_string(text, w->to);
    return r == 0 && text.at ? buf_add_byte(w->to, '\n') : r;
}

/* An edge, as short as it is unambiguous among the entries of the recipe's lock. */
static struct bytes cargo_lock_short_edge(struct writing *w, const struct lock_entry *to)
{
    const struct lock *lock = &w->c->lock;
    uintptr_t *at = table_get(&lock->by_name, to->name);
    size_t names = 0, versions = 0;
    for (size_t i = at ? *at : lock->n; i < lock->n && bytes_equal(lock->at[i].name, to->name);
         i++) {
        names += lock->at[i].wanted;
        versions += lock->at[i].wanted && bytes_equal(lock->at[i].masked, to->masked);
    }
    if (names == 1 && !lock->old)
        return to->name;
    if ((versions == 1 && !lock->old) || !to->source.at)
        return arena_printf(w->a, "%.*s %.*s", BYTES_ARG(to->name), BYTES_ARG(to->masked));
    return arena_printf(w->a, "%.*s %.*s (%.*s)", BYTES_ARG(to->name), BYTES_ARG(to->masked),
                        BYTES_ARG(to->source));
}

static int cargo_lock_write_edges(struct writing *w, const struct lock_entry *entry)
{
    struct value list = {.kind = VALUE_LIST};
    for (size_t i = 0; i < entry->n_edges; i++) {
        const struct lock_entry *to = &w->c->lock.at[entry->edges[i]];
        if (to->wanted)
            value_add(&w->c->p->values, &list,
                      value_string(&w->c->p->values, cargo_lock_short_edge(w, to)));
    }
    value_sort(&list);
    int r = list.n ? buf_add_bytes(w->to, BYTES("dependencies = [\n")) : 0;
    for (size_t i = 0; i < list.n && r == 0; i++) {
        r = buf_add_byte(w->to, ' ');
        if (r == 0)
            r = toml_write_string(list.pairs[i].value->text, w->to);
        if (r == 0)
            r = buf_add_bytes(w->to, BYTES(",\n"));
    }
    return r == 0 && list.n ? buf_add_bytes(w->to, BYTES("]\n")) : r;
}

static int cargo_lock_write_entry(struct writing *w, const char *header,
                                  const struct lock_entry *entry)
{
    int r = buf_addf(w->to, "\n%s\n", header);
    if (r == 0)
        r = cargo_lock_add_pair(w, "name", entry->name);
    if (r == 0)
        r = cargo_lock_add_pair(w, "version", entry->masked);
    if (r == 0)
        r = cargo_lock_add_pair(w, "source", entry->source);
    if (r == 0)
        r = cargo_lock_add_pair(w, "checksum", value_text(value_get(entry->toml, "checksum")));
    if (r == 0)
        r = cargo_lock_write_edges(w, entry);
    return r == 0 ? cargo_lock_add_pair(w, "replace",
                                        value_text(value_get(entry->toml, "replace")))
                  : r;
}

/* Writes the rest of the file unchanged: unused patches, and what a later cargo may add. */
static int cargo_lock_write_rest(struct writing *w)
{
    struct values *pool = &w->c->p->values;
    const struct value *all = w->c->lock.toml;
    struct value *rest = value_new(pool, VALUE_MAP);
    for (size_t i = 0; i < all->n; i++) {
        struct bytes key = all->pairs[i].key;
        if (!bytes_equal(key, BYTES("version")) && !bytes_equal(key, BYTES("package")) &&
            !bytes_equal(key, BYTES("root")))
            value_put(pool, rest, key, value_copy(pool, all->pairs[i].value));
    }
    if (!rest->n)
        return 0;
    cleanup_buf struct buf text = BUF(w->to->max);
    int r = toml_write(rest, &text);
    if (r == 0)
        r = buf_add_byte(w->to, '\n');
    return r == 0 ? buf_add_bytes(w->to, buf_bytes(&text)) : r;
}

static int cargo_lock_compare_masked(const void *a, const void *b)
{
    const struct lock_entry *const *x = a, *const *y = b;
    int order = bytes_compare((*x)->name, (*y)->name);
    if (order == 0)
        order = bytes_compare((*x)->masked, (*y)->masked);
    return order ? order : bytes_compare((*x)->source, (*y)->source);
}

int cargo_lock_write(struct cargo *c, struct buf *to)
{
    struct writing w = {.c = c, .to = to, .a = &c->p->values.arena};
    const struct value *version = value_get(c->lock.toml, "version");
    const struct value *root = value_get(c->lock.toml, "root");
    int r = buf_add_bytes(to, BYTES("# This file is automatically @generated by Cargo.\n"
                                    "# It is not intended for manual editing.\n"));
    if (r == 0 && value_is(version, VALUE_INTEGER))
        r = buf_addf(to, "version = %lld\n", (long long)version->integer);
    const struct lock_entry **order = ARENA_ARRAY(w.a, c->lock.n, const struct lock_entry *);
    size_t n = 0;
    for (size_t i = 0; i < c->lock.n; i++)
        if (c->lock.at[i].wanted)
            order[n++] = &c->lock.at[i];
    if (n)
        qsort(order, n, sizeof(const struct lock_entry *), cargo_lock_compare_masked);
    for (size_t i = 0; i < n && r == 0; i++)
        r = cargo_lock_write_entry(&w, "[[package]]", order[i]);
    if (r == 0 && root) {
        /* Only version 1 of the format has [root]; it repeats the root package. */
        struct edge e = {value_text(value_get(root, "name")),
                         value_text(value_get(root, "version")),
                         {NULL, 0}};
        size_t at = cargo_lock_find_edge(&c->lock, &e);
        struct lock_entry copy = {.name = e.name, .version = e.version, .toml = NULL};
        copy.masked = at < c->lock.n ? c->lock.at[at].masked : e.version;
        copy.toml = value_new(&c->p->values, VALUE_MAP);
        value_put(&c->p->values, copy.toml, BYTES("dependencies"),
                  value_get(root, "dependencies") ? value_get(root, "dependencies")
                                                  : value_new(&c->p->values, VALUE_LIST));
        cargo_lock_connect_edges(c, &copy);
        r = cargo_lock_write_entry(&w, "[root]", &copy);
    }
    return r == 0 ? cargo_lock_write_rest(&w) : r;
}
