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

#include <microhttpd.h>
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

/* ---- http.c -------------------------------------------------------------------------- */

/* The classes of answers that /metrics tells apart. */
enum http_status_class {
    HTTP_200,
    HTTP_304,
    HTTP_403,
    HTTP_404,
    HTTP_405,
    HTTP_410,
    HTTP_500,
    HTTP_503,
    HTTP_CLASSES,
};
extern const unsigned http_statuses[HTTP_CLASSES];

/* A connection, from accept to close. */
struct http_connection {
    struct http_connection *next, *prev; /* under http->lock */
    struct http *http;
    int fd;
    bool trusted; /* its user is ours or root */
    /* Since when it does what: the watchdog's. */
    atomic_int phase;
    atomic_uint_fast64_t since_ns;
    bool shut;                  /* under http->lock: its thread has been told to close it */
    struct http_answer *answer; /* under http->lock */
};

/* How long what may take: see http.c. */
struct http_limits {
    uint64_t request_ns, foreign_ns, idle_ns, park_ns, reader_ns;
    uint64_t tick_ns; /* how often that is looked at, while there are connections */
};

struct http {
    struct daemon *daemon;
    struct http_limits limits; /* under http->lock */
    struct MHD_Daemon *mhd;
    struct urls *urls;
    struct sockaddr_in address;
    char address_text[32];

    /* Its hang-up cancels all answers: at the end. */
    int cancel_read, cancel_write;

    pthread_mutex_t lock; /* of the list, and of ending */
    pthread_cond_t wake;  /* the watchdog: a first connection, or the end */
    pthread_t watchdog;
    struct http_connection *connections;
    size_t n_connections, n_foreign, n_shut;
    bool ending;

    atomic_uint_fast64_t statuses[HTTP_CLASSES];
    atomic_uint_fast64_t cut;       /* bodies that ended before their length */
    atomic_uint_fast64_t timed_out; /* connections that the watchdog ended */
};

/* Queues a short text. Takes nothing. Thread: http. */
enum MHD_Result http_say(struct http *http, struct MHD_Connection *connection, unsigned status,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Queues and drops a response; counts its status. Thread: http. */
enum MHD_Result http_queue(struct http *http, struct MHD_Connection *connection,
                           unsigned status, struct MHD_Response *response);

/* ---- http-answer.c ------------------------------------------------------------------- */

struct http_answer;

/* Answers a GET or HEAD for a context. Thread: http. */
enum MHD_Result http_answer_context(struct http_connection *at,
                                    struct MHD_Connection *connection,
                                    const struct http_path *path, bool head);
/* Both under http->lock, while the connection has the answer. */
/* A reader that took nothing for a while: its lane is for others. false: too many of them wait,
 * this one must go. */
bool http_answer_park(struct http_answer *answer);
/* The connection is about to go. */
void http_answer_detach(struct http_answer *answer);

#endif
