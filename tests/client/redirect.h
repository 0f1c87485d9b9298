/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what a test writes to standard error elsewhere, and back. */
#ifndef CTXD_TESTS_REDIRECT_H
#define CTXD_TESTS_REDIRECT_H

#include <stdio.h>
#include <unistd.h>

/* Makes standard error a copy of fd. Returns a copy of what it was, for restore(). */
static inline int redirect(int fd)
{
    fflush(stderr);
    int was = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    return was;
}

static inline void restore(int was)
{
    close(redirect(was));
    close(was);
}

#endif
