/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the process has, and how much of it the allocator keeps for later. */
#ifndef CTXD_HEAP_H
#define CTXD_HEAP_H

#include "base.h"

/* Sets the number of the allocator's arenas. Call it before a second thread exists. */
void heap_setup(void);
/* Gives freed pages back to the kernel. Takes some milliseconds. Thread: any. */
void heap_give_back(void);

struct heap_stats {
    uint64_t resident_bytes; /* of the process; 0 if /proc doesn't say */
    uint64_t used_bytes;     /* allocated, and the small freed blocks each thread caches */
    uint64_t free_bytes;     /* freed, and kept by the allocator; a part of it is resident */
};
/* Thread: any. */
void heap_stats(struct heap_stats *ret);

#endif
