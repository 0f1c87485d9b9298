/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from bytes to a pointer-sized value, open addressing. Keys are borrowed: they
 * must outlive the table (put them in an arena). The hash is seeded per process, so that
 * outside input can't choose its collisions.
 *
 * Thread: one at a time; several readers where nobody writes.
 */
#ifndef CTXD_TABLE_H
#define CTXD_TABLE_H

#include "bytes.h"

struct table_slot {
    struct bytes key; /* key.at NULL: free */
    uint64_t hash;
    uintptr_t value;
};

struct table {
    struct table_slot *slots;
    size_t n, cap; /* cap is a power of two, or 0 */
};

#define cleanup_table __attribute__((cleanup(table_release)))

void table_release(struct table *t);
/* The value's place, or NULL where the key is unknown. Valid until the next put. */
uintptr_t *table_get(const struct table *t, struct bytes key);
/* The value's place; a new key starts with 0 and sets *ret_new (which may be NULL). */
uintptr_t *table_put(struct table *t, struct bytes key, bool *ret_new);

#endif
