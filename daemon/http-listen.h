/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket of HTTP, and which port it has. */
#ifndef CTXD_HTTP_LISTEN_H
#define CTXD_HTTP_LISTEN_H

#include "urls.h"

#include <netinet/in.h>

/*
 * Opens the listening socket, which must be on a loopback address: daemon->http_fd if we were
 * started with one (it is taken then), else config.http_port. If that is HTTP_CHOSEN: the port
 * that was kept in urls; else the port of this user, or one of the next PORT_TRIES - 1 that is
 * free. A descriptor that doesn't block, or -errno. Thread: loop.
 */
int http_listen(struct daemon *daemon, struct urls *urls, struct sockaddr_in *ret_address,
                struct failure *f) must_use;

#endif
