/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <time.h>

static int64_t stat_nanoseconds(struct timespec t)
{
    /* It overflows past the year 2262, but equal times stay equal. */
    return (int64_t)((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

struct stat_identity stat_identity(const struct stat *st)
{
    return (struct stat_identity){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = stat_nanoseconds(st->st_mtim),
        .ctime_ns = stat_nanoseconds(st->st_ctim),
        .mode = st->st_mode,
    };
}

bool stat_identity_equal(const struct stat_identity *a, const struct stat_identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

int64_t stat_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return stat_nanoseconds(now);
}

bool stat_settled(const struct stat_identity *id, int64_t clock_ns)
{
    /* Whole seconds in both suggest a file system that stores no fractions. */
    const int64_t second = 1000000000;
    bool coarse = id->ctime_ns % second == 0 && id->mtime_ns % second == 0;
    return id->ctime_ns < clock_ns - (coarse ? second : 0);
}

struct dir *dir_ref(struct dir *dir)
{
    if (dir)
        atomic_fetch_add_explicit(&dir->refs, 1, memory_order_relaxed);
    return dir;
}

static void dir_unref(struct dir *dir)
{
    if (!dir || atomic_fetch_sub_explicit(&dir->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < dir->n; i++)
        dir_unref(dir->nodes[i].below); /* PATH_MAX bounds the depth: 2,047 levels */
    free(dir);
}

struct tree *tree_ref(struct tree *tree)
{
    atomic_fetch_add_explicit(&tree->refs, 1, memory_order_relaxed);
    return tree;
}

void tree_unref(struct tree *tree)
{
    if (!tree || atomic_fetch_sub_explicit(&tree->refs, 1, memory_order_acq_rel) > 1)
        return;
    dir_unref(tree->root.below);
    free(tree);
}

const struct node *dir_find(const struct dir *dir, struct bytes name)
{
    size_t low = 0, high = dir->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = bytes_compare(node_name(&dir->nodes[mid]), name);
        if (order == 0)
            return &dir->nodes[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct node *tree_find(const struct tree *tree, struct bytes path)
{
    const struct node *node = &tree->root;
    struct bytes rest = path, name;
    if (path.len == 0)
        return node;
    while (node && bytes_next(&rest, '/', &name))
        node = node->below ? dir_find(node->below, name) : NULL;
    return node;
}
