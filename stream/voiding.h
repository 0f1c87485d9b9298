/* SPDX-License-Identifier: Apache-2.0 */
/* What the database of hashes must forget after a change of the tree. */
#ifndef CTXD_VOIDING_H
#define CTXD_VOIDING_H

#include "hashdb.h"

/*
 * Compares two trees and voids the hashes of files that were written to without another stat,
 * and of files that are gone. `bits`: the views that both trees were made for, by the same
 * rules. Thread: any.
 */
void void_hashes(struct hashdb *db, int64_t hashdb_tree, const struct tree *was,
                 const struct tree *is, uint32_t bits);

#endif
