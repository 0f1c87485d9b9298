/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_PYTHON_REQUIREMENTS_H
#define CTXD_PYTHON_REQUIREMENTS_H

#include "python-priv.h"

/* Tells whether a file is a requirements file by its name: requirements*.txt, constraints*.txt.
 */
bool python_is_requirements(struct bytes name);
/* Adds the requirements files of a directory, those in requirements/ below it, and all files
 * that they include. */
int python_requirements(struct python *py, struct recipe_unit *unit, struct bytes dir,
                        struct failure *f) must_use;

#endif
