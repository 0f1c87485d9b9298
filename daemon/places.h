/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table between inotify's watch numbers and the paths of one root's watched directories. A
 * path is a chain of names, so that a subtree is removed in time proportional to its size, and
 * a directory costs about 100 bytes however deep it lies.
 *
 *     struct place *p = places_make(&places, BYTES("src/lib"));
 *     places_set_wd(&places, p, wd);
 *     for (size_t at = 0; (p = places_of_wd(&places, wd, &at));)
 *         … place_path(p, path) …
 *
 * Several places may have the same watch number, because the kernel has one watch for a
 * directory whatever its path: the directory was moved and was entered at both paths, or it is
 * mounted twice.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_PLACES_H
#define CTXD_PLACES_H

#include "base.h"

#include <limits.h>

enum place_flags {
    PLACE_UNWATCHED = 1 << 0, /* the kernel or max_watches refused a watch */
    PLACE_FOREIGN = 1 << 1,   /* it lies on another mount than the root */
    PLACE_LOST = 1 << 2,      /* the kernel ended its watch */
};

struct place {
    struct place *parent, *child, *next, *prev; /* next and prev: siblings, in no order */
    int32_t wd;                                 /* 0: none; the kernel's begin with 1 */
    uint32_t odd_at;                            /* 1 + its index in places.odd; 0: not there */
    uint16_t name_len;
    uint8_t flags; /* enum place_flags; if not 0, it is in places.odd */
    uint8_t name[];
};

/* A hash table with open addressing; several entries may be equal. */
struct place_index {
    struct place **slots;
    size_t n, cap; /* cap is a power of two, or 0 */
};

struct places {
    struct place *root;         /* path "" */
    struct place_index by_name; /* all but the root, by parent and name */
    struct place_index by_wd;   /* those that have a watch number */
    struct place **odd;         /* those that have flags, in no order */
    size_t n_odd, odd_cap;
    uint64_t bytes; /* of the places, without the indexes */
    uint64_t seed;  /* of the hashes of names */
};

void places_init(struct places *places);
void places_release(struct places *places);

/* The place of a clean path below the root, or NULL. */
struct place *places_find(const struct places *places, struct bytes path);
/* The same; it and its parents are made if there are none. */
struct place *places_make(struct places *places, struct bytes path);

/* Sets the watch number of a place; 0: none. Returns its old number if no place has that any
 * more, else 0. */
int32_t places_set_wd(struct places *places, struct place *place, int32_t wd);
/* The next place with number wd, or NULL; *at begins with 0. No number may be set between two
 * calls. */
struct place *places_of_wd(const struct places *places, int32_t wd, size_t *at);

void places_set_flags(struct places *places, struct place *place, uint8_t flags);

/* Frees a place other than the root. It must have no number, no flags and nothing below it. */
void places_remove(struct places *places, struct place *place);
/* Frees the place and its parents, up to the first that must stay. */
void places_prune(struct places *places, struct place *place);
/* A place at or below `top` that has nothing below it. To free a subtree, remove what this
 * returns, until it has returned top itself. */
struct place *place_deepest(struct place *top);

/* Bytes for any path of a tree, a slash, a name and a NUL. The kernel opens no longer path. */
#define PLACE_PATH_MAX (PATH_MAX + NAME_MAX + 2)

/* Writes the path; there is room left for "/" and a name. If the path is too long, the result
 * has at == NULL. */
struct bytes place_path(const struct place *place, uint8_t path[PLACE_PATH_MAX]);

/* Bytes of memory of all of it. */
uint64_t places_bytes(const struct places *places);

#endif
