/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two trees of one root: what changed for a view, and which directories are gone. */
#include "compare.h"

#include "tree.h"

#include <limits.h>

struct comparison {
    uint32_t bit;
    tree_on_difference *tell;
    void *context;
    char path[PATH_MAX + NAME_MAX + 2];
};

static bool tree_same_entry(const struct node *a, const struct node *b, uint32_t bit)
{
    return (a->keep & bit) == (b->keep & bit) && (a->empty & bit) == (b->empty & bit) &&
           a->version == b->version && stat_identity_equal(&a->id, &b->id) &&
           (a->n_links > 1) == (b->n_links > 1) && bytes_equal(node_target(a), node_target(b));
}

static void tree_compare_dirs(struct comparison *c, const struct dir *was, const struct dir *is,
                              size_t path_len);

/* One of the two may be NULL: without `was` the node is new, without `is` it is gone, with all
 * below it. */
static void tree_compare_nodes(struct comparison *c, const struct node *was,
                               const struct node *is, size_t path_len)
{
    const struct node *any = was ? was : is;
    size_t at = path_len;
    if (at)
        c->path[at++] = '/';
    memcpy(c->path + at, any->text, any->name_len);
    at += any->name_len;
    if (!was || !is || !tree_same_entry(was, is, c->bit))
        c->tell(c->context, bytes_at(c->path, at));
    tree_compare_dirs(c, was ? was->below : NULL, is ? is->below : NULL, at);
}

static const struct node *tree_next_sent(const struct dir *dir, size_t *i, uint32_t bit)
{
    while (dir && *i < dir->n && !(dir->nodes[*i].sent & bit))
        ++*i;
    return dir && *i < dir->n ? &dir->nodes[*i] : NULL;
}

static void tree_compare_dirs(struct comparison *c, const struct dir *was, const struct dir *is,
                              size_t path_len)
{
    if (was == is)
        return;
    for (size_t w = 0, i = 0;;) {
        const struct node *a = tree_next_sent(was, &w, c->bit),
                          *b = tree_next_sent(is, &i, c->bit);
        if (!a && !b)
            return;
        int order = !a ? 1 : !b ? -1 : bytes_compare(node_name(a), node_name(b));
        tree_compare_nodes(c, order <= 0 ? a : NULL, order >= 0 ? b : NULL, path_len);
        w += order <= 0;
        i += order >= 0;
    }
}

void tree_compare(const struct tree *was, const struct tree *is, uint32_t view_bit,
                  tree_on_difference *tell, void *context)
{
    struct comparison *c = xcalloc(1, sizeof(*c));
    c->bit = view_bit;
    c->tell = tell;
    c->context = context;
    tree_compare_dirs(c, was->root.below, is->root.below, 0);
    free(c);
}

static void tree_leave_gone_dirs(const struct tree_watch *watch, const struct dir *old,
                                 const struct dir *new, char *path, size_t path_len)
{
    for (size_t i = 0; old != new &&i < old->n; i++) {
        const struct node *was = &old->nodes[i];
        if (!was->below || path_len + was->name_len + 2 > PATH_MAX)
            continue;
        size_t len = path_len;
        if (len)
            path[len++] = '/';
        memcpy(path + len, was->text, was->name_len);
        len += was->name_len;
        const struct node *is = dir_find(new, node_name(was));
        if (!is || !is->below)
            watch->leave(watch->watch, bytes_at(path, len));
        else
            tree_leave_gone_dirs(watch, was->below, is->below, path, len);
    }
}

void tree_leave_gone(const struct tree *was, const struct tree *is,
                     const struct tree_watch *watch)
{
    char path[PATH_MAX];
    tree_leave_gone_dirs(watch, was->root.below, is->root.below, path, 0);
}
