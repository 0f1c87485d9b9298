/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening unix socket: made here, or given by the program that starts us, such as systemd
 * (sd_listen_fds(3)). Thread: before there are others.
 */
#ifndef CTXD_LISTEN_H
#define CTXD_LISTEN_H

#include "config.h"

struct listener {
    int fd;      /* listening on the unix socket */
    int lock_fd; /* locked as long as we serve; -1: the sockets were given */
    int http_fd; /* a listening TCP socket that was given, or -1 */
    bool ours;   /* we made the socket, and remove its path at the end */
    uint64_t socket_dev, socket_ino; /* of the path that we made */
};

/*
 * Takes the sockets that were given, or makes one at config->socket; the socket of a daemon
 * that died is replaced. -EADDRINUSE: another daemon serves there. -EPERM: the directory isn't
 * private. -EEXIST: there is something else at the path. -EINVAL: the given sockets are of the
 * wrong kind.
 */
int listener_open(const struct config *config, struct listener *ret,
                  struct failure *f) must_use;
/*
 * Whether clients still find the socket, and the lock keeps a second ctxd from making another.
 * false: its path, that of the lock, or their directory is gone or another's. Thread: any.
 */
bool listener_is_found(const struct config *config, const struct listener *listener);
/* Removes the path of the socket, if we made it and it is still ours. Call it before lock_fd is
 * closed. */
void listener_unlink(const struct config *config, const struct listener *listener);

#endif
