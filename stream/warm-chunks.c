/* SPDX-License-Identifier: Apache-2.0 */
/* The views of a daemon's tree, and the chunks of each, patched up to the newest tree. */
#include "warm-priv.h"

/* With at least this many unknown chunks, one query loads the hashes of the whole tree. To read
 * the files of fewer chunks costs less than that. */
enum { HASHES_LOADED_MIN = 32 };

void warm_drop_view__with_lock(struct view *view)
{
    chunks_release(&view->chunks);
    links_unref(view->links);
    tree_unref(view->tree);
    *view = (struct view){0};
}

static struct digest128 view_key(const struct warm *warm, const struct plan *plan)
{
    const struct terms *t = &plan->terms;
    struct digest128_state *state = digest128_new(&warm->key);
    uint64_t numbers[] = {t->bit,           t->fixed_mtime, (uint64_t)t->mtime_seconds,
                          t->aside_dropped, t->for_digest,  t->classic};
    digest128_add(state, bytes_at(numbers, sizeof(numbers)));
    warm_key_add(state, t->aside);
    /* The Dockerfile and its text are part of the key only if the file has another name, which
     * is in a chunk. Otherwise an edit of it needs no new view. */
    const struct node *node = t->dockerfile.at ? tree_find(plan->tree, t->aside) : NULL;
    if (node && node->n_links > 1) {
        uint64_t file[] = {t->dev, t->ino};
        digest128_add(state, bytes_at(file, sizeof(file)));
        warm_key_add(state, t->dockerfile);
    }
    struct digest128 key = digest128_end(state);
    digest128_free(state);
    return key;
}

struct changes {
    const struct plan *plan;
    const struct tree *was;
    struct arena arena;
    struct bytes *at;
    size_t n, cap;
    bool links; /* one of them has several links in either tree */
};

static void view_add_change(void *context, struct bytes path)
{
    struct changes *c = context;
    if (bytes_equal(path, c->plan->terms.aside))
        return; /* it is in no chunk */
    *ARENA_PUSH(&c->arena, c->at, &c->n, &c->cap) = arena_copy(&c->arena, path);
    const struct node *was = tree_find(c->was, path), *is = tree_find(c->plan->tree, path);
    c->links |= (was && node_may_link(was)) || (is && node_may_link(is));
}

/* Fills the plan's links and chunks from those that the view has of an older tree. */
static void view_patch__with_lock(const struct view *view, struct plan *plan)
{
    struct changes c = {.plan = plan, .was = view->tree};
    tree_compare(view->tree, plan->tree, plan->terms.bit, view_add_change, &c);
    if (c.links) {
        /* The first name of a file may have changed anywhere in the tree. */
        plan->links = links_make(&plan->terms, plan->tree);
        chunks_cut(&plan->terms, plan->links, plan->tree, &plan->chunks);
    } else {
        plan->links = links_ref(view->links);
        if (c.n)
            chunks_patch(&plan->terms, plan->links, plan->tree, &view->chunks, c.at, c.n,
                         &plan->chunks);
        else
            chunks_share(&view->chunks, &plan->chunks);
    }
    arena_release(&c.arena);
}

static struct view *view_find__with_lock(struct warm *warm, const struct digest128 *key,
                                         bool *ret_new)
{
    struct view *best = &warm->views[0];
    *ret_new = false;
    for (size_t i = 0; i < VIEWS_MAX; i++) {
        struct view *view = &warm->views[i];
        if (view->bit && digest128_equal(&view->key, key))
            return view;
        if (best->bit && (!view->bit || view->used_ns < best->used_ns))
            best = view;
    }
    *ret_new = true;
    return best;
}

/* Whether the chunk's name (or digest) was learnt, so that no file need be read for it. */
static bool view_knows_chunk(const struct plan *plan, struct chunk *chunk)
{
    struct digest128 name;
    if (!plan->terms.for_digest)
        return chunk_name(chunk, &name);
    pthread_mutex_lock(&chunk->lock);
    bool known = chunk->has_digest;
    pthread_mutex_unlock(&chunk->lock);
    return known;
}

static void view_ask_database(struct warm *warm, struct plan *plan)
{
    size_t unknown = 0;
    for (size_t i = 0; i < plan->chunks.n; i++)
        unknown += !view_knows_chunk(plan, plan->chunks.at[i]);
    if (unknown >= HASHES_LOADED_MIN)
        plan->hashes = hashdb_load(warm->setup.hashes, warm->hashdb_tree);
}

void warm_chunks(struct warm *warm, struct plan *plan)
{
    struct digest128 key = view_key(warm, plan);
    pthread_mutex_lock(&warm->lock);
    bool new;
    struct view *view = view_find__with_lock(warm, &key, &new);
    if (new) {
        plan->links = links_make(&plan->terms, plan->tree);
        chunks_cut(&plan->terms, plan->links, plan->tree, &plan->chunks);
    } else {
        view_patch__with_lock(view, plan);
    }
    /* Since warm_tree(), another answer may have put the chunks of a newer tree into the view,
     * or the bit may belong to other rules. */
    bool ours = false;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        ours |= warm->slots[i].rules && warm->slots[i].serial == plan->serial;
    if (ours && (new || view->tree->generation <= plan->tree->generation)) {
        warm_drop_view__with_lock(view);
        *view = (struct view){.bit = plan->terms.bit,
                              .key = key,
                              .tree = tree_ref(plan->tree),
                              .links = links_ref(plan->links)};
        chunks_share(&plan->chunks, &view->chunks);
    }
    if (ours)
        view->used_ns = clock_now_ns();
    pthread_mutex_unlock(&warm->lock);
    plan->store = warm->setup.store;
    plan->hashdb = warm->setup.hashes;
    plan->hashdb_tree = warm->hashdb_tree;
    if (plan->hashdb && plan->store)
        view_ask_database(warm, plan);
}
