/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the second half of dockerfile/ (stages -> reads -> walk -> rewrite) shares among its
 * own files. Nothing outside includes it.
 */
#ifndef CTXD_READS_PRIV_H
#define CTXD_READS_PRIV_H

#include "dockerfile.h"

/*
 * All maxima of the analysis, each far past what people write, so that a hostile file ends in
 * a clear error and not in all of the memory.
 */
enum {
    READS_MAX = 100000,            /* sources of all instructions, links followed included */
    READS_COMPONENTS_MAX = 262144, /* path components of all patterns, shared prefixes once */
};

struct reads *reads_new(void);

/* Adds one; all views must be in reads->arena or static. -E2BIG past READS_MAX. */
int reads_add(struct reads *reads, struct df_read read, struct failure *f) must_use;

/* Compiles the patterns for select_root() and reads_cover(). -E2BIG past the maximum. */
int select_compile(struct reads *reads, struct failure *f) must_use;
void select_free(struct reads *reads);

#endif
