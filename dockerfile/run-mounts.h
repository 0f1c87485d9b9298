/* SPDX-License-Identifier: Apache-2.0 */
/* run-mounts: the value of a RUN --mount. Thread: any. */
#ifndef CTXD_RUN_MOUNTS_H
#define CTXD_RUN_MOUNTS_H

#include "base.h"

struct mount {
    struct bytes type, from, source; /* as written, unexpanded, CSV quotes removed */
    bool has_from;
};
/* -EINVAL with f filled, but without a line, if the builder can't read it either. Views are in
 * the arena or in value. */
int df_mount_parse(struct arena *arena, struct bytes value, struct mount *ret,
                   struct failure *f) must_use;
/* Tells whether a mount of that type reads the context if it has no from: bind does, and a type
 * that no builder of today knows may. */
bool df_mount_may_read(struct bytes type);

#endif
