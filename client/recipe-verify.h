/* SPDX-License-Identifier: Apache-2.0 */
/* What the ecosystems' own tools say of a skeleton. */
#ifndef CTXD_RECIPE_VERIFY_H
#define CTXD_RECIPE_VERIFY_H

#include "recipe.h"

/*
 * Cooks into a new directory below TMPDIR (/tmp) and runs, for each unit whose tool is
 * installed, a check of that tool that needs no network; then removes it. A check that fails
 * sets *ret_failed and is shown on standard error; a unit without one is passed over.
 */
int recipe_verify_tools(const struct recipe *recipe, bool verbose, bool *ret_failed,
                        struct failure *f) must_use;

#endif
