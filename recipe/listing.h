/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a sealed listing; recipe.h has what makes one. Paths are clean and relative to the
 * root. Thread: any, as long as none adds to it.
 */
#ifndef CTXD_LISTING_H
#define CTXD_LISTING_H

#include "recipe.h"

/* The entry of a path, or NULL. */
struct listed *listing_find(const struct listing *l, struct bytes path);
/* Tells whether a path is a regular file, or a link that leads to one. */
bool listing_is_file(const struct listing *l, struct bytes path);
/* Tells whether a path is the root, a directory that is kept, or one above an entry. */
bool listing_is_dir(const struct listing *l, struct bytes path);
/* The entries [*ret_first, *ret_end) are those below a directory, at any depth. */
void listing_below(const struct listing *l, struct bytes dir, size_t *ret_first,
                   size_t *ret_end);
/* Gives the path of entry i relative to a directory above it; true if it lies directly in it.
 */
bool listing_child(const struct listing *l, struct bytes dir, size_t i, struct bytes *ret_name);
/* Tells whether entry i is a file (or a link to one) with this name. Cheap: each ecosystem asks
 * it of every entry. */
bool listing_named(const struct listing *l, size_t i, const char *name);
/*
 * Reads a file into the arena. ret_executable may be NULL. -E2BIG past `max` bytes, or the
 * error of the reader or of the file system.
 */
int listing_read(const struct listing *l, struct arena *a, struct bytes path, size_t max,
                 struct bytes *ret, bool *ret_executable, struct failure *f) must_use;

#endif
