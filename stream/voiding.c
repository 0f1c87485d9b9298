/* SPDX-License-Identifier: Apache-2.0 */
#include "voiding.h"

struct voiding {
    struct hashdb *db;
    int64_t tree;
    const struct tree *was, *is;
    uint32_t bits; /* of the views that both trees were made for */
    struct arena arena;
    struct inode *gone, *came; /* the files of names that were removed, and added */
    size_t n_gone, gone_cap, n_came, came_cap;
};

static bool void_same_inode(const struct node *a, const struct node *b)
{
    return a && b && a->id.dev == b->id.dev && a->id.ino == b->id.ino;
}

/* Voids the hash of a file that was written to although its stat is the same, and collects the
 * files whose names were removed or added. */
static void void_hash(void *context, struct bytes path)
{
    struct voiding *v = context;
    const struct node *was = tree_find(v->was, path), *is = tree_find(v->is, path);
    bool was_file = was && S_ISREG(was->id.mode), is_file = is && S_ISREG(is->id.mode);
    bool same = void_same_inode(was, is);
    if (was_file && is_file && was->version != is->version &&
        stat_identity_equal(&was->id, &is->id))
        hashdb_void(v->db, v->tree, is->id.dev, is->id.ino);
    /* Both trees were made by the rules of v->bits: the file is gone, and not just excluded. */
    if (was_file && !same && was->n_links == 1 && was->sent & v->bits)
        *ARENA_PUSH(&v->arena, v->gone, &v->n_gone, &v->gone_cap) =
            (struct inode){was->id.dev, was->id.ino};
    if (is_file && !same)
        *ARENA_PUSH(&v->arena, v->came, &v->n_came, &v->came_cap) =
            (struct inode){is->id.dev, is->id.ino};
}

static int void_compare_inodes(const void *a, const void *b)
{
    const struct inode *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* A renamed file is not gone: all hashes below a directory that was moved stay valid. */
static void void_drop_renamed(struct voiding *v)
{
    size_t n = 0;
    if (!v->n_gone || !v->n_came)
        return;
    qsort(v->came, v->n_came, sizeof(*v->came), void_compare_inodes);
    for (size_t i = 0; i < v->n_gone; i++)
        if (!bsearch(&v->gone[i], v->came, v->n_came, sizeof(*v->came), void_compare_inodes))
            v->gone[n++] = v->gone[i];
    v->n_gone = n;
}

void void_hashes(struct hashdb *db, int64_t hashdb_tree, const struct tree *was,
                 const struct tree *is, uint32_t bits)
{
    struct voiding v = {.db = db, .tree = hashdb_tree, .was = was, .is = is, .bits = bits};
    tree_compare(was, is, UINT32_MAX, void_hash, &v);
    void_drop_renamed(&v);
    hashdb_gone(db, hashdb_tree, v.gone, v.n_gone);
    arena_release(&v.arena);
}
