/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches path patterns during a walk. All patterns form one tree of components. The walk keeps
 * the nodes that a directory has reached, so the cost of a name depends on those few nodes and
 * not on the number of patterns:
 *
 *     COPY src/lib go.* /x            (root)--src-->( )--lib-->(all)
 *     COPY --parents ** /y.c /z          |--go.*-->(all)
 *                                        '-->(**)--y.c-->(all)
 *
 * A name without wildcards is one table look-up, after a test of its first byte, because most
 * names of a large directory begin like no pattern. The state that consists of one node is
 * built with the tree, so that a walk along a plain path allocates nothing.
 */
#include "select.h"

#include <errno.h>
#include <stdlib.h>

struct select_node;

struct select_dir {
    const struct select_node *const *nodes;
    size_t n;
    bool owned; /* select_leave() frees it; else it is part of the tree */
};

struct select_glob {
    struct bytes pattern;
    uint8_t first; /* the byte that every match begins with; 0: it begins with a wildcard */
    struct select_node *node;
};

struct select_node {
    struct table *literal; /* name -> node; NULL: there are none */
    uint64_t first[4];     /* a bit for each byte that one of those names begins with */
    struct select_glob *globs;
    size_t n_globs, cap_globs;
    struct table *glob_index; /* pattern -> node, so that equal patterns share a node */
    struct select_node *star; /* the child `**`, which is reached whenever this node is */
    bool loops;               /* this node is a `**`: it is reached again below every name */
    bool all;                 /* what is here is read, with all below it */
    struct select_dir alone;  /* the state of this node and its star */
    struct select_node *next; /* in the list of all nodes, for select_free() */
};

struct select {
    struct select_node *root;
    struct select_node *nodes;
    size_t n_nodes;
};

static struct select_node *select_node_new(struct reads *reads, struct select *s,
                                           struct failure *f)
{
    if (s->n_nodes++ == READS_COMPONENTS_MAX) {
        fail(f, -E2BIG, "the Dockerfile names too many paths (more than %d components)",
             READS_COMPONENTS_MAX);
        return NULL;
    }
    struct select_node *node = ARENA_NEW(&reads->arena, struct select_node);
    node->next = s->nodes;
    s->nodes = node;
    return node;
}

static struct select_node *select_child(struct reads *reads, struct select *s,
                                        struct table **table, struct bytes key, bool *ret_new,
                                        struct failure *f)
{
    if (!*table)
        *table = ARENA_NEW(&reads->arena, struct table);
    uintptr_t *value = table_put(*table, key, ret_new);
    if (*ret_new)
        *value = (uintptr_t)select_node_new(reads, s, f);
    /* After a failure the table contains a NULL. The set is then good only for reads_free(). */
    return (struct select_node *)*value;
}

static struct select_node *select_literal_child(struct reads *reads, struct select *s,
                                                struct select_node *node, struct bytes name,
                                                struct failure *f)
{
    bool new;
    node->first[name.at[0] >> 6] |= UINT64_C(1) << (name.at[0] & 63);
    return select_child(reads, s, &node->literal, name, &new, f);
}

static struct select_node *select_glob_child(struct reads *reads, struct select *s,
                                             struct select_node *node, struct bytes pattern,
                                             struct failure *f)
{
    bool new;
    struct select_node *child = select_child(reads, s, &node->glob_index, pattern, &new, f);
    if (child && new)
        *ARENA_PUSH(&reads->arena, node->globs, &node->n_globs, &node->cap_globs) =
            (struct select_glob){pattern, strchr("*?[\\", pattern.at[0]) ? 0 : pattern.at[0],
                                 child};
    return child;
}

static struct select_node *select_star_child(struct reads *reads, struct select *s,
                                             struct select_node *node, struct failure *f)
{
    if (node->loops)
        return node;
    if (!node->star) {
        node->star = select_node_new(reads, s, f);
        if (node->star)
            node->star->loops = true;
    }
    return node->star;
}

/* Tells whether p contains `**` and more, which patternmatcher lets match slashes. */
static bool select_find_inner_star(struct bytes p, size_t *ret_at)
{
    for (size_t i = 0; i + 1 < p.len; i++) {
        if (p.at[i] == '\\')
            i++;
        else if (p.at[i] == '*' && p.at[i + 1] == '*')
            return *ret_at = i, p.len > 2;
    }
    return false;
}

static int select_add_pattern(struct reads *reads, struct select *s, const struct df_read *read,
                              struct failure *f)
{
    struct select_node *node = s->root;
    struct bytes rest = read->pattern, name;
    bool last = read->pattern.len == 0;
    while (!last && !node->all && bytes_next(&rest, '/', &name)) {
        size_t inner;
        if (name.len == 0)
            continue;
        if (read->literal || !glob_magic(name)) {
            node = select_literal_child(reads, s, node, name, f);
        } else if (read->globstar && bytes_equal(name, BYTES("**"))) {
            node = select_star_child(reads, s, node, f);
        } else if (read->globstar && select_find_inner_star(name, &inner)) {
            /* "a**b/c" may match anything that begins with a. */
            struct bytes head = arena_printf(&reads->arena, "%.*s*", (int)inner, name.at);
            node = select_glob_child(reads, s, node, head, f);
            last = true;
        } else {
            node = select_glob_child(reads, s, node, name, f);
        }
        if (!node)
            return -E2BIG;
    }
    node->all = true;
    return 0;
}

/* Makes the state that consists of the node and its star. */
static void select_seal_node(struct reads *reads, struct select_node *node)
{
    const struct select_node **nodes =
        ARENA_ARRAY(&reads->arena, 2, const struct select_node *);
    nodes[0] = node;
    nodes[1] = node->star;
    node->alone = (struct select_dir){nodes, node->star ? 2 : 1, false};
    /* "a/ **" (without the space) reads all of a. */
    if (node->star && node->star->all)
        node->all = true;
}

