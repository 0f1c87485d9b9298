/* SPDX-License-Identifier: Apache-2.0 */
#include "store-seen.h"

#include <stdlib.h>

enum {
    WAYS = 8,        /* entries of a set: few enough to search one by one */
    SETS_FIRST = 16, /* 128 chunks: a small tree */
    /* Sets, so 64 Ki chunks: 3.5 MiB of memory, and as many as a cache of 4 GiB has at 64 KiB
     * each. */
    SETS_MAX = 8192,
};

struct store_seen_entry {
    struct digest128 content;
    struct store_identity id; /* ino 0: free */
    uint64_t used_ns;         /* clock_now_ns() */
    uint8_t codec;
    int8_t level;
};

void store_seen_init(struct store_seen *seen)
{
    pthread_mutex_init(&seen->lock, NULL);
    seen->n_sets = SETS_FIRST;
    seen->entries = xcalloc(seen->n_sets * WAYS, sizeof(*seen->entries));
}

void store_seen_release(struct store_seen *seen)
{
    pthread_mutex_destroy(&seen->lock);
    free(seen->entries);
}

static struct store_seen_entry *seen_set__with_lock(const struct store_seen *seen,
                                                    const struct digest128 *content)
{
    /* Not the first bytes: all names of one shard share the first one. */
    uint64_t bits;
    memcpy(&bits, content->at + 8, sizeof(bits));
    return seen->entries + (bits & (seen->n_sets - 1)) * WAYS;
}

static struct store_seen_entry *seen_find__with_lock(const struct store_seen *seen,
                                                     const struct store_name *name)
{
    struct store_seen_entry *set = seen_set__with_lock(seen, &name->content);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].id.ino && digest128_equal(&set[i].content, &name->content) &&
            set[i].codec == (uint8_t)name->codec && set[i].level == (int8_t)name->level)
            return &set[i];
    return NULL;
}

bool store_seen_check(struct store_seen *seen, const struct store_name *name,
                      const struct store_identity *id)
{
    uint64_t now = clock_now_ns();
    pthread_mutex_lock(&seen->lock);
    struct store_seen_entry *entry = seen_find__with_lock(seen, name);
    bool same = entry && entry->id.ino == id->ino && entry->id.mtime_ns == id->mtime_ns &&
                entry->id.ctime_ns == id->ctime_ns;
    if (same)
        entry->used_ns = now;
    pthread_mutex_unlock(&seen->lock);
    return same;
}

/* A free entry of the set, or the one that was unused for longest. */
static struct store_seen_entry *seen_victim__with_lock(struct store_seen_entry *set)
{
    struct store_seen_entry *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].id.ino)
            return &set[i];
        if (set[i].used_ns < oldest->used_ns)
            oldest = &set[i];
    }
    return oldest;
}

/* Splits each set into two, so that all entries find room. */
static void seen_grow__with_lock(struct store_seen *seen)
{
    struct store_seen_entry *old = seen->entries;
    size_t n = seen->n_sets * WAYS;
    seen->n_sets *= 2;
    seen->entries = xcalloc(seen->n_sets * WAYS, sizeof(*seen->entries));
    for (size_t i = 0; i < n; i++)
        if (old[i].id.ino)
            *seen_victim__with_lock(seen_set__with_lock(seen, &old[i].content)) = old[i];
    free(old);
}

void store_seen_add(struct store_seen *seen, const struct store_name *name,
                    const struct store_identity *id)
{
    uint64_t now = clock_now_ns();
    pthread_mutex_lock(&seen->lock);
    struct store_seen_entry *entry = seen_find__with_lock(seen, name);
    if (!entry) {
        entry = seen_victim__with_lock(seen_set__with_lock(seen, &name->content));
        while (entry->id.ino && seen->n_sets < SETS_MAX) {
            seen_grow__with_lock(seen);
            entry = seen_victim__with_lock(seen_set__with_lock(seen, &name->content));
        }
    }
    *entry = (struct store_seen_entry){.content = name->content,
                                       .id = *id,
                                       .used_ns = now,
                                       .codec = (uint8_t)name->codec,
                                       .level = (int8_t)name->level};
    pthread_mutex_unlock(&seen->lock);
}

uint64_t store_seen_age_ms(struct store_seen *seen, const struct store_name *name)
{
    uint64_t now = clock_now_ns();
    pthread_mutex_lock(&seen->lock);
    const struct store_seen_entry *entry = seen_find__with_lock(seen, name);
    /* Another thread may have used it since `now` was read. */
    uint64_t age = !entry                  ? UINT64_MAX
                   : entry->used_ns >= now ? 0
                                           : (now - entry->used_ns) / 1000000;
    pthread_mutex_unlock(&seen->lock);
    return age;
}
