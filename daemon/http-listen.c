/* SPDX-License-Identifier: Apache-2.0 */
#include "http-listen.h"

#include "thread-kind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/*
 * The ports of all users: below the range that the kernel gives to clients (32768 …), above
 * what services have. Users are numbered from 1000 on, so two users of one machine rarely have
 * the same first choice.
 */
enum { PORT_FIRST = 20000, PORTS = 10000, PORT_TRIES = 16 };

/* Connections that may wait to be accepted: half of what --max-clients allows by default. */
#define BACKLOG 64

/* The first choice of a user: the same on each machine. */
static uint16_t port_of_user(uid_t uid)
{
    return (uint16_t)(PORT_FIRST + uid % PORTS);
}

/* A listening socket or -errno. */
static int port_listen(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* With SO_REUSEADDR, old connections in TIME_WAIT don't prevent a restart. Another listener
     * still does. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return steal_fd(&fd);
}

static int port_listen_chosen(struct urls *urls, struct failure *f)
{
    uint16_t kept = urls_port(urls), first = port_of_user(geteuid());
    int fd = kept ? port_listen(kept) : -EADDRINUSE;
    for (unsigned i = 0; fd == -EADDRINUSE && i < PORT_TRIES; i++)
        fd = port_listen((uint16_t)(PORT_FIRST + (first - PORT_FIRST + i) % PORTS));
    if (fd < 0)
        return fail_errno(f, fd,
                          "can't listen on 127.0.0.1:%u nor on the %d ports after it; "
                          "give another one with --http=PORT",
                          first, PORT_TRIES - 1);
    return fd;
}

static int port_listen_asked(struct daemon *daemon, struct urls *urls, struct failure *f)
{
    if (daemon->http_fd >= 0)
        return steal_fd(&daemon->http_fd);
    if (daemon->config.http_port == HTTP_CHOSEN)
        return port_listen_chosen(urls, f);
    uint16_t port = (uint16_t)daemon->config.http_port;
    int fd = port_listen(port);
    return fd < 0 ? fail_errno(f, fd,
                               "can't listen on 127.0.0.1:%u; give another port with "
                               "--http=PORT, or --http=off",
                               port)
                  : fd;
}

int http_listen(struct daemon *daemon, struct urls *urls, struct sockaddr_in *ret_address,
                struct failure *f)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    cleanup_fd int fd = port_listen_asked(daemon, urls, f);
    if (fd < 0)
        return fd;
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return fail_errno(f, -errno, "the HTTP socket");
    if (address.sin_family != AF_INET || ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return fail(f, -EINVAL, "the HTTP socket that was passed is not bound to 127.0.0.1");
    /* If a client is gone before accept(), the thread must not wait for the next one. */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(f, -errno, "the HTTP socket");
    *ret_address = address;
    return steal_fd(&fd);
}
