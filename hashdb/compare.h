/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two trees of one root, for make.c. hashdb.h declares the other functions. */
#ifndef CTXD_COMPARE_H
#define CTXD_COMPARE_H

#include "hashdb.h"

/*
 * Calls watch->leave for the topmost directories that were entered in `was` and are not in
 * `is`. Thread: the caller of tree_make().
 */
void tree_leave_gone(const struct tree *was, const struct tree *is,
                     const struct tree_watch *watch);

#endif
