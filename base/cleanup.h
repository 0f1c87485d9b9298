/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release. `return steal(&p);` hands out what a cleanup would have freed. */
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

/* Takes the pointer out of *p, leaving NULL. */
#define steal(p)                                                                               \
    ({                                                                                         \
        __typeof__(*(p)) stolen_ = *(p);                                                       \
        *(p) = NULL;                                                                           \
        stolen_;                                                                               \
    })

static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

#endif
