/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two trees of one root: what changed for a view, which directories are gone, and
 * which other names of changed files must be looked at. */
#include "compare.h"

#include "dirty.h"
#include "tree.h"

#include <fcntl.h>
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

struct link_check {
    int root_fd;
    struct dirty *dirty;
    char path[PATH_MAX + NAME_MAX + 2];
};

/* Puts the node's name after the first `at` bytes of c->path. Returns the new length. */
static size_t links_add_name(struct link_check *c, size_t at, const struct node *node)
{
    if (at)
        c->path[at++] = '/';
    memcpy(c->path + at, node->text, node->name_len + 1u);
    return at + node->name_len;
}

static void links_check(struct link_check *c, const struct dir *dir, size_t path_len)
{
    for (size_t i = 0; dir->many_links && i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        bool linked = node_may_link(node);
        if (!linked && !(node->below && node->below->many_links))
            continue;
        size_t at = links_add_name(c, path_len, node);
        if (!linked) {
            links_check(c, node->below, at);
            continue;
        }
        struct stat st;
        struct stat_identity now;
        if (fstatat(c->root_fd, c->path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            now = stat_identity(&st);
            if (stat_identity_equal(&now, &node->id))
                continue;
        }
        dirty_entry(c->dirty, bytes_at(c->path, at), true);
    }
}

/* Marks each name of a file given to dirty_inode(); single: only names with one link. It visits
 * the whole tree (5 ms for 500,000 entries), so it runs only if a file just got another name,
 * or was written to by one of several. */
static void links_mark_inodes(struct link_check *c, const struct dir *dir, bool single,
                              size_t path_len)
{
    for (size_t i = 0; i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        bool marked = !S_ISDIR(node->id.mode) && !(single && node->n_links > 1) &&
                      dirty_has_inode(c->dirty, node->id.dev, node->id.ino);
        if (!marked && !node->below)
            continue;
        size_t at = links_add_name(c, path_len, node);
        if (marked)
            dirty_entry(c->dirty, bytes_at(c->path, at), true);
        else
            links_mark_inodes(c, node->below, single, at);
    }
}

void tree_check_links(const struct tree *tree, int root_fd, struct dirty *dirty)
{
    struct link_check *c = xcalloc(1, sizeof(*c));
    c->root_fd = root_fd;
    c->dirty = dirty;
    links_check(c, tree->root.below, 0);
    if (dirty_has_inodes(dirty))
        links_mark_inodes(c, tree->root.below, false, 0);
    free(c);
}

/* A shared directory was looked at when it was new. was may be NULL. */
static void links_find_new(const struct dir *was, const struct dir *is, struct dirty *dirty)
{
    if (was == is || !is->many_links)
        return;
    for (size_t i = 0; i < is->n; i++) {
        const struct node *node = &is->nodes[i];
        const struct node *before = was ? dir_find(was, node_name(node)) : NULL;
        if (node->below)
            links_find_new(before ? before->below : NULL, node->below, dirty);
        else if (node_may_link(node) && !(before && before->n_links > 1 &&
                                          stat_identity_equal(&before->id, &node->id)))
            dirty_inode(dirty, node->id.dev, node->id.ino);
    }
}

void tree_check_new_links(const struct tree *was, const struct tree *is, struct dirty *dirty)
{
    struct link_check *c = xcalloc(1, sizeof(*c));
    c->dirty = dirty;
    links_find_new(was ? was->root.below : NULL, is->root.below, dirty);
    if (dirty_has_inodes(dirty))
        links_mark_inodes(c, is->root.below, true, 0);
    free(c);
}
