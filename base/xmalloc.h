/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc(), calloc() and realloc() for sizes that we chose, or that a maximum already bounds.
 * If there is no memory, the process ends with a message. free() frees the result. Thread: any.
 */
#ifndef CTXD_XMALLOC_H
#define CTXD_XMALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *at, size_t size);

/* Prints "out of memory" and aborts: for callers of other allocators. */
void xmalloc_failed(void) __attribute__((noreturn));

#endif
