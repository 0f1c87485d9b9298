/* SPDX-License-Identifier: Apache-2.0 */
/* reads-set: a set of reads while it is built. reads_free() and reads_single() are in
 * dockerfile.h. Thread: any. */
#ifndef CTXD_READS_SET_H
#define CTXD_READS_SET_H

#include "dockerfile.h"

/* Never NULL; freed by reads_free(). */
struct reads *reads_new(void);

/* Adds one read. Its views must be in reads->arena or static. -E2BIG past READS_MAX. */
int reads_add(struct reads *reads, struct df_read read, struct failure *f) must_use;

#endif
