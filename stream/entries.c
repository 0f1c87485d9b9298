/* SPDX-License-Identifier: Apache-2.0 */
#include "entries.h"

#include <assert.h>
#include <limits.h>

int stream_order(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0;
    while (i < n && a.at[i] == b.at[i])
        i++;
    if (i == n)
        return (a.len > b.len) - (a.len < b.len);
    /* A slash sorts below every byte of a name: "a/b" comes before "a-b". */
    int x = a.at[i] == '/' ? -1 : a.at[i], y = b.at[i] == '/' ? -1 : b.at[i];
    return x - y;
}

/* ---- the walk ------------------------------------------------------------------------- */

struct walk {
    const struct terms *terms;
    entries_visit *visit;
    void *context;
    /* The walk of the tree opened each directory by its path, so that is shorter than PATH_MAX;
     * one more name fits after it. */
    char path[PATH_MAX + NAME_MAX + 2];
};

static bool entries_is_aside(const struct walk *w, size_t path_len, const struct node *node)
{
    return path_len == 0 && bytes_equal(node_name(node), w->terms->aside);
}

/* The first index whose name is not before `name`. */
static size_t entries_lower_bound(const struct dir *dir, struct bytes name)
{
    size_t low = 0, high = dir->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (bytes_compare(node_name(&dir->nodes[mid]), name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* `from`: the part of the starting path below this directory; {NULL}: walk all of it. */
static bool entries_walk_dir(struct walk *w, const struct dir *dir, size_t path_len,
                             struct bytes from)
{
    struct bytes first = {0};
    size_t i = 0;
    if (from.at && bytes_next(&from, '/', &first))
        i = entries_lower_bound(dir, first);
    for (; i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        struct bytes below = {0};
        bool passed = false;
        if (first.at && bytes_equal(node_name(node), first)) {
            below = from; /* {NULL} if the path ends here */
            passed = from.at != NULL;
        }
        if (!(node->sent & w->terms->bit) || entries_is_aside(w, path_len, node))
            continue;
        size_t at = path_len;
        if (at)
            w->path[at++] = '/';
        memcpy(w->path + at, node->text, node->name_len + 1u);
        at += node->name_len;
        if (!passed && !w->visit(w->context, bytes_at(w->path, at), node))
            return false;
        if (node->below && !entries_walk_dir(w, node->below, at, below))
            return false;
    }
    return true;
}

void entries_walk(const struct terms *terms, const struct tree *tree, struct bytes from,
                  entries_visit *visit, void *context)
{
    struct walk *w = xcalloc(1, sizeof(*w));
    w->terms = terms;
    w->visit = visit;
    w->context = context;
    entries_walk_dir(w, tree->root.below, 0, from.len ? from : (struct bytes){0});
    free(w);
}

/* ---- hard links ------------------------------------------------------------------------ */

struct links {
    atomic_uint refs;
    struct arena arena;
    struct table first; /* (dev, ino) -> struct bytes * */
};

struct inode_key {
    uint64_t dev, ino;
};

static struct inode_key links_key(const struct node *node)
{
    return (struct inode_key){node->id.dev, node->id.ino};
}

static bool entry_has_links(const struct terms *terms, const struct node *node)
{
    /* BuildKit makes a symbolic link of its own for each name of one; the classic builder keeps
     * the hard links. */
    return node_may_link(node) && (S_ISREG(node->id.mode) || terms->classic) &&
           !(node->empty & terms->bit) && !terms->for_digest;
}

struct linking {
    const struct terms *terms;
    struct links *links;
};

static bool links_add(void *context, struct bytes path, const struct node *node)
{
    const struct linking *l = context;
    if (!entry_has_links(l->terms, node))
        return true;
    struct inode_key key = links_key(node);
    if (table_get(&l->links->first, bytes_at(&key, sizeof(key))))
        return true;
    struct bytes *first = ARENA_NEW(&l->links->arena, struct bytes);
    *first = arena_copy(&l->links->arena, path);
    struct bytes own_key = arena_copy(&l->links->arena, bytes_at(&key, sizeof(key)));
    *table_put(&l->links->first, own_key, NULL) = (uintptr_t)first;
    return true;
}

struct links *links_make(const struct terms *terms, const struct tree *tree)
{
    struct links *links = xcalloc(1, sizeof(*links));
    links->refs = 1;
    struct linking l = {terms, links};
    if (tree->root.below->many_links && !terms->for_digest) {
        entries_walk(terms, tree, BYTES(""), links_add, &l);
        /* The file that is set aside comes last, so any other name of it comes first. */
        const struct node *last = terms->aside_dropped ? NULL : tree_find(tree, terms->aside);
        if (terms->aside.len && last && last->sent & terms->bit)
            links_add(&l, terms->aside, last);
    }
    return links;
}

struct links *links_ref(struct links *links)
{
    atomic_fetch_add_explicit(&links->refs, 1, memory_order_relaxed);
    return links;
}

void links_unref(struct links *links)
{
    if (!links || atomic_fetch_sub_explicit(&links->refs, 1, memory_order_acq_rel) > 1)
        return;
    table_release(&links->first);
    arena_release(&links->arena);
    free(links);
}

/* ---- one entry -------------------------------------------------------------------------- */

bool entry_of(const struct terms *terms, const struct links *links, struct bytes path,
              const struct node *node, struct entry *ret)
{
    uint32_t mode = node->id.mode;
    *ret = (struct entry){.kind = ENTRY_NODE,
                          .path = path,
                          .node = node,
                          .empty = (node->empty & terms->bit) != 0};
    if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode) && !S_ISFIFO(mode))
        return false;
    if (S_ISREG(mode) && terms->dockerfile.at && node->id.ino == terms->ino &&
        node->id.dev == terms->dev) {
        /* The first of its names is sent with the text that was parsed. */
        ret->kind = ENTRY_TEXT;
        ret->text = terms->dockerfile;
    }
    if (entry_has_links(terms, node)) {
        struct inode_key key = links_key(node);
        uintptr_t *first = table_get(&links->first, bytes_at(&key, sizeof(key)));
        if (first && !bytes_equal(*(const struct bytes *)*first, path)) {
            ret->kind = ENTRY_LINK;
            ret->text = *(const struct bytes *)*first;
        }
    }
    return true;
}

uint64_t entry_size(const struct entry *e)
{
    switch (e->kind) {
    case ENTRY_RAW:
    case ENTRY_TEXT:
        return e->text.len;
    case ENTRY_LINK:
        return 0;
    case ENTRY_NODE:
        return S_ISREG(e->node->id.mode) && !e->empty ? e->node->id.size : 0;
    }
    return 0;
}

static int64_t entry_mtime(const struct terms *terms, const struct stat_identity *id)
{
    if (terms->fixed_mtime || !id)
        return terms->fixed_mtime ? terms->mtime_seconds : 0;
    /* Whole seconds, rounded down, also for times before 1970. */
    int64_t ns = id->mtime_ns, second = 1000000000;
    return ns / second - (ns % second < 0);
}

struct tar_header entry_header(const struct terms *terms, const struct entry *e,
                               const struct stat_identity *now)
{
    const struct stat_identity *id = now ? now : e->node ? &e->node->id : NULL;
    assert(id || e->kind == ENTRY_TEXT || e->kind == ENTRY_LINK);
    struct tar_header h = {.path = e->path,
                           .type = '0',
                           .mode = id ? id->mode & 07777 : 0644,
                           .mtime = entry_mtime(terms, id)};
    if (e->kind == ENTRY_LINK) {
        h.type = '1';
        h.link = e->text;
    } else if (e->kind == ENTRY_TEXT || S_ISREG(id->mode)) {
        h.size = e->kind == ENTRY_TEXT ? e->text.len : e->empty ? 0 : id->size;
    } else if (S_ISDIR(id->mode)) {
        h.type = '5';
        /* The classic client only passes through an excluded directory and doesn't send it; the
         * engine creates it. */
        if (terms->classic && e->path.len && !(e->node->keep & terms->bit) && e->node->name_len)
            h.mode = 0755;
    } else if (S_ISFIFO(id->mode)) {
        h.type = '6';
    } else {
        h.type = '2';
        h.link = node_target(e->node);
        h.mode = 0777;
    }
    return h;
}

uint64_t entry_tar_bytes(const struct terms *terms, const struct entry *e)
{
    if (e->kind == ENTRY_RAW)
        return e->text.len;
    struct tar_header h = entry_header(terms, e, NULL);
    return tar_header_size(&h) + h.size + ustar_padding(h.size);
}
