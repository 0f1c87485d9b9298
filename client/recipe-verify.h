/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the tools of the ecosystems whether they accept a skeleton. */
#ifndef CTXD_RECIPE_VERIFY_H
#define CTXD_RECIPE_VERIFY_H

#include "recipe.h"

/*
 * Cooks into a new directory below $TMPDIR (default: /tmp), runs a check for each unit whose
 * tool is installed, and removes the directory. The checks need no network. One that fails sets
 * *ret_failed, and its output goes to standard error. A unit without a check is skipped;
 * verbose says so.
 */
int recipe_verify_tools(const struct recipe *recipe, bool verbose, bool *ret_failed,
                        struct failure *f) must_use;

#endif
