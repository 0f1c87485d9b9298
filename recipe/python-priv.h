/* SPDX-License-Identifier: Apache-2.0 */
/* Python: what the files of this ecosystem share. */
#ifndef CTXD_PYTHON_PRIV_H
#define CTXD_PYTHON_PRIV_H

#include "manifest.h"

struct python {
    struct prepare *p;
    struct manifests projects; /* every pyproject.toml */
    struct value *uv_lock;     /* of the unit that is being made, or NULL */
};

/* python-requirements.c: the files that are named so in a directory; *ret_any where there are.
 */
int python_requirements(struct python *py, struct recipe_unit *unit, struct bytes dir,
                        bool *ret_any, struct failure *f) must_use;
bool python_is_requirements(struct bytes name);
/* python-project.c: pyproject.toml, masked. */
int python_mask(struct python *py, struct recipe_unit *unit, const struct manifest *project,
                struct failure *f) must_use;
int python_uv_lock(struct python *py, struct recipe_unit *unit, struct bytes dir,
                   struct failure *f) must_use;

#endif
