/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a tree (hashdb.h), for the files that make and compare trees. */
#ifndef CTXD_TREE_H
#define CTXD_TREE_H

#include "hashdb.h"

/* The entry of that name, or NULL. Thread: any. */
const struct node *dir_find(const struct dir *dir, struct bytes name);
/* One more reference, which tree_unref() drops with the tree. NULL is fine. Thread: any. */
struct dir *dir_ref(struct dir *dir);

#endif
