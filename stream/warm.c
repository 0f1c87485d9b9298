/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon keeps of one root between answers. The guarantee, in two sentences:
 *
 * 1. An answer begins by asking what changed until now (drain), and looks at all of that again;
 *    where that can't be told, it looks at everything.
 * 2. What it did not look at again is as the last look found it, and a chunk is remembered only
 *    if all of it was read in the version that the tree has, by a stat that any later write
 *    changes or while nobody could write.
 *
 *              drain -> dirty ┐
 *     tree 7 ─────────────────┴─ tree_make ─> tree 8 ──────────> the next answer's start
 *       │ one bit a view                        │
 *     view A's chunks of tree 5 ── tree_compare(5, 8, A) ─> chunks_patch ─> A's chunks of 8
 *
 * A view is (rules, terms). Rules take a bit of the tree; views that differ in terms alone
 * (times, which file is the Dockerfile) share it. New rules cost a walk of everything, by which
 * unchanged entries keep their versions, so that no other view has anything to do.
 */
#include "skeleton.h"
#include "stream-priv.h"

#include <errno.h>
#include <sys/random.h>

enum {
    VIEWS_MAX = 64,         /* past it the longest unused goes */
    HASHES_LOADED_MIN = 32, /* unknown chunks from which the database is asked in one go */
};

/* The rules behind one bit. */
struct slot {
    struct rules *rules; /* NULL: free */
    struct digest128 key;
    uint64_t serial; /* of these rules, never used again */
    uint64_t used_ns;
};

struct view {
    uint32_t bit; /* 0: free */
    struct digest128 key;
    uint64_t used_ns;
    struct tree *tree; /* that the chunks are of */
    struct links *links;
    struct chunks chunks;
};

struct warm {
    struct warm_setup setup;
    struct bytes root_name;
    int64_t hashdb_tree;
    struct digest_key key; /* of views and rules, whose texts are others' */
    pthread_mutex_t
        lock;            /* of all below; held while a tree is made, never while bytes go out */
    struct tree *tree;   /* NULL: none was made, or what changed since is lost */
    struct tree *last;   /* the one before a loss: to compare with */
    struct dirty *dirty; /* what was told, until a tree was made by it */
    uint64_t last_serial;
    uint64_t made_for[TREE_VIEWS_MAX]; /* serials of the rules that the tree was made by */
    uint64_t n_dirty, n_dirty_total;   /* struct warm_stats has them */
    struct slot slots[TREE_VIEWS_MAX];
    struct view views[VIEWS_MAX];
    struct skeletons *skeletons; /* has a lock of its own */
    pthread_mutex_t stats_lock;
    struct warm_stats stats; /* as last counted */
};

struct warm *warm_new(const struct warm_setup *setup)
{
    struct warm *warm = xcalloc(1, sizeof(*warm));
    warm->setup = *setup;
    warm->root_name = bytes_dup(setup->root_name);
    warm->dirty = dirty_new();
    /* Up to 256 bytes the call can't fail or fall short. */
    if (getrandom(warm->key.secret, sizeof(warm->key.secret), 0) !=
        (ssize_t)sizeof(warm->key.secret))
        abort();
    pthread_mutex_init(&warm->lock, NULL);
    warm->skeletons = skeletons_new();
    pthread_mutex_init(&warm->stats_lock, NULL);
    struct stat st;
    if (setup->hashes && fstat(setup->root_fd, &st) == 0)
        warm->hashdb_tree = hashdb_tree(setup->hashes, warm->root_name, st.st_dev, st.st_ino);
    return warm;
}

static void view_drop(struct view *view)
{
    chunks_release(&view->chunks);
    links_unref(view->links);
    tree_unref(view->tree);
    *view = (struct view){0};
}

static void slot_drop__with_lock(struct warm *warm, size_t slot)
{
    for (size_t i = 0; i < VIEWS_MAX; i++)
        if (warm->views[i].bit == UINT32_C(1) << slot)
            view_drop(&warm->views[i]);
    rules_unref(warm->slots[slot].rules);
    warm->slots[slot] = (struct slot){0};
}

