/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what a stranger may have written: paths, entity tags, hosts; and lines of
 * /proc/net/tcp. Pure functions; any bytes may come. Thread: any.
 */
#ifndef CTXD_HTTP_PARSE_H
#define CTXD_HTTP_PARSE_H

#include "urls.h"

#include <netinet/in.h>

enum http_what { HTTP_NOTHING, HTTP_CONTEXT, HTTP_METRICS, HTTP_HEALTH };

struct http_path {
    enum http_what what;
    struct url_token token; /* of a context */
    enum send_codec codec;  /* of a context, by its name */
};

/*
 * Reads the path of a request as it came: without its query, nothing unescaped. Each address
 * has one spelling; any other, such as one with an escape, a double slash or a capital letter,
 * is HTTP_NOTHING.
 */
void http_parse_path(struct bytes path, struct http_path *ret);

/* "sha256-<64 hex>" in its quotes, NUL-terminated. */
#define HTTP_ETAG_LEN (1 + 7 + 64 + 1)
void http_etag(const struct sha256 *sha, char etag[HTTP_ETAG_LEN + 1]);

/*
 * Whether the value of an If-None-Match contains the ETag: a list of tags, or `*`. Weak tags
 * (W/) are compared as if they were strong. Of a malformed list, the tags before the fault
 * count: a match that is missed costs a transfer, a wrong match would be another context.
 * Source: RFC 9110, 8.8.3 and 13.1.2.
 */
bool http_none_match(struct bytes value, struct bytes etag);

/*
 * Whether a Host names this machine by a number or as localhost, with or without a port. A web
 * page can let its own name resolve to 127.0.0.1 to read what is served there (DNS rebinding),
 * but then the browser sends that name.
 */
bool http_host_ours(struct bytes host);

/* The two ends of a TCP connection over IPv4. */
struct tcp_ends {
    struct sockaddr_in mine, other;
};

/*
 * Whether a line of /proc/net/tcp or tcp6 is the socket of the *other* end (which has the two
 * addresses swapped) and a process still has that socket; then *ret is its user. A socket that
 * no process has any more is shown with user 0. Source: proc(5), net/ipv4/tcp_ipv4.c.
 */
bool http_parse_tcp_line(struct bytes line, const struct tcp_ends *ends, uid_t *ret);

#endif
