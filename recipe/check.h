/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells whether a recipe may be written to a disk. A recipe is hostile: it may come from a pull
 * request, and `cook` may run as root. Everything is refused before anything is written.
 */
#ifndef CTXD_CHECK_H
#define CTXD_CHECK_H

#include "recipe-priv.h"

/*
 * 0, or RECIPE_UNSAFE with the reason: a path must be relative, clean, of at most
 * RECIPE_PATH_MAX bytes, without control characters, backslashes or a drive, and not one that
 * programs other than the installer obey (.git, .ssh, .docker, cargo's credentials).
 */
int check_path(struct bytes path, struct failure *f) must_use;
/*
 * 0, or RECIPE_UNSAFE: checks the number and size of all files, every path, every link's
 * target, and each path against all others (no file below a file or link, none twice in a
 * unit).
 */
int recipe_check(const struct recipe *recipe, struct failure *f) must_use;

#endif
