/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as bytes, by the rules of Go's path package. Thread: any. */
#ifndef CTXD_PATH_H
#define CTXD_PATH_H

#include "arena.h"

/*
 * The shortest equal path: "//" and "." removed, ".." resolved where it can be, no slash at
 * the end but for "/". Empty gives ".". Source: Go path.Clean.
 */
struct bytes path_clean(struct arena *a, struct bytes path);

/*
 * `path` below the root, cleaned so that ".." can't leave it: relative, without a slash at
 * either end; empty for the root itself. "/a/../../b/." gives "b".
 * Source: Go path.Join("/", p).
 */
struct bytes path_clean_root(struct arena *a, struct bytes path);

/* dir + "/" + name; just name where dir is empty. */
struct bytes path_join(struct arena *a, struct bytes dir, struct bytes name);

/* What follows (precedes) the last slash; a path without one is its own name, in directory "".
 */
struct bytes path_name(struct bytes path);
struct bytes path_dir(struct bytes path);

/*
 * dir + "/" + rel, cleaned, into *ret: relative to the root of the context, empty for the root
 * itself. Returns false, and leaves *ret, if rel is absolute, contains a NUL, or leaves the
 * root.
 */
bool path_resolve(struct arena *a, struct bytes dir, struct bytes rel, struct bytes *ret);
/* The way from directory `from` to `to`, both below the root: "../b"; "." if they are equal. */
struct bytes path_between(struct arena *a, struct bytes from, struct bytes to);
/* Whether path is dir, or lies in it at any depth. */
bool path_under(struct bytes path, struct bytes dir);
/* <0, 0, >0: component by component, so that a directory comes right before what it contains.
 */
int path_depth_compare(struct bytes a, struct bytes b);
/* The same, but paths of fewer components come first. */
int path_shallow_compare(struct bytes a, struct bytes b);

#endif
