/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as bytes, by the rules of Go's path package. Nothing here reads the file system.
 *
 * Thread: any.
 */
#ifndef CTXD_PATH_H
#define CTXD_PATH_H

#include "arena.h"

/*
 * The shortest equal path: without "//", "." and a slash at the end (except for "/" itself),
 * with ".." resolved if a component precedes it. Empty gives ".". Source: Go path.Clean.
 */
struct bytes path_clean(struct arena *a, struct bytes path);

/*
 * `path` below the root, cleaned so that ".." can't leave the root: relative, without a slash
 * at either end, empty for the root itself. "/a/../../b/." gives "b".
 * Source: Go path.Join("/", p).
 */
struct bytes path_clean_root(struct arena *a, struct bytes path);

/* dir + "/" + name; just name if dir is empty. */
struct bytes path_join(struct arena *a, struct bytes dir, struct bytes name);

/* What follows the last slash; the whole path if it contains none. */
struct bytes path_name(struct bytes path);
/* What precedes the last slash; empty if it contains none. */
struct bytes path_dir(struct bytes path);

/*
 * dir + "/" + rel, cleaned, into *ret: relative to the root of the context, empty for the root
 * itself. Returns false, and leaves *ret, if rel is absolute, contains a NUL, or leaves the
 * root.
 */
bool path_resolve(struct arena *a, struct bytes dir, struct bytes rel, struct bytes *ret);
/*
 * The relative path that leads from the directory `from` to `to`, as "../b"; "." if they are
 * equal. Both are cleaned and relative to the root.
 */
struct bytes path_between(struct arena *a, struct bytes from, struct bytes to);
/* Whether path is dir, or lies below it at any depth. */
bool path_under(struct bytes path, struct bytes dir);
/* <0, 0, >0: component by component, so that a directory comes right before its entries. */
int path_depth_compare(struct bytes a, struct bytes b);
/* The same, but paths of fewer components come first. */
int path_shallow_compare(struct bytes a, struct bytes b);

#endif
