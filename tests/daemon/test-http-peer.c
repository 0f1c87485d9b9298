/* SPDX-License-Identifier: Apache-2.0 */
#include "http-peer.h"
#include "tap.h"

#include <errno.h>
#include <sys/socket.h>

/* A TCP connection of this process to itself. */
struct pair {
    int listener, client, server;
    struct tcp_ends ends;
};

static void pair_open(struct pair *pair, int family)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6,
                                  .sin6_addr = {{{[10] = 0xff, 0xff, 127, 0, 0, 1}}}};
    socklen_t len = sizeof(at);
    *pair = (struct pair){0};
    pair->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(pair->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(pair->listener, 1) < 0 ||
        getsockname(pair->listener, (struct sockaddr *)&pair->ends.mine, &len) < 0)
        abort();
    mapped.sin6_port = pair->ends.mine.sin_port;
    int r = family == AF_INET
                ? connect(pair->client, (struct sockaddr *)&pair->ends.mine, sizeof(at))
                : connect(pair->client, (struct sockaddr *)&mapped, sizeof(mapped));
    len = sizeof(pair->ends.other);
    if (r < 0)
        abort();
    pair->server = accept(pair->listener, (struct sockaddr *)&pair->ends.other, &len);
    if (pair->server < 0)
        abort();
}

static void pair_close(struct pair *pair)
{
    close(pair->listener);
    close(pair->server);
    if (pair->client >= 0)
        close(pair->client);
}

typedef int peer_way(const struct tcp_ends *ends, uid_t *ret);

static void test_peer(peer_way *way, const char *name)
{
    struct pair pair;
    uid_t uid = 77;
    tap_case("%s tells whose the other end is", name);
    pair_open(&pair, AF_INET);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == geteuid());

    /* The kernel shows a socket that no process has with uid 0. */
    tap_case("%s takes nobody's socket for root's", name);
    shutdown(pair.client, SHUT_WR);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    close(pair.client);
    pair.client = -1;
    uid = 77;
    TAP_CHECK(way(&pair.ends, &uid) == -ENOENT);
    TAP_CHECK(uid == 77);
    pair_close(&pair);

    tap_case("%s knows a socket of IPv6 that speaks IPv4", name);
    pair_open(&pair, AF_INET6);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == geteuid());
    pair_close(&pair);

    tap_case("%s knows another user", name);
    if (geteuid() != 0) {
        tap_skip("only root can be another");
        return;
    }
    if (seteuid(65534) < 0)
        abort();
    pair_open(&pair, AF_INET);
    if (seteuid(0) < 0)
        abort();
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == 65534);
    /* If the connection is gone, a listener on its port is another socket. */
    pair.ends.other.sin_port = pair.ends.mine.sin_port;
    TAP_CHECK(way(&pair.ends, &uid) == -ENOENT);
    pair_close(&pair);
}

int main(void)
{
    test_peer(http_peer_by_diag, "sock_diag");
    test_peer(http_peer_by_proc, "/proc/net/tcp");
    test_peer(http_peer_uid, "one of both");
    return tap_end();
}