void warm_free(struct warm *warm)
{
    if (!warm)
        return;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        slot_drop__with_lock(warm, i);
    tree_unref(warm->tree);
    tree_unref(warm->last);
    dirty_free(warm->dirty);
    pthread_mutex_destroy(&warm->lock);
    skeletons_free(warm->skeletons);
    pthread_mutex_destroy(&warm->stats_lock);
    bytes_free(&warm->root_name);
    free(warm);
}

/* ---- the tree --------------------------------------------------------------------------- */

static void add_field(struct digest128_state *state, struct bytes field)
{
    uint64_t len = field.len;
    digest128_add(state, bytes_at(&len, sizeof(len)));
    digest128_add(state, field);
}

/* Equal for rules that give equal verdicts: the ignore file's text, and the paths read. */
static struct digest128 rules_key(const struct warm *warm, const struct send_request *request,
                                  const struct rules *rules)
{
    struct digest128_state *state = digest128_new(&warm->key);
    const struct reads *reads = rules->tree.reads;
    uint8_t flags[] = {request->control->has_ignore, request->builder == SEND_CLASSIC,
                       !reads || reads->everything};
    add_field(state, bytes_at(flags, sizeof(flags)));
    add_field(state, request->control->ignore);
    for (size_t i = 0; reads && !reads->everything && i < reads->n; i++) {
        const struct df_read *read = &reads->at[i];
        uint8_t kind[] = {read->globstar, read->literal};
        add_field(state, read->pattern);
        add_field(state, bytes_at(kind, sizeof(kind)));
    }
    struct digest128 key = digest128_end(state);
    digest128_free(state);
    return key;
}

/* The slot of these rules; *ret_new: the tree knows nothing of them yet. */
static size_t find_slot__with_lock(struct warm *warm, const struct digest128 *key,
                                   struct rules *rules, bool *ret_new)
{
    size_t best = 0;
    *ret_new = false;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++) {
        const struct slot *slot = &warm->slots[i];
        if (slot->rules && digest128_equal(&slot->key, key))
            return i;
        if (warm->slots[best].rules &&
            (!slot->rules || slot->used_ns < warm->slots[best].used_ns))
            best = i;
    }
    slot_drop__with_lock(warm, best);
    warm->slots[best] =
        (struct slot){.rules = rules_ref(rules), .key = *key, .serial = ++warm->last_serial};
    *ret_new = true;
    return best;
}

/* The next answer looks at everything, and compares with what was. */
static void lose_tree__with_lock(struct warm *warm)
{
    if (!warm->tree)
        return;
    tree_unref(warm->last);
    warm->last = steal(&warm->tree);
}

/* Looks again at the other names of what is found to have several; *tree is replaced. */
static int look_at_links(const struct tree_walk *walk, const struct tree *was,
                         struct tree **tree, struct failure *f)
{
    struct dirty *dirty = dirty_new();
    struct tree *made = *tree, *newer;
    int r = 0;
    tree_check_new_links(was, made, dirty);
    if (!dirty_is_empty(dirty)) {
        r = tree_make(walk, made, dirty, &newer, f);
        tree_unref(made);
        *tree = r < 0 ? NULL : newer;
    }
    dirty_free(dirty);
    return r;
}

/* The views that both the tree that was and the next one are made for. */
static uint32_t known_bits__with_lock(const struct warm *warm)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        bits |= warm->slots[i].rules && warm->made_for[i] == warm->slots[i].serial
                    ? UINT32_C(1) << i
                    : 0;
    return bits;
}

