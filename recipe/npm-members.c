/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the packages of a workspace. Sources: the documentation of npm, pnpm and yarn. */
#include "npm-members.h"

#include "pathglob.h"
#include "unit.h"

static const char *const dependency_maps[] = {"dependencies",         "devDependencies",
                                              "optionalDependencies", "peerDependencies",
                                              "resolutions",          "overrides"};

struct manifest *npm_package(struct npm *n, struct bytes dir)
{
    return manifest_at(&n->packages, dir);
}

static bool npm_is_path(struct bytes range)
{
    return bytes_starts(range, BYTES("file:")) || bytes_starts(range, BYTES("link:")) ||
           bytes_starts(range, BYTES("portal:")) || bytes_starts(range, BYTES("./")) ||
           bytes_starts(range, BYTES("../"));
}

static void npm_claim(struct npm *n, struct manifest *package)
{
    if (!package || (package->marks & PACKAGE_CLAIMED))
        return;
    package->marks |= PACKAGE_CLAIMED;
    *ARENA_PUSH(&n->p->values.arena, n->of, &n->n_of, &n->cap_of) = package;
}

/* Claims the packages that a pattern without braces matches, or takes them back. */
static void npm_match_all(struct npm *n, struct bytes base, struct bytes pattern, bool take)
{
    struct bytes full;
    if (!path_resolve(&n->p->values.arena, base, pattern, &full))
        return;
    for (size_t i = 0; i < n->packages.n; i++) {
        struct manifest *package = n->packages.at[i];
        bool hit = bytes_equal(full, package->dir) || path_glob(full, package->dir, false);
        if (hit && take)
            npm_claim(n, package);
        else if (hit && package != n->root)
            package->marks &= ~(unsigned)PACKAGE_CLAIMED;
    }
}

/* Expands {a,b} as the glob libraries of npm and pnpm do, the outermost braces first. */
static void npm_expand(struct npm *n, struct bytes base, struct bytes pattern, bool take,
                       unsigned depth)
{
    size_t open = bytes_find(pattern, '{'), level = 1, close = open + 1;
    struct arena *a = &n->p->values.arena;
    for (; close < pattern.len && level; close++)
        level += pattern.at[close] == '{' ? 1 : pattern.at[close] == '}' ? -1ul : 0;
    if (open == pattern.len || level || depth > 4) {
        npm_match_all(n, base, pattern, take);
        return;
    }
    struct bytes inside = bytes_at(pattern.at + open + 1, close - open - 2), choice;
    while (bytes_next(&inside, ',', &choice))
        npm_expand(n, base,
                   arena_printf(a, "%.*s%.*s%.*s", BYTES_ARG(bytes_head(pattern, open)),
                                BYTES_ARG(choice), BYTES_ARG(bytes_from(pattern, close))),
                   take, depth + 1);
}

static void npm_match_patterns(struct npm *n, struct bytes base, const struct value *patterns)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < value_count(patterns); i++) {
            struct bytes pattern = value_text(patterns->pairs[i].value);
            bool negative = bytes_starts(pattern, BYTES("!"));
            pattern = bytes_from(pattern, negative);
            if (pattern.len && negative == (pass == 1))
                npm_expand(n, base, pattern, !negative, 0);
        }
    }
}

static const struct value *npm_workspaces_of(const struct manifest *package)
{
    const struct value *workspaces = value_get(package->value, "workspaces");
    return value_is(workspaces, VALUE_MAP) ? value_get(workspaces, "packages") : workspaces;
}

