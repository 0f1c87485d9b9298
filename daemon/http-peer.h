/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which user owns the other end of a TCP connection. TCP has no SO_PEERCRED, but both ends of a
 * loopback connection are sockets of this machine, and the kernel knows the user of each.
 *
 * sock_diag(7) looks up one socket by its two addresses and ports in some microseconds.
 * /proc/net/tcp lists all sockets; it is read if the kernel has no tcp_diag.
 *
 * Both show a socket whose process is gone with uid 0 and inode 0. So only a socket with an
 * inode counts; else a client that closes quickly enough would pass for root.
 */
#ifndef CTXD_HTTP_PEER_H
#define CTXD_HTTP_PEER_H

#include "http-parse.h"

/*
 * The user of the other end. -ENOENT: no process has it any more, or it lies in another network
 * namespace. Thread: any.
 */
int http_peer_uid(const struct tcp_ends *ends, uid_t *ret) must_use;
/* The two ways by themselves, for tests. */
int http_peer_by_diag(const struct tcp_ends *ends, uid_t *ret) must_use;
int http_peer_by_proc(const struct tcp_ends *ends, uid_t *ret) must_use;

#endif
