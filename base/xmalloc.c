/* SPDX-License-Identifier: Apache-2.0 */
#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>

void xmalloc_failed(void)
{
    static const char text[] = "out of memory\n";
    fputs(text, stderr);
    abort();
}

void *xmalloc(size_t size)
{
    void *at = malloc(size ? size : 1);
    if (!at)
        xmalloc_failed();
    return at;
}

void *xcalloc(size_t n, size_t size)
{
    void *at = calloc(n ? n : 1, size ? size : 1);
    if (!at)
        xmalloc_failed();
    return at;
}

void *xrealloc(void *at, size_t size)
{
    void *moved = realloc(at, size ? size : 1);
    if (!moved)
        xmalloc_failed();
    return moved;
}
