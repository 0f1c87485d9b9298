/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_PYTHON_PROJECT_H
#define CTXD_PYTHON_PROJECT_H

#include "python-priv.h"

/* Adds a pyproject.toml, masked: what uv, poetry, pdm and pip read to choose dependencies. */
int python_mask(struct python *py, struct recipe_unit *unit, const struct manifest *project,
                struct failure *f) must_use;
/* Adds the uv.lock of a directory, with the versions of local packages masked. */
int python_uv_lock(struct python *py, struct recipe_unit *unit, struct bytes dir,
                   struct failure *f) must_use;

#endif
