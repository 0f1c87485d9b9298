/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a chunk store within its limits; store_sweep() is in stream.h. Thread: any. */
#ifndef CTXD_STORE_SWEEP_H
#define CTXD_STORE_SWEEP_H

#include "store-priv.h"

/*
 * Whether a chunk whose file has len bytes may be put. Sweeps first if there is no room and a
 * sweep is due. 0, -EFBIG: larger than the whole limit, -EDQUOT: no room.
 */
int store_make_room(struct store *store, uint64_t len) must_use;
/* Counts a chunk that was put. */
void store_count_put(struct store *store, uint64_t len);

#endif
