/* SPDX-License-Identifier: Apache-2.0 */
#include "http-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

/* The states in which the other process may still read what we send.
 * Source: include/net/tcp_states.h. */
enum { TCP_STATE_ESTABLISHED = 1, TCP_STATE_FIN_WAIT1 = 4, TCP_STATE_FIN_WAIT2 = 5 };

struct peer_question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static struct peer_question peer_question_about(const struct tcp_ends *ends)
{
    struct peer_question ask = {
        .header = {.nlmsg_len = sizeof(ask),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_INET,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_MAX,
                    .id = {.idiag_sport = ends->other.sin_port,
                           .idiag_dport = ends->mine.sin_port,
                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    ask.request.id.idiag_src[0] = ends->other.sin_addr.s_addr;
    ask.request.id.idiag_dst[0] = ends->mine.sin_addr.s_addr;
    return ask;
}

/* Whether it is this IPv4 address. sock_diag shows the IPv4 address of an IPv6 socket as
 * ::ffff:127.0.0.1. */
static bool peer_is_address(const __be32 at[4], uint8_t family, in_addr_t want)
{
    if (family == AF_INET)
        return at[0] == want;
    return at[0] == 0 && at[1] == 0 && at[2] == htonl(0xffff) && at[3] == want;
}

/* Whether the answer is the socket that was asked for. If there is no such connection any more,
 * the kernel answers with the socket that listens on that port. */
static bool peer_is_asked(const struct inet_diag_msg *msg, const struct tcp_ends *ends)
{
    return msg->id.idiag_sport == ends->other.sin_port &&
           msg->id.idiag_dport == ends->mine.sin_port &&
           peer_is_address(msg->id.idiag_src, msg->idiag_family, ends->other.sin_addr.s_addr) &&
           peer_is_address(msg->id.idiag_dst, msg->idiag_family, ends->mine.sin_addr.s_addr) &&
           (msg->idiag_state == TCP_STATE_ESTABLISHED ||
            msg->idiag_state == TCP_STATE_FIN_WAIT1 ||
            msg->idiag_state == TCP_STATE_FIN_WAIT2) &&
           msg->idiag_inode != 0;
}

int http_peer_by_diag(const struct tcp_ends *ends, uid_t *ret)
{
    cleanup_fd int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -errno;
    struct peer_question ask = peer_question_about(ends);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t n;
    do
        n = sendto(fd, &ask, sizeof(ask), 0, (struct sockaddr *)&kernel, sizeof(kernel));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    /* The kernel has answered when sendto() returns, so there is nothing to wait for. */
    union {
        struct nlmsghdr header;
        uint8_t room[4096];
    } answer;
    n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
    if (n < 0)
        return -errno;
    if (!NLMSG_OK(&answer.header, (size_t)n))
        return -EPROTO;
    if (answer.header.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);
        bool whole = answer.header.nlmsg_len >= NLMSG_LENGTH(sizeof(*error));
        return whole && error->error < 0 ? error->error : -EPROTO;
    }
    const struct inet_diag_msg *msg = NLMSG_DATA(&answer.header);
    if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.header.nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
        return -EPROTO;
    if (!peer_is_asked(msg, ends))
        return -ENOENT;
    *ret = msg->idiag_uid;
    return 0;
}

/* Bytes of the longest row of /proc/net/tcp that is accepted. Real rows have 150, and those of
 * tcp6 have 180. */
#define ROW_MAX 512

/* Searches one table. A read() gives whole rows, but only a part of the table. */
static int peer_find_row(const char *path, const struct tcp_ends *ends, uid_t *ret)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char text[16384];
    size_t held = 0;
    for (;;) {
        ssize_t n = read(fd, text + held, sizeof(text) - held);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOENT;
        struct bytes rest = bytes_at(text, held + (size_t)n);
        size_t end;
        while ((end = bytes_find(rest, '\n')) < rest.len) {
            if (http_parse_tcp_line(bytes_head(rest, end), ends, ret))
                return 0;
            rest = bytes_from(rest, end + 1);
        }
        if (rest.len > ROW_MAX)
            return -EPROTO;
        memmove(text, rest.at, rest.len);
        held = rest.len;
    }
}

int http_peer_by_proc(const struct tcp_ends *ends, uid_t *ret)
{
    int r = peer_find_row("/proc/self/net/tcp", ends, ret);
    return r == -ENOENT ? peer_find_row("/proc/self/net/tcp6", ends, ret) : r;
}

int http_peer_uid(const struct tcp_ends *ends, uid_t *ret)
{
    /* Any failure: a kernel without tcp_diag also answers -ENOENT. */
    int r = http_peer_by_diag(ends, ret);
    return r < 0 ? http_peer_by_proc(ends, ret) : 0;
}
