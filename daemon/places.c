/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <assert.h>
#include <sys/random.h>

/* The step of splitmix64: each bit of the input changes half of the output's bits. */
static uint64_t place_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Seeded, because others choose the names and could make them collide. base/table.c is not used
 * because its tables can't remove an entry. */
static uint64_t place_hash_name(const struct places *places, const struct place *parent,
                                struct bytes name)
{
    uint64_t hash = places->seed ^ place_mix((uintptr_t)parent) ^ name.len;
    for (size_t i = 0; i < name.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, name.at + i, name.len - i < 8 ? name.len - i : 8);
        hash = place_mix(hash ^ word) + places->seed;
    }
    return hash;
}

static uint64_t place_hash_wd(int32_t wd)
{
    return place_mix((uint32_t)wd);
}

static struct bytes place_name(const struct place *place)
{
    return bytes_at(place->name, place->name_len);
}

/* ---- the two indexes ----------------------------------------------------------------- */

static uint64_t place_hash_in(const struct places *places, const struct place_index *index,
                              const struct place *place)
{
    return index == &places->by_wd ? place_hash_wd(place->wd)
                                   : place_hash_name(places, place->parent, place_name(place));
}

static void place_index_insert(struct place_index *index, struct place *place, uint64_t hash)
{
    size_t i = hash & (index->cap - 1);
    while (index->slots[i])
        i = (i + 1) & (index->cap - 1);
    index->slots[i] = place;
}

static void place_index_add(const struct places *places, struct place_index *index,
                            struct place *place)
{
    /* At most three quarters full, so that a search that finds nothing ends soon. */
    if (index->n >= index->cap / 4 * 3) {
        struct place_index old = *index;
        index->cap = old.cap ? old.cap * 2 : 16;
        index->slots = xcalloc(index->cap, sizeof(struct place *));
        for (size_t i = 0; i < old.cap; i++)
            if (old.slots[i])
                place_index_insert(index, old.slots[i],
                                   place_hash_in(places, index, old.slots[i]));
        free(old.slots);
    }
    place_index_insert(index, place, place_hash_in(places, index, place));
    index->n++;
}

/* Removes an entry, and moves later ones back into the gap, so that no search ends too early at
 * it. So the table needs no marks of deleted entries. */
static void place_index_remove(const struct places *places, struct place_index *index,
                               const struct place *place)
{
    size_t mask = index->cap - 1;
    size_t gap = place_hash_in(places, index, place) & mask;
    while (index->slots[gap] != place)
        gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; index->slots[i]; i = (i + 1) & mask) {
        size_t home = place_hash_in(places, index, index->slots[i]) & mask;
        /* An entry may move into the gap unless its home slot comes after the gap. */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            index->slots[gap] = index->slots[i];
            gap = i;
        }
    }
    index->slots[gap] = NULL;
    index->n--;
}

/* ---- places -------------------------------------------------------------------------- */

static struct place *place_new(struct places *places, struct place *parent, struct bytes name)
{
    struct place *place = xcalloc(1, sizeof(*place) + name.len);
    places->bytes += sizeof(*place) + name.len;
    place->name_len = (uint16_t)name.len;
    if (name.len)
        memcpy(place->name, name.at, name.len);
    if (!parent)
        return place;
    place->parent = parent;
    place->next = parent->child;
    if (place->next)
        place->next->prev = place;
    parent->child = place;
    place_index_add(places, &places->by_name, place);
    return place;
}

void places_init(struct places *places)
{
    *places = (struct places){.seed = 0x9e3779b97f4a7c15u};
    if (getrandom(&places->seed, sizeof(places->seed), GRND_NONBLOCK) < 0)
        places->seed ^= (uintptr_t)places;
    places->root = place_new(places, NULL, BYTES(""));
}

void places_release(struct places *places)
{
    struct place *top = places->root;
    while (places->root) {
        struct place *place = place_deepest(top);
        if (place == top)
            places->root = NULL;
        else
            place->parent->child = place->next;
        free(place);
    }
    free(places->by_name.slots);
    free(places->by_wd.slots);
    free(places->odd);
    *places = (struct places){0};
}

