/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP side share. docs/http.md says what is promised.
 *
 *   http.c          the listening socket, connections and their deadlines, who is answered what
 *   http-answer.c   a context as a response
 *   http-parse.c    what a stranger may have written: pure functions, fuzzed
 *   http-peer.c     whose the other end of a connection is
 *   urls.c          the addresses, kept over restarts
 *   metrics.c       /metrics
 */
#ifndef CTXD_HTTP_H
#define CTXD_HTTP_H

#include "urls.h"

#include <netinet/in.h>

/* ---- http-parse.c: pure; any bytes may come. Thread: any ----------------------------- */

enum http_what { HTTP_NOTHING, HTTP_CONTEXT, HTTP_METRICS, HTTP_HEALTH };

struct http_path {
    enum http_what what;
    struct url_token token; /* of a context */
    enum send_codec codec;  /* of a context, by its name */
};

/*
 * The path of a request, as it came: without its query, nothing unescaped. There are few
 * addresses, each with one spelling: any other, as with an escape, a double slash or a
 * capital letter, is HTTP_NOTHING.
 */
void http_parse_path(struct bytes path, struct http_path *ret);

/* "sha256-<64 hex>" in its quotes, NUL-terminated. */
#define HTTP_ETAG_LEN (1 + 7 + 64 + 1)
void http_etag(const struct sha256 *sha, char etag[HTTP_ETAG_LEN + 1]);

/*
 * Whether the value of an If-None-Match names the ETag: a list of tags, weak ones (W/) compared
 * as if they were strong, or `*`. Of a malformed list what stands before the fault counts: not
 * to match costs a transfer, to match wrongly would be another context.
 * Source: RFC 9110, 8.8.3 and 13.1.2.
 */
bool http_none_match(struct bytes value, struct bytes etag);

/*
 * Whether a Host names this machine by a number or as localhost, with or without a port. A web
 * page may have its own name resolve to 127.0.0.1 to read what is served there (DNS rebinding),
 * but then it says that name.
 */
bool http_host_ours(struct bytes host);

/* Two ends of a TCP connection over IPv4. */
struct tcp_ends {
    struct sockaddr_in mine, other;
};

/*
 * Whether a line of /proc/net/tcp or tcp6 is the socket at the *other* end (for which the two
 * are swapped), and a process still has it; *ret is its user's then. A socket that nobody has
 * any more is shown as root's. Source: proc(5), net/ipv4/tcp_ipv4.c.
 */
bool http_parse_tcp_line(struct bytes line, const struct tcp_ends *ends, uid_t *ret);

/* ---- http-peer.c --------------------------------------------------------------------- */

/*
 * The user whose socket the other end is, as the kernel says (sock_diag(7), else proc(5)).
 * -ENOENT: nobody has it any more, or it lies in another network namespace. Thread: any.
 */
int http_peer_uid(const struct tcp_ends *ends, uid_t *ret) must_use;
/* The two ways by themselves, for tests. */
int http_peer_by_diag(const struct tcp_ends *ends, uid_t *ret) must_use;
int http_peer_by_proc(const struct tcp_ends *ends, uid_t *ret) must_use;

#endif
