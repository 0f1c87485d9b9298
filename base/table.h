/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from bytes to a pointer-sized value, with open addressing. Keys are borrowed:
 * they must outlive the table, as in an arena. The hash has a random seed per process, so that
 * input from outside can't be chosen to collide.
 *
 * Thread: one at a time, or several readers while nobody writes.
 */
#ifndef CTXD_TABLE_H
#define CTXD_TABLE_H

#include "bytes.h"

struct table_slot {
    struct bytes key; /* key.at is NULL in a free slot */
    uint64_t hash;
    uintptr_t value;
};

struct table {
    struct table_slot *slots;
    size_t n, cap; /* cap is a power of two, or 0 */
};

#define cleanup_table __attribute__((cleanup(table_release)))

void table_release(struct table *t);
/* The address of the value, or NULL if the key is unknown. Valid until the next put. */
uintptr_t *table_get(const struct table *t, struct bytes key);
/*
 * The address of the value. A new key gets the value 0. *ret_new (ret_new may be NULL) tells
 * whether the key is new.
 */
uintptr_t *table_put(struct table *t, struct bytes key, bool *ret_new);

#endif
