/* SPDX-License-Identifier: Apache-2.0 */
/* pivots: the sources of COPY --parents that have a pivot (df_pivot). Thread: any. */
#ifndef CTXD_PIVOTS_H
#define CTXD_PIVOTS_H

#include "stages.h"

/* Finds the pivot of a source of COPY --parents: what stands before the first "/./" and what
 * stands behind it. False: it has none. */
bool pivot_split(struct bytes text, struct bytes *ret_path, struct bytes *ret_below);

/* Adds a source to an->reads->pivots if it has a pivot below the root. -E2BIG past PIVOTS_MAX.
 */
int pivots_add(struct analysis *an, const struct stage *stage, const struct df_instruction *in,
               uint32_t line, struct bytes word, const struct df_expanded *expanded,
               struct failure *f) must_use;

#endif
