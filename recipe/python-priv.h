/* SPDX-License-Identifier: Apache-2.0 */
/* Python: the structure that the files of this ecosystem share. */
#ifndef CTXD_PYTHON_PRIV_H
#define CTXD_PYTHON_PRIV_H

#include "manifest.h"

struct python {
    struct prepare *p;
    struct manifests projects; /* every pyproject.toml */
    struct value *uv_lock;     /* of the unit that is being made, or NULL */
};

#endif
