/* SPDX-License-Identifier: Apache-2.0 */
/* The roots that this process uses (hashdb.h: hashdb_tree()). Thread: any. */
#ifndef CTXD_DB_TREES_H
#define CTXD_DB_TREES_H

#include "db-state.h"

/* Seconds since 1970, as trees.last_used has them. */
int64_t db_seconds(void);

/*
 * hashdb_tree(): *ret_id is the number of the root. Returns whether the writer must be told, to
 * write the time of its last use.
 */
bool db_tree_enter__with_lock(struct hashdb *db, struct bytes root_path, uint64_t dev,
                              uint64_t ino, int64_t *ret_id);
/* NULL: this process never asked for it, or has forgotten it since. */
struct db_tree *db_tree_find__with_lock(struct hashdb *db, int64_t id);
/* Notes that it is in use now. Returns whether the writer must be told. */
bool db_tree_use__with_lock(struct db_tree *tree);

/*
 * *ret is an array of copies of the trees that are due, or were used since then (seconds);
 * db_trees_free() frees it. Returns how many. Lock: none held.
 */
size_t db_trees_due(struct hashdb *db, int64_t used_since, struct db_tree **ret);
/* Notes that these copies are in the file now. */
void db_trees_written__with_lock(struct hashdb *db, const struct db_tree *written, size_t n);
void db_trees_free(struct db_tree *trees, size_t n);

#endif