int select_compile(struct reads *reads, struct failure *f)
{
    struct select *s = ARENA_NEW(&reads->arena, struct select);
    reads->priv = s;
    s->root = select_node_new(reads, s, f);
    for (size_t i = 0; i < reads->n; i++) {
        int r = select_add_pattern(reads, s, &reads->at[i], f);
        if (r < 0)
            return r;
    }
    for (struct select_node *node = s->nodes; node; node = node->next)
        select_seal_node(reads, node);
    reads->everything = s->root->all;
    return 0;
}

void select_free(struct reads *reads)
{
    const struct select *s = reads->priv;
    for (struct select_node *node = s ? s->nodes : NULL; node; node = node->next) {
        if (node->literal)
            table_release(node->literal);
        if (node->glob_index)
            table_release(node->glob_index);
    }
    reads->priv = NULL;
}

const struct select_dir *select_root(const struct reads *reads)
{
    const struct select *s = reads->priv;
    return s->root->all ? NULL : &s->root->alone;
}

/* The nodes that one name leads to, as they are found. */
struct select_step {
    const struct select_node **at;
    size_t n, cap, loops;
    const struct select_node *few[8];
    bool all;
};

static void select_step_add(struct select_step *step, const struct select_node *node)
{
    if (node->all)
        step->all = true;
    for (; node; node = node->star) {
        if (step->n == step->cap) {
            bool on_heap = step->at != step->few;
            step->at = xrealloc(on_heap ? step->at : NULL, step->cap * 2 * sizeof(*step->at));
            if (!on_heap)
                memcpy(step->at, step->few, sizeof(step->few));
            step->cap *= 2;
        }
        step->at[step->n++] = node;
        step->loops += node->loops;
    }
}

static void select_step_node(struct select_step *step, const struct select_node *node,
                             struct bytes name)
{
    if (node->loops)
        select_step_add(step, node);
    if (node->literal && node->first[name.at[0] >> 6] >> (name.at[0] & 63) & 1) {
        uintptr_t *value = table_get(node->literal, name);
        if (value)
            select_step_add(step, (const struct select_node *)*value);
    }
    for (size_t i = 0; i < node->n_globs && !step->all; i++) {
        const struct select_glob *glob = &node->globs[i];
        if ((glob->first == 0 || glob->first == name.at[0]) && glob_match(glob->pattern, name))
            select_step_add(step, glob->node);
    }
}

static int select_compare_nodes(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (const struct select_node *const *)a,
              y = (uintptr_t) * (const struct select_node *const *)b;
    return x < y ? -1 : x > y;
}

/* Makes a state of the nodes that the step found; there is one at least. */
static struct select_dir *select_step_state(struct select_step *step)
{
    /* Only a `**` can be found twice, because it is reached from itself too. */
    if (step->loops > 1) {
        qsort(step->at, step->n, sizeof(*step->at), select_compare_nodes);
        size_t n = 1;
        for (size_t i = 1; i < step->n; i++)
            if (step->at[i] != step->at[n - 1])
                step->at[n++] = step->at[i];
        step->n = n;
    }
    struct select_dir *dir = xmalloc(sizeof(*dir) + step->n * sizeof(*step->at));
    memcpy(dir + 1, step->at, step->n * sizeof(*step->at));
    *dir = (struct select_dir){(const struct select_node *const *)(dir + 1), step->n, true};
    return dir;
}

void select_check(const struct select_dir *dir, struct bytes name, bool is_dir,
                  struct select_verdict *ret, struct select_dir **ret_below)
{
    *ret_below = NULL;
    if (!dir || name.len == 0) {
        *ret = (struct select_verdict){.select = true, .descend = is_dir};
        return;
    }
    struct select_step step = {.cap = ARRAY_SIZE(step.few)};
    step.at = step.few;
    for (size_t i = 0; i < dir->n && !step.all; i++)
        select_step_node(&step, dir->nodes[i], name);
    *ret =
        (struct select_verdict){.select = step.all, .descend = is_dir && (step.all || step.n)};
    if (is_dir && !step.all && step.n) {
        const struct select_dir *alone = &step.at[0]->alone;
        *ret_below = step.n == alone->n && !step.at[0]->loops
                         ? (struct select_dir *)(uintptr_t)alone
                         : select_step_state(&step);
    }
    if (step.at != step.few)
        free(step.at);
}

void select_leave(struct select_dir *dir)
{
    if (dir && dir->owned)
        free(dir);
}

bool reads_cover(const struct reads *reads, struct bytes path)
{
    struct select_dir *below = NULL;
    const struct select_dir *here = select_root(reads);
    struct select_verdict verdict = {.select = !here};
    struct bytes rest = path, name;
    bool alive = here;
    while (alive && bytes_next(&rest, '/', &name)) {
        struct select_dir *next;
        select_check(here, name, true, &verdict, &next);
        select_leave(below);
        here = below = next;
        alive = next;
    }
    select_leave(below);
    return verdict.select;
}

bool reads_path(const struct reads *reads, struct bytes path, bool is_dir)
{
    const struct select_dir *at = select_root(reads);
    struct select_dir *owned = NULL;
    struct select_verdict verdict = {.select = true};
    struct bytes rest = path, name;
    while (at && bytes_next(&rest, '/', &name)) {
        struct select_dir *below = NULL;
        bool last = !rest.at;
        select_check(at, name, !last || is_dir, &verdict, &below);
        select_leave(owned);
        at = owned = below;
        if (!verdict.select && !verdict.descend)
            break;
    }
    select_leave(owned);
    return verdict.select;
}
