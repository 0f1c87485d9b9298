/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and its kin for sizes that we chose, or that a maximum already bounds: without memory
 * the process ends. What free() takes. Thread: any.
 */
#ifndef CTXD_XMALLOC_H
#define CTXD_XMALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *at, size_t size);

/* Says so and aborts: for callers of other allocators. */
void xmalloc_failed(void) __attribute__((noreturn));

#endif
