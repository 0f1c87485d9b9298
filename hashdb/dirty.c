/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty paths as a tree of names. Its size is that of the changes, not of the tree of
 * files. Past a maximum the whole root is dirty, which is slower but never wrong.
 */
#include "dirty.h"

/* Paths, at 100 bytes each. After a git checkout that changes more files than this, walking the
 * whole tree is as cheap. */
enum { DIRTY_NODES_MAX = 100000 };

struct dirty {
    struct arena arena;
    struct dirty_node root;
    size_t n, n_told;
    struct table inodes;  /* struct inode -> 0 */
    bool files;           /* any file */
    struct indexed_cell { /* a list of the nodes whose by_name must be released */
        struct dirty_node *node;
        struct indexed_cell *next;
    } * cells;
};

/* Changed names of a directory that are searched one by one. More get a table. */
enum { CHILDREN_SEARCHED = 8 };

struct dirty *dirty_new(void)
{
    return xcalloc(1, sizeof(struct dirty));
}

static void dirty_drop_tables(struct dirty *dirty)
{
    for (struct indexed_cell *cell = dirty->cells; cell; cell = cell->next)
        table_release(&cell->node->by_name);
    dirty->cells = NULL;
}

void dirty_free(struct dirty *dirty)
{
    if (!dirty)
        return;
    dirty_drop_tables(dirty);
    table_release(&dirty->inodes);
    arena_release(&dirty->arena);
    free(dirty);
}

bool dirty_is_empty(const struct dirty *dirty)
{
    return !dirty->root.flags && !dirty->root.children;
}

size_t dirty_count(const struct dirty *dirty)
{
    return dirty->n_told;
}

const struct dirty_node *dirty_root(const struct dirty *dirty)
{
    return &dirty->root;
}

static struct dirty_node *dirty_find_child(const struct dirty_node *node, struct bytes name)
{
    if (node->by_name.n) {
        uintptr_t *value = table_get(&node->by_name, name);
        return value ? (struct dirty_node *)*value : NULL;
    }
    struct dirty_node *child = node->children;
    while (child && !bytes_equal(child->name, name))
        child = child->next;
    return child;
}

const struct dirty_node *dirty_child(const struct dirty_node *node, struct bytes name)
{
    return node ? dirty_find_child(node, name) : NULL;
}

bool dirty_covers(const struct dirty *dirty, struct bytes path)
{
    const struct dirty_node *node = &dirty->root;
    struct bytes rest = path, name;
    while (path.len && bytes_next(&rest, '/', &name)) {
        if (node->flags & DIRTY_BELOW || (!rest.at && node->flags & DIRTY_LISTING))
            return true;
        node = dirty_find_child(node, name);
        if (!node)
            return false;
    }
    return node->flags != 0;
}

static void dirty_index_child(struct dirty *dirty, struct dirty_node *node,
                              struct dirty_node *child)
{
    if (node->n_children < CHILDREN_SEARCHED)
        return;
    if (node->n_children == CHILDREN_SEARCHED) {
        struct indexed_cell *cell = ARENA_NEW(&dirty->arena, struct indexed_cell);
        *cell = (struct indexed_cell){node, dirty->cells};
        dirty->cells = cell;
        for (struct dirty_node *c = node->children; c; c = c->next)
            *table_put(&node->by_name, c->name, NULL) = (uintptr_t)c;
    }
    *table_put(&node->by_name, child->name, NULL) = (uintptr_t)child;
}

/* Marks the whole root. No path needs to be marked any more, and every content counts as
 * changed. */
static void dirty_give_up(struct dirty *dirty)
{
    dirty->root.flags |= DIRTY_BELOW | DIRTY_STAT | DIRTY_CONTENT;
}

/* The node of a path, made if it is missing. NULL: past the maximum. */
static struct dirty_node *dirty_node_at(struct dirty *dirty, struct bytes path,
                                        struct dirty_node **ret_parent)
{
    struct dirty_node *node = &dirty->root;
    struct bytes rest = path, name;
    *ret_parent = NULL;
    while (path.len && bytes_next(&rest, '/', &name)) {
        struct dirty_node *child = dirty_find_child(node, name);
        if (!child) {
            if (dirty->n == DIRTY_NODES_MAX) {
                dirty_give_up(dirty);
                return NULL;
            }
            dirty->n++;
            child = ARENA_NEW(&dirty->arena, struct dirty_node);
            child->name = arena_copy(&dirty->arena, name);
            dirty_index_child(dirty, node, child);
            child->next = node->children;
            node->children = child;
            node->n_children++;
        }
        *ret_parent = node;
        node = child;
    }
    return node;
}

static void dirty_mark(struct dirty *dirty, struct bytes path, uint32_t flags)
{
    struct dirty_node *parent, *node = dirty_node_at(dirty, path, &parent);
    if (!node)
        return;
    node->flags |= flags;
    dirty->n_told += !node->told;
    node->told = true;
    /* If the entry came or went, the times of its directory changed. */
    if (parent)
        parent->flags |= DIRTY_STAT;
}

void dirty_entry(struct dirty *dirty, struct bytes path, bool content)
{
    dirty_mark(dirty, path, DIRTY_STAT | (content ? DIRTY_CONTENT : 0u));
}

void dirty_listing(struct dirty *dirty, struct bytes path)
{
    dirty_mark(dirty, path, DIRTY_STAT | DIRTY_LISTING);
}

void dirty_below(struct dirty *dirty, struct bytes path)
{
    dirty_mark(dirty, path, DIRTY_STAT | DIRTY_BELOW);
}

void dirty_inode(struct dirty *dirty, uint64_t dev, uint64_t ino)
{
    if (dirty->inodes.n == DIRTY_NODES_MAX) {
        dirty_give_up(dirty);
        return;
    }
    struct inode inode = {dev, ino}; /* it has no padding, so its bytes can be a key */
    struct bytes key = bytes_at(&inode, sizeof(inode));
    if (!table_get(&dirty->inodes, key))
        table_put(&dirty->inodes, arena_copy(&dirty->arena, key), NULL);
}

bool dirty_has_inodes(const struct dirty *dirty)
{
    return dirty->inodes.n > 0;
}

bool dirty_has_inode(const struct dirty *dirty, uint64_t dev, uint64_t ino)
{
    struct inode inode = {dev, ino};
    return table_get(&dirty->inodes, bytes_at(&inode, sizeof(inode))) != NULL;
}

void dirty_files(struct dirty *dirty)
{
    dirty->files = true;
}

bool dirty_has_files(const struct dirty *dirty)
{
    return dirty->files;
}
