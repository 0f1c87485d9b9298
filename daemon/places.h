/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the watched directories of one root lie: the table between inotify's watch numbers and
 * paths. A path is kept as a chain of names, so that a subtree goes in the time of its own size
 * and a directory costs about 100 bytes however deep it lies.
 *
 *     struct place *p = places_make(&places, BYTES("src/lib"));
 *     places_set_wd(&places, p, wd);
 *     for (size_t at = 0; (p = places_of_wd(&places, wd, &at));)
 *         … place_path(p, path) …
 *
 * Several places may hold one watch number, since the kernel has one watch for a directory
 * however it is reached: it was moved and was entered at both paths, or it is mounted twice.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_PLACES_H
#define CTXD_PLACES_H

#include "base.h"

#include <limits.h>

enum place_flags {
    PLACE_UNWATCHED = 1 << 0, /* the kernel or the limit refused a watch */
    PLACE_FOREIGN = 1 << 1,   /* of another mount than the root */
    PLACE_LOST = 1 << 2,      /* its watch ended by itself */
};

struct place {
    struct place *parent, *child, *next, *prev; /* siblings, in no order */
    int32_t wd;                                 /* 0: none; the kernel's begin with 1 */
    uint32_t odd_at;                            /* 1 + its index in places.odd; 0: not there */
    uint16_t name_len;
    uint8_t flags; /* 0, or it is in places.odd */
    uint8_t name[];
};

/* Open addressing; several entries may be equal. */
struct place_index {
    struct place **slots;
    size_t n, cap; /* cap is a power of two, or 0 */
};

struct places {
    struct place *root;         /* path "" */
    struct place_index by_name; /* by parent and name; all but the root */
    struct place_index by_wd;   /* those that have one */
    struct place **odd;         /* those with flags */
    size_t n_odd, odd_cap;
    uint64_t bytes; /* of the places; the indexes are extra */
    uint64_t seed;
};

void places_init(struct places *places);
void places_release(struct places *places);

/* The place of a clean path below the root; NULL where there is none. */
struct place *places_find(const struct places *places, struct bytes path);
/* The same, made with what lies above it where there is none. */
struct place *places_make(struct places *places, struct bytes path);

/* Gives it watch number wd, or none (0). Returns the number that no place holds any more by
 * this, or 0. */
int32_t places_set_wd(struct places *places, struct place *place, int32_t wd);
/* The next place of wd; *at begins with 0. Only while no number is set. */
struct place *places_of_wd(const struct places *places, int32_t wd, size_t *at);

void places_set_flags(struct places *places, struct place *place, uint8_t flags);

/* Frees a place that has neither number nor flags, and nothing below it; not the root. */
void places_remove(struct places *places, struct place *place);
/* The same for it and what is above it, as far as that can be done. */
void places_prune(struct places *places, struct place *place);
/* A place at or below `top` that has nothing below it: to take a subtree apart, remove what
 * this gives until it gave top itself. */
struct place *place_deepest(struct place *top);

/* Room for any path of a tree: a longer one is refused by whoever opens it. */
#define PLACE_PATH_MAX (PATH_MAX + NAME_MAX + 2)

/* Writes the path, with room left for "/" and a name. An empty view with at NULL: too long. */
struct bytes place_path(const struct place *place, uint8_t path[PLACE_PATH_MAX]);

/* Memory of it all, for statistics. */
uint64_t places_bytes(const struct places *places);

#endif
