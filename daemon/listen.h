/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket: made here, or given by who starts us (sd_listen_fds(3)). */
#ifndef CTXD_LISTEN_H
#define CTXD_LISTEN_H

#include "config.h"

struct listener {
    int fd;      /* listening on the unix socket */
    int lock_fd; /* held as long as we serve; -1: the sockets were given */
    int http_fd; /* a TCP socket that was given, or -1 */
    bool ours;   /* its path is to be removed at the end */
};

/*
 * -EADDRINUSE: another daemon serves there. -EPERM: the directory isn't private. One that died
 * left its socket: it is replaced.
 */
int listener_open(const struct config *config, struct listener *ret,
                  struct failure *f) must_use;
/* Removes the path first, so that nobody connects to what nobody reads. */
void listener_unlink(const struct config *config, const struct listener *listener);

#endif
