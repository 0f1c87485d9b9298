/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frees memory and closes descriptors at the end of a scope.
 *
 *     cleanup_free char *text = …;
 *     cleanup_fd int fd = open(…);
 *     …
 *     return steal(&text);        // the caller owns it now
 *
 * Each header of a type with a release function defines its own: cleanup_buf, cleanup_arena.
 */
#ifndef CTXD_CLEANUP_H
#define CTXD_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_p(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_fd_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_p)))
#define cleanup_fd __attribute__((cleanup(cleanup_fd_p)))

/* Returns the pointer in *p and leaves NULL. */
#define steal(p)                                                                               \
    ({                                                                                         \
        __typeof__(*(p)) stolen_ = *(p);                                                       \
        *(p) = NULL;                                                                           \
        stolen_;                                                                               \
    })

/* The same for a descriptor; leaves -1. */
static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

#endif
