/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon keeps of one root between answers. The guarantee, in two sentences:
 *
 * 1. An answer begins by asking what changed until now (drain), and looks at all of that again;
 *    if the changes are unknown, it looks at everything.
 * 2. What it did not look at again is as the last look found it. A chunk is remembered only if
 *    all of it was read in the version that the tree has: under a stat that any later write
 *    changes, or while no process could write.
 *
 *              drain -> dirty ┐
 *     tree 7 ─────────────────┴─ tree_make ─> tree 8 ──────────> the next answer's start
 *       │ one bit a set of rules                │
 *     view A's chunks of tree 5 ── tree_compare(5, 8, A) ─> chunks_patch ─> A's chunks of 8
 *
 * A view is (rules, terms). Each set of rules has a bit of the tree; views that differ only in
 * terms (times, which file is the Dockerfile) share a bit. New rules cost a walk of the whole
 * tree. Unchanged entries keep their versions in it, so that the other views have nothing to
 * do.
 *
 * This file has the tree; warm-chunks.c the views and their chunks; warm-upkeep.c what a daemon
 * does between answers.
 */
#include "voiding.h"
#include "warm-priv.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

/* ns between two looks at whether a request that waits for the tree was cancelled. */
#define LOOK_NS 100000000

struct warm *warm_new(const struct warm_setup *setup)
{
    struct warm *warm = xcalloc(1, sizeof(*warm));
    warm->setup = *setup;
    warm->root_name = bytes_dup(setup->root_name);
    warm->dirty = dirty_new();
    /* Up to 256 bytes, the call can't fail or fall short. */
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

void warm_drop_slot__with_lock(struct warm *warm, size_t slot)
{
    for (size_t i = 0; i < VIEWS_MAX; i++)
        if (warm->views[i].bit == UINT32_C(1) << slot)
            warm_drop_view__with_lock(&warm->views[i]);
    rules_unref(warm->slots[slot].rules);
    warm->slots[slot] = (struct slot){0};
}

void warm_free(struct warm *warm)
{
    if (!warm)
        return;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        warm_drop_slot__with_lock(warm, i);
    tree_unref(warm->tree);
    tree_unref(warm->last);
    dirty_free(warm->dirty);
    pthread_mutex_destroy(&warm->lock);
    skeletons_free(warm->skeletons);
    pthread_mutex_destroy(&warm->stats_lock);
    bytes_free(&warm->ignore_name);
    bytes_free(&warm->root_name);
    free(warm);
}

/* ---- the tree --------------------------------------------------------------------------- */

/* The key of a set of rules: of the ignore file's text, and of the paths that are read. Rules
 * with the same key decide every path in the same way. */
static struct digest128 warm_rules_key(const struct warm *warm,
                                       const struct send_request *request,
                                       const struct rules *rules)
{
    struct digest128_state *state = digest128_new(&warm->key);
    const struct reads *reads = rules->tree.reads;
    uint8_t flags[] = {request->control->has_ignore, request->builder == SEND_CLASSIC,
                       !reads || reads->everything};
    warm_key_add(state, bytes_at(flags, sizeof(flags)));
    warm_key_add(state, request->control->ignore);
    for (size_t i = 0; reads && !reads->everything && i < reads->n; i++) {
        const struct df_read *read = &reads->at[i];
        uint8_t kind[] = {read->globstar, read->literal};
        warm_key_add(state, read->pattern);
        warm_key_add(state, bytes_at(kind, sizeof(kind)));
    }
    struct digest128 key = digest128_end(state);
    digest128_free(state);
    return key;
}

/* The slot of these rules, if necessary that of the ones unused for longest. *ret_new: no tree
 * was made by these rules yet. */
static size_t warm_find_slot__with_lock(struct warm *warm, const struct digest128 *key,
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
    warm_drop_slot__with_lock(warm, best);
    warm->slots[best] =
        (struct slot){.rules = rules_ref(rules), .key = *key, .serial = ++warm->last_serial};
    *ret_new = true;
    return best;
}

void warm_lose_tree__with_lock(struct warm *warm)
{
    if (!warm->tree)
        return;
    tree_unref(warm->last);
    warm->last = steal(&warm->tree);
}

/* Looks again at the other names of files that now have several; replaces *tree. */
static int warm_look_at_links(const struct tree_walk *walk, const struct tree *was,
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

/* The bits of the rules by which the last tree was made and the next one will be. */
static uint32_t warm_known_bits__with_lock(const struct warm *warm)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        bits |= warm->slots[i].rules && warm->made_for[i] == warm->slots[i].serial
                    ? UINT32_C(1) << i
                    : 0;
    return bits;
}

int warm_make_tree__with_lock(struct warm *warm, struct pool *pool, const struct dirty *dirty,
                              struct failure *f)
{
    const struct tree_rules *rules[TREE_VIEWS_MAX];
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        rules[i] = warm->slots[i].rules ? &warm->slots[i].rules->tree : NULL;
    struct tree_walk walk = {
        .root_fd = warm->setup.root_fd,
        .root_name = warm->root_name,
        .ignore_name = warm->ignore_name,
        .rules = rules,
        .n_rules = TREE_VIEWS_MAX,
        .watch = warm->setup.watch,
        .pool = pool,
    };
    while (walk.n_rules > 1 && !rules[walk.n_rules - 1])
        walk.n_rules--;
    struct tree *old = warm->tree ? warm->tree : warm->last, *new;
    int r = tree_make(&walk, old, dirty, &new, f);
    r = r < 0 ? r : warm_look_at_links(&walk, old, &new, f);
    if (r < 0) {
        warm_lose_tree__with_lock(warm); /* looking at `dirty` alone would not be enough */
        return r;
    }
    if (old && warm->setup.hashes)
        void_hashes(warm->setup.hashes, warm->hashdb_tree, old, new,
                    warm_known_bits__with_lock(warm));
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        warm->made_for[i] = warm->slots[i].rules ? warm->slots[i].serial : 0;
    tree_unref(warm->tree);
    tree_unref(warm->last);
    warm->last = NULL;
    warm->tree = new;
    return 0;
}

void warm_forget_dirty__with_lock(struct warm *warm)
{
    dirty_free(warm->dirty);
    warm->dirty = dirty_new();
}

static int warm_renew__with_lock(struct warm *warm, struct pool *pool, bool everything,
                                 struct failure *f)
{
    struct dirty *dirty = warm->dirty;
    bool told = warm->setup.drain && warm->setup.drain(warm->setup.watch->watch, dirty);
    bool blind = !told || !warm->tree;
    warm->n_dirty = dirty_count(dirty);
    everything |= blind;
    if (everything)
        dirty_below(dirty, BYTES(""));
    else
        tree_check_links(warm->tree, warm->setup.root_fd, pool, dirty);
    int r = 0;
    if (!dirty_is_empty(dirty))
        r = warm_make_tree__with_lock(warm, pool, dirty, f);
    if (r < 0)
        return r;
    warm_forget_dirty__with_lock(warm);
    if (blind && warm->tree)
        warm->n_dirty = warm->tree->n_stats;
    warm->n_dirty_total += warm->n_dirty;
    return 0;
}

/*
 * Takes the lock. Another answer holds it as long as it makes a tree, so that the wait ends if
 * the request is cancelled (-ECANCELED). (ThreadSanitizer doesn't know the call that takes the
 * monotonic clock. If the clock is set back, a cancelled request may wait for the lock longer.)
 */
static int warm_lock(struct warm *warm, const struct pool *pool, struct failure *f)
{
    int r;
    do {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        r = pool_check(pool, f);
        if (r == 0)
            r = -pthread_mutex_timedlock(&warm->lock, &until);
    } while (r == -ETIMEDOUT);
    return r;
}

static void warm_name_ignore__with_lock(struct warm *warm, struct bytes name)
{
    if (bytes_equal(warm->ignore_name, name))
        return;
    bytes_free(&warm->ignore_name);
    warm->ignore_name = bytes_dup(name);
}

int warm_tree(struct warm *warm, const struct send_request *request, struct tree_view *views,
              size_t n_views, struct pool *pool, struct plan *plan, struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE | THREAD_HTTP | THREAD_LEARNER); /* it waits for the pool */
    bool new[TREE_VIEWS_MAX] = {0}, any_new = false;
    size_t slots[TREE_VIEWS_MAX];
    int r = warm_lock(warm, pool, f);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_views; i++) {
        struct digest128 key = warm_rules_key(warm, request, views[i].rules);
        slots[i] = warm_find_slot__with_lock(warm, &key, views[i].rules, &new[i]);
        warm->slots[slots[i]].used_ns = clock_now_ns(); /* so that the next view gets another */
        any_new |= new[i];
    }
    const struct tree *before = warm->tree;
    warm_name_ignore__with_lock(warm, request->control->ignore_name);
    r = warm_renew__with_lock(warm, pool, any_new || request->verify, f);
    for (size_t i = 0; i < n_views; i++) {
        views[i].bit = UINT32_C(1) << slots[i];
        views[i].serial = warm->slots[slots[i]].serial;
        if (r < 0 && new[i])
            warm_drop_slot__with_lock(warm, slots[i]);
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
