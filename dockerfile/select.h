/* SPDX-License-Identifier: Apache-2.0 */
/* select: seals a set of reads, so that select_root(), reads_path() and reads_cover() of
 * dockerfile.h can answer. Thread: any. */
#ifndef CTXD_SELECT_H
#define CTXD_SELECT_H

#include "dockerfile.h"

/* Compiles the patterns, once; no read may be added afterwards. -E2BIG past
 * READS_COMPONENTS_MAX: then the set is good for reads_free() alone. */
int select_compile(struct reads *reads, struct failure *f) must_use;
/* Frees what select_compile() made outside the arena. For reads_free(). */
void select_free(struct reads *reads);

#endif