static int make_tree__with_lock(struct warm *warm, struct bytes ignore_name, struct pool *pool,
                                const struct dirty *dirty, struct failure *f)
{
    const struct tree_rules *rules[TREE_VIEWS_MAX];
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        rules[i] = warm->slots[i].rules ? &warm->slots[i].rules->tree : NULL;
    struct tree_walk walk = {
        .root_fd = warm->setup.root_fd,
        .root_name = warm->root_name,
        .ignore_name = ignore_name,
        .rules = rules,
        .n_rules = TREE_VIEWS_MAX,
        .watch = warm->setup.watch,
        .pool = pool,
    };
    while (walk.n_rules > 1 && !rules[walk.n_rules - 1])
        walk.n_rules--;
    struct tree *old = warm->tree ? warm->tree : warm->last, *new;
    int r = tree_make(&walk, old, dirty, &new, f);
    r = r < 0 ? r : look_at_links(&walk, old, &new, f);
    if (r < 0) {
        lose_tree__with_lock(warm); /* by what is dirty alone it can't be mended */
        return r;
    }
    if (old && warm->setup.hashes)
        void_hashes(warm->setup.hashes, warm->hashdb_tree, old, new,
                    known_bits__with_lock(warm));
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        warm->made_for[i] = warm->slots[i].rules ? warm->slots[i].serial : 0;
    tree_unref(warm->tree);
    tree_unref(warm->last);
    warm->last = NULL;
    warm->tree = new;
    return 0;
}

/* What was told is looked at. */
static void forget_dirty__with_lock(struct warm *warm)
{
    dirty_free(warm->dirty);
    warm->dirty = dirty_new();
}

static int renew__with_lock(struct warm *warm, struct bytes ignore_name, struct pool *pool,
                            bool everything, struct failure *f)
{
    struct dirty *dirty = warm->dirty;
    bool told = warm->setup.drain && warm->setup.drain(warm->setup.watch->watch, dirty);
    bool blind = !told || !warm->tree;
    warm->n_dirty = dirty_count(dirty);
    everything |= blind;
    if (everything)
        dirty_below(dirty, BYTES(""));
    else
        tree_check_links(warm->tree, warm->setup.root_fd, dirty);
    int r = 0;
    if (!dirty_is_empty(dirty))
        r = make_tree__with_lock(warm, ignore_name, pool, dirty, f);
    if (r < 0)
        return r;
    forget_dirty__with_lock(warm);
    if (blind && warm->tree)
        warm->n_dirty = warm->tree->n_stats;
    warm->n_dirty_total += warm->n_dirty;
    return 0;
}

int warm_tree(struct warm *warm, const struct send_request *request, struct tree_view *views,
              size_t n_views, struct pool *pool, struct plan *plan, struct failure *f)
{
    bool new[TREE_VIEWS_MAX] = {0}, any_new = false;
    size_t slots[TREE_VIEWS_MAX];
    pthread_mutex_lock(&warm->lock);
    for (size_t i = 0; i < n_views; i++) {
        struct digest128 key = rules_key(warm, request, views[i].rules);
        slots[i] = find_slot__with_lock(warm, &key, views[i].rules, &new[i]);
        warm->slots[slots[i]].used_ns = clock_now_ns(); /* so that the next takes another */
        any_new |= new[i];
    }
    const struct tree *before = warm->tree;
    int r = renew__with_lock(warm, request->control->ignore_name, pool,
                             any_new || request->verify, f);
    for (size_t i = 0; i < n_views; i++) {
        views[i].bit = UINT32_C(1) << slots[i];
        views[i].serial = warm->slots[slots[i]].serial;
        if (r < 0 && new[i])
            slot_drop__with_lock(warm, slots[i]);
    }
    if (r == 0) {
        plan->tree = tree_ref(warm->tree);
        plan->looked = warm->tree != before;
    }
    pthread_mutex_unlock(&warm->lock);
    return r;
}

struct skeletons *warm_skeletons(struct warm *warm)
{
    return warm->skeletons;
}

/* ---- the chunks ------------------------------------------------------------------------- */

