/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "arena.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t seed;

static void table_seed_once(void)
{
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
        seed = (uintptr_t)&seed * 0x9e3779b97f4a7c15u;
}

/* Multiplies and folds eight bytes at a time: fast, and unpredictable without the seed. */
static uint64_t table_hash(struct bytes b)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, table_seed_once);
    uint64_t hash = seed ^ b.len;
    for (size_t i = 0; i < b.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, b.at + i, b.len - i < 8 ? b.len - i : 8);
        unsigned __int128 wide = (unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15u;
        hash = (uint64_t)wide ^ (uint64_t)(wide >> 64) ^ seed;
    }
    return hash;
}

void table_release(struct table *t)
{
    free(t->slots);
    *t = (struct table){0};
}

/* The slot of the key, or the free one where it belongs. The table is never full. */
static struct table_slot *table_find_slot(const struct table *t, struct bytes key,
                                          uint64_t hash)
{
    for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
        struct table_slot *slot = &t->slots[i];
        if (!slot->key.at || (slot->hash == hash && bytes_equal(slot->key, key)))
            return slot;
    }
}

uintptr_t *table_get(const struct table *t, struct bytes key)
{
    if (t->n == 0)
        return NULL;
    struct table_slot *slot = table_find_slot(t, key, table_hash(key));
    return slot->key.at ? &slot->value : NULL;
}

static void table_grow(struct table *t)
{
    struct table old = *t;
    t->cap = old.cap ? old.cap * 2 : 16;
    t->slots = xcalloc(t->cap, sizeof(*t->slots));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key.at)
            *table_find_slot(t, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

uintptr_t *table_put(struct table *t, struct bytes key, bool *ret_new)
{
    /* At most three quarters full, so that the search for a missing key ends soon. */
    if (t->n >= t->cap / 4 * 3)
        table_grow(t);
    if (!key.at)
        key = BYTES("");
    uint64_t hash = table_hash(key);
    struct table_slot *slot = table_find_slot(t, key, hash);
    if (ret_new)
        *ret_new = !slot->key.at;
    if (!slot->key.at) {
        *slot = (struct table_slot){.key = key, .hash = hash};
        t->n++;
    }
    return &slot->value;
}