static struct place *place_find_below(const struct places *places, const struct place *parent,
                                      struct bytes name)
{
    const struct place_index *index = &places->by_name;
    if (index->n == 0)
        return NULL;
    size_t i = place_hash_name(places, parent, name) & (index->cap - 1);
    for (; index->slots[i]; i = (i + 1) & (index->cap - 1)) {
        struct place *place = index->slots[i];
        if (place->parent == parent && bytes_equal(place_name(place), name))
            return place;
    }
    return NULL;
}

struct place *places_find(const struct places *places, struct bytes path)
{
    struct place *place = places->root;
    struct bytes name;
    while (path.len && place && bytes_next(&path, '/', &name))
        place = place_find_below(places, place, name);
    return place;
}

struct place *places_make(struct places *places, struct bytes path)
{
    struct place *place = places->root;
    struct bytes name;
    while (path.len && bytes_next(&path, '/', &name)) {
        struct place *below = place_find_below(places, place, name);
        place = below ? below : place_new(places, place, name);
    }
    return place;
}

int32_t places_set_wd(struct places *places, struct place *place, int32_t wd)
{
    int32_t was = place->wd;
    if (was == wd)
        return 0;
    if (was)
        place_index_remove(places, &places->by_wd, place);
    place->wd = wd;
    if (wd)
        place_index_add(places, &places->by_wd, place);
    size_t at = 0;
    return was && !places_of_wd(places, was, &at) ? was : 0;
}

struct place *places_of_wd(const struct places *places, int32_t wd, size_t *at)
{
    const struct place_index *index = &places->by_wd;
    if (index->n == 0)
        return NULL;
    for (;; ++*at) {
        struct place *place = index->slots[(place_hash_wd(wd) + *at) & (index->cap - 1)];
        if (!place)
            return NULL;
        if (place->wd == wd) {
            ++*at;
            return place;
        }
    }
}

void places_set_flags(struct places *places, struct place *place, uint8_t flags)
{
    if (flags && !place->odd_at) {
        if (places->n_odd == places->odd_cap) {
            places->odd_cap = places->odd_cap ? places->odd_cap * 2 : 16;
            places->odd = xrealloc(places->odd, places->odd_cap * sizeof(struct place *));
        }
        places->odd[places->n_odd++] = place;
        place->odd_at = (uint32_t)places->n_odd;
    } else if (!flags && place->odd_at) {
        struct place *last = places->odd[--places->n_odd];
        places->odd[place->odd_at - 1] = last;
        last->odd_at = place->odd_at;
        place->odd_at = 0;
    }
    place->flags = flags;
}

void places_remove(struct places *places, struct place *place)
{
    assert(place->parent && !place->child && !place->wd && !place->flags);
    place_index_remove(places, &places->by_name, place);
    if (place->prev)
        place->prev->next = place->next;
    else
        place->parent->child = place->next;
    if (place->next)
        place->next->prev = place->prev;
    places->bytes -= sizeof(*place) + place->name_len;
    free(place);
}

void places_prune(struct places *places, struct place *place)
{
    while (place->parent && !place->child && !place->wd && !place->flags) {
        struct place *parent = place->parent;
        places_remove(places, place);
        place = parent;
    }
}

struct place *place_deepest(struct place *top)
{
    while (top->child)
        top = top->child;
    return top;
}

struct bytes place_path(const struct place *place, uint8_t path[PLACE_PATH_MAX])
{
    size_t len = 0;
    for (const struct place *p = place; p->parent; p = p->parent)
        len += p->name_len + (p->parent->parent ? 1u : 0u);
    if (len > PATH_MAX)
        return (struct bytes){NULL, 0};
    size_t end = len;
    for (const struct place *p = place; p->parent; p = p->parent) {
        end -= p->name_len;
        memcpy(path + end, p->name, p->name_len);
        if (end)
            path[--end] = '/';
    }
    return bytes_at(path, len);
}

uint64_t places_bytes(const struct places *places)
{
    return places->bytes + places->odd_cap * sizeof(struct place *) +
           (places->by_name.cap + places->by_wd.cap) * sizeof(struct place *);
}
