/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon does with a warm state between answers: audits, trimming, statistics. */
#include "warm-priv.h"

struct audit {
    const struct dirty *told; /* by events */
    const struct tree *is;
    uint64_t missed; /* changed paths that are not in `told` */
};

/* Counts a changed path unless events told of it. A removed directory gives one event, and none
 * for what was below it. */
static void audit_count_missed(void *context, struct bytes path)
{
    struct audit *audit = context;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] == '/' && dirty_covers(audit->told, bytes_head(path, i)) &&
            !tree_find(audit->is, bytes_head(path, i)))
            return;
    audit->missed += !dirty_covers(audit->told, path);
}

/* The bits of all rules: entries of rules that were dropped stay in a tree until the next one
 * is made. */
static uint32_t warm_live_bits__with_lock(const struct warm *warm)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        bits |= warm->slots[i].rules ? UINT32_C(1) << i : 0;
    return bits;
}

int warm_audit(struct warm *warm, struct pool *pool, uint64_t *ret_missed, struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE);
    *ret_missed = 0;
    if (!warm->setup.drain)
        return 0;
    pthread_mutex_lock(&warm->lock);
    struct dirty *dirty = warm->dirty;
    struct tree *was = warm->tree ? tree_ref(warm->tree) : NULL;
    int r = 0;
    if (was) {
        bool told = warm->setup.drain(warm->setup.watch->watch, dirty);
        tree_check_links(was, warm->setup.root_fd, pool, dirty); /* as every answer does */
        struct dirty *all = dirty_new();
        dirty_below(all, BYTES(""));
        r = warm_make_tree__with_lock(warm, pool, all, f);
        dirty_free(all);
        /* Changes that were made meanwhile may be in the new tree: they are not missed. */
        bool told_after = warm->setup.drain(warm->setup.watch->watch, dirty);
        told &= told_after;
        struct audit audit = {.told = dirty, .is = warm->tree};
        if (r == 0 && told)
            tree_compare(was, warm->tree, warm_live_bits__with_lock(warm), audit_count_missed,
                         &audit);
        *ret_missed = audit.missed;
        /* It may also show only a part of them: look at all of them again. */
        if (r == 0)
            tree_check_links(warm->tree, warm->setup.root_fd, pool, dirty);
        if (r == 0 && !dirty_is_empty(dirty))
            r = warm_make_tree__with_lock(warm, pool, dirty, f);
        if (r == 0)
            warm_forget_dirty__with_lock(warm);
        if (r == 0 && !told_after)
            warm_lose_tree__with_lock(warm);
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
            warm_drop_view__with_lock(&warm->views[i]);
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++)
        if (warm->slots[i].rules && warm->slots[i].used_ns < since_ns)
            warm_drop_slot__with_lock(warm, i);
    pthread_mutex_unlock(&warm->lock);
    skeletons_trim(warm->skeletons, since_ns);
}

/* Patterns of one ignore file that are kept for hours like everything else: 5 MB. */
#define PATTERNS_KEPT 4000

static bool rules_are_large(const struct rules *rules)
{
    return rules && rules->ignore && ignore_count(rules->ignore) > PATTERNS_KEPT;
}

bool warm_shrink(struct warm *warm, uint64_t since_ns)
{
    bool any = false;
    if (pthread_mutex_trylock(&warm->lock) != 0)
        return false;
    for (size_t i = 0; i < TREE_VIEWS_MAX; i++) {
        if (!rules_are_large(warm->slots[i].rules) || warm->slots[i].used_ns >= since_ns)
            continue;
        warm_drop_slot__with_lock(warm, i);
        any = true;
    }
    pthread_mutex_unlock(&warm->lock);
    return any;
}

static void warm_count_dir(const struct dir *dir, struct warm_stats *stats)
{
    stats->n_dirs++;
    stats->n_entries += dir->n;
    stats->bytes += dir->n_bytes;
    for (size_t i = 0; i < dir->n; i++)
        if (dir->nodes[i].below)
            warm_count_dir(dir->nodes[i].below, stats);
}

static struct warm_stats warm_count_all__with_lock(const struct warm *warm)
{
    struct warm_stats stats = {0};
    stats.n_dirty = warm->n_dirty;
    stats.n_dirty_total = warm->n_dirty_total;
    if (warm->tree)
        warm_count_dir(warm->tree->root.below, &stats);
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
        warm->stats = warm_count_all__with_lock(warm);
        pthread_mutex_unlock(&warm->lock);
    }
    *ret = warm->stats;
    pthread_mutex_unlock(&warm->stats_lock);
}