static struct digest128 terms_key(const struct warm *warm, const struct plan *plan)
{
    const struct terms *t = &plan->terms;
    struct digest128_state *state = digest128_new(&warm->key);
    uint64_t numbers[] = {t->bit,           t->fixed_mtime, (uint64_t)t->mtime_seconds,
                          t->aside_dropped, t->for_digest,  t->classic};
    digest128_add(state, bytes_at(numbers, sizeof(numbers)));
    add_field(state, t->aside);
    /* Which file is the Dockerfile, and its text, shows in a chunk only if it has another name
     * there: else an edit of it costs no view. */
    const struct node *node = t->dockerfile.at ? tree_find(plan->tree, t->aside) : NULL;
    if (node && node->n_links > 1) {
        uint64_t file[] = {t->dev, t->ino};
        digest128_add(state, bytes_at(file, sizeof(file)));
        add_field(state, t->dockerfile);
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
    bool links; /* a file with several links, by either tree, is among them */
};

static void add_change(void *context, struct bytes path)
{
    struct changes *c = context;
    if (bytes_equal(path, c->plan->terms.aside))
        return; /* in no chunk */
    *ARENA_PUSH(&c->arena, c->at, &c->n, &c->cap) = arena_copy(&c->arena, path);
    const struct node *was = tree_find(c->was, path), *is = tree_find(c->plan->tree, path);
    c->links |= (was && node_may_link(was)) || (is && node_may_link(is));
}

/* Fills the plan's links and chunks from what the view has of an older tree. */
static void patch_view__with_lock(const struct view *view, struct plan *plan)
{
    struct changes c = {.plan = plan, .was = view->tree};
    tree_compare(view->tree, plan->tree, plan->terms.bit, add_change, &c);
    if (c.links) {
        /* Which name of a file is the first one may have changed anywhere. */
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

static struct view *find_view__with_lock(struct warm *warm, const struct digest128 *key,
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

/* Whether nothing is to be read to know this chunk. */
static bool is_known(const struct plan *plan, struct chunk *chunk)
{
    struct digest128 name;
    if (!plan->terms.for_digest)
        return chunk_name(chunk, &name);
    pthread_mutex_lock(&chunk->lock);
    bool known = chunk->has_digest;
    pthread_mutex_unlock(&chunk->lock);
    return known;
}

static void ask_database(struct warm *warm, struct plan *plan)
{
    size_t unknown = 0;
    for (size_t i = 0; i < plan->chunks.n; i++)
        unknown += !is_known(plan, plan->chunks.at[i]);
    if (unknown >= HASHES_LOADED_MIN)
        plan->hashes = hashdb_load(warm->setup.hashes, warm->hashdb_tree);
}

void warm_chunks(struct warm *warm, struct plan *plan)
{
    struct digest128 key = terms_key(warm, plan);
    pthread_mutex_lock(&warm->lock);
    bool new;
    struct view *view = find_view__with_lock(warm, &key, &new);
    if (new) {
        plan->links = links_make(&plan->terms, plan->tree);
        chunks_cut(&plan->terms, plan->links, plan->tree, &plan->chunks);
    } else {
        patch_view__with_lock(view, plan);
    }
    /* Meanwhile others may have gone ahead, or the bit may be another's. */
    bool ours = false;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        ours |= warm->slots[i].rules && warm->slots[i].serial == plan->serial;
    if (ours && (new || view->tree->generation <= plan->tree->generation)) {
        view_drop(view);
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
        ask_database(warm, plan);
}

/* ---- upkeep ----------------------------------------------------------------------- */

struct audit {
    const struct dirty *told;
    const struct tree *is;
    uint64_t missed;
};

/* Of a directory that went, one event tells, and none of what was below it. */
static void count_missed(void *context, struct bytes path)
{
    struct audit *audit = context;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] == '/' && dirty_covers(audit->told, bytes_head(path, i)) &&
            !tree_find(audit->is, bytes_head(path, i)))
            return;
    audit->missed += !dirty_covers(audit->told, path);
}

/* Views that were dropped leave entries in a tree until it is made anew. */
static uint32_t live_bits__with_lock(const struct warm *warm)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        bits |= warm->slots[i].rules ? UINT32_C(1) << i : 0;
    return bits;
}

int warm_audit(struct warm *warm, struct pool *pool, uint64_t *ret_missed, struct failure *f)
{
    *ret_missed = 0;
    if (!warm->setup.drain)
        return 0;
    pthread_mutex_lock(&warm->lock);
    struct dirty *dirty = warm->dirty;
    struct tree *was = warm->tree ? tree_ref(warm->tree) : NULL;
    int r = 0;
    if (was) {
        bool told = warm->setup.drain(warm->setup.watch->watch, dirty);
        tree_check_links(was, warm->setup.root_fd, dirty); /* which every answer does */
        struct dirty *all = dirty_new();
        dirty_below(all, BYTES(""));
        r = make_tree__with_lock(warm, BYTES(".dockerignore"), pool, all, f);
        dirty_free(all);
        /* What happened during the sweep may be in it: that is not missed either. */
        bool told_after = warm->setup.drain(warm->setup.watch->watch, dirty);
        told &= told_after;
        struct audit audit = {.told = dirty, .is = warm->tree};
        if (r == 0 && told)
            tree_compare(was, warm->tree, live_bits__with_lock(warm), count_missed, &audit);
        *ret_missed = audit.missed;
        /* … but is looked at again, by the next answer. */
        if (r == 0 && !dirty_is_empty(dirty))
            r = make_tree__with_lock(warm, BYTES(".dockerignore"), pool, dirty, f);
        if (r == 0)
            forget_dirty__with_lock(warm);
        if (r == 0 && !told_after)
            lose_tree__with_lock(warm);
        tree_unref(was);
    }
    pthread_mutex_unlock(&warm->lock);
    return r;
}

void warm_trim(struct warm *warm, uint64_t since_ns)
{
    pthread_mutex_lock(&warm->lock);
    for (size_t i = 0; i < VIEWS_MAX; i++)
        if (warm->views[i].bit && warm->views[i].used_ns < since_ns)
            view_drop(&warm->views[i]);
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        if (warm->slots[i].rules && warm->slots[i].used_ns < since_ns)
            slot_drop__with_lock(warm, i);
    pthread_mutex_unlock(&warm->lock);
    skeletons_trim(warm->skeletons, since_ns);
}

static void count_dir(const struct dir *dir, struct warm_stats *stats)
{
    stats->n_dirs++;
    stats->n_entries += dir->n;
    stats->bytes += dir->n_bytes;
    for (size_t i = 0; i < dir->n; i++)
        if (dir->nodes[i].below)
            count_dir(dir->nodes[i].below, stats);
}

static struct warm_stats count_all__with_lock(const struct warm *warm)
{
    struct warm_stats stats = {0};
    stats.n_dirty = warm->n_dirty;
    stats.n_dirty_total = warm->n_dirty_total;
    if (warm->tree)
        count_dir(warm->tree->root.below, &stats);
    for (size_t i = 0; i < VIEWS_MAX; i++) {
        const struct view *view = &warm->views[i];
        stats.n_views += view->bit != 0;
        stats.n_chunks += view->chunks.n;
        for (size_t k = 0; k < view->chunks.n; k++)
            stats.bytes +=
                sizeof(struct chunk) + view->chunks.at[k]->first_len + sizeof(void *);
    }
    stats.bytes += skeletons_bytes(warm->skeletons);
    return stats;
}

void warm_stats(struct warm *warm, struct warm_stats *ret)
{
    pthread_mutex_lock(&warm->stats_lock);
    if (pthread_mutex_trylock(&warm->lock) == 0) {
        warm->stats = count_all__with_lock(warm);
        pthread_mutex_unlock(&warm->lock);
    }
    *ret = warm->stats;
    pthread_mutex_unlock(&warm->stats_lock);
}