/* Follows a dependency that is a path: claims the package there, or adds the archive. */
static int npm_follow_path(struct npm *n, struct recipe_unit *unit, const struct manifest *from,
                           struct bytes range, struct failure *f)
{
    struct bytes path, rel = range;
    size_t colon = bytes_find(range, ':');
    if (!npm_is_path(range) && !bytes_starts(range, BYTES("patch:")))
        return 0;
    if (bytes_starts(range, BYTES("patch:"))) {
        /* patch:left-pad@npm:1.3.0#./patches/x.patch; ~/ is the root of the project */
        rel = bytes_from(range, bytes_find_last(range, '#') + 1);
        rel = bytes_head(rel, bytes_find(rel, ':'));
        bool top = bytes_starts(rel, BYTES("~/"));
        if (!path_resolve(&n->p->values.arena, top ? n->root->dir : from->dir,
                          bytes_from(rel, top ? 2 : 0), &path))
            return 0;
        return unit_raw(n->p, unit, path, f);
    }
    if (colon < range.len)
        rel = bytes_from(range, colon + 1);
    rel = bytes_head(rel, bytes_find(rel, ':')); /* yarn's ::locator= */
    if (!path_resolve(&n->p->values.arena, from->dir, rel, &path)) {
        unit_note(n->p, unit, "%s: %s lies outside of the context", QUOTE(from->path),
                  QUOTE(range));
        return 0;
    }
    if (npm_package(n, path))
        npm_claim(n, npm_package(n, path));
    else if (listing_is_file(n->p->l, path))
        return unit_raw(n->p, unit, path, f);
    return 0;
}

static int npm_follow(struct npm *n, struct recipe_unit *unit, const struct manifest *package,
                      struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(dependency_maps) && r == 0; i++) {
        const struct value *map = value_get(package->value, dependency_maps[i]);
        for (size_t j = 0; j < value_count(map) && r == 0; j++)
            r = npm_follow_path(n, unit, package, value_text(map->pairs[j].value), f);
    }
    return r;
}

/* Tells whether a masked version would not satisfy a range. */
static bool npm_asks_version(struct bytes range)
{
    if (bytes_starts(range, BYTES("workspace:"))) {
        struct bytes rest = bytes_from(range, 10);
        return rest.len && !bytes_equal(rest, BYTES("*")) && !bytes_equal(rest, BYTES("^")) &&
               !bytes_equal(rest, BYTES("~")) && bytes_find(rest, '/') == rest.len;
    }
    return range.at && !npm_is_path(range) && bytes_find(range, ':') == range.len;
}

/* Marks the packages whose version another one asks for. */
static void npm_find_asked(struct npm *n)
{
    for (size_t i = 0; i < n->n_of; i++) {
        for (size_t j = 0; j < 4; j++) {
            const struct value *map = value_get(n->of[i]->value, dependency_maps[j]);
            for (size_t k = 0; k < value_count(map); k++) {
                if (!npm_asks_version(value_text(map->pairs[k].value)))
                    continue;
                for (size_t m = 0; m < n->n_of; m++)
                    if (bytes_equal(value_text(value_get(n->of[m]->value, "name")),
                                    map->pairs[k].key))
                        n->of[m]->marks |= PACKAGE_REAL_VERSION;
            }
        }
    }
}

static int npm_compare(const void *a, const void *b)
{
    struct manifest *const *x = a, *const *y = b;
    return path_depth_compare((*x)->path, (*y)->path);
}

int npm_members(struct npm *n, struct recipe_unit *unit, struct failure *f)
{
    int r = 0;
    n->of = NULL;
    n->n_of = n->cap_of = 0;
    for (size_t i = 0; i < n->packages.n; i++)
        n->packages.at[i]->marks = 0;
    npm_claim(n, n->root);
    npm_match_patterns(n, n->root->dir, npm_workspaces_of(n->root));
    npm_match_patterns(n, n->root->dir, value_get(n->pnpm, "packages"));
    /* Packages that a negative pattern has taken back are still in the list. */
    size_t kept = 0;
    for (size_t i = 0; i < n->n_of; i++)
        if (n->of[i]->marks & PACKAGE_CLAIMED)
            n->of[kept++] = n->of[i];
    n->n_of = kept;
    for (size_t i = 0; i < n->n_of && r == 0; i++) { /* the loop adds to the list */
        if (n->of[i] != n->root && n->manager == MANAGER_BERRY)
            npm_match_patterns(n, n->of[i]->dir, npm_workspaces_of(n->of[i]));
        if (unit)
            r = npm_follow(n, unit, n->of[i], f);
    }
    npm_find_asked(n);
    qsort(n->of, n->n_of, sizeof(struct manifest *), npm_compare);
    return r;
}
