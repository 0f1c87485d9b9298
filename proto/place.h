/* SPDX-License-Identifier: Apache-2.0 */
/* Where the socket is, and who is at its other end. Thread: any. */
#ifndef CTXD_PLACE_H
#define CTXD_PLACE_H

#include "base.h"

#include <limits.h>

/* Bytes of a socket's path with its NUL: the size of sun_path. */
#define PROTO_PATH_MAX 108

/*
 * Gives the private directory of the socket: $XDG_RUNTIME_DIR/ctxd, or /tmp/ctxd-UID if that
 * variable is not set. It must be a real directory that belongs to the user and gives no rights
 * to others; if not, -EPERM with a message that says what is wrong. A missing directory is made
 * if `make` is true, else it is -ENOENT.
 */
int proto_directory(bool make, char path[PATH_MAX], struct failure *f) must_use;
/* Gives the socket that CTXD_SOCKET names, or ctxd.sock in that directory. */
int proto_socket_path(bool make, char path[PROTO_PATH_MAX], struct failure *f) must_use;

/*
 * Connects to a daemon. *ret_fd belongs to the caller. -ENOENT, -ECONNREFUSED: no daemon serves
 * there; -EAGAIN: its queue is full; -EPERM: the socket is another user's.
 */
int proto_connect(const char *path, int *ret_fd, struct failure *f) must_use;

/* 0 if the peer runs as our own user or as root, else -EPERM. */
int proto_check_peer(int fd, struct failure *f) must_use;

/* Gives device and inode of the mount namespace of this process; 0 if /proc doesn't tell. */
void proto_mount_namespace(uint64_t *ret_dev, uint64_t *ret_ino);

#endif
