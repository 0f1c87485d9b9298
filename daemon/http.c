/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "http-answer.h"
#include "http-listen.h"
#include "http-priv.h"
#include "lanes.h"
#include "log.h"
#include "metrics.h"
#include "thread-kind.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/*
 * Bytes of a request's line and headers: BuildKit sends the tags of all contexts it has cached,
 * 75 bytes each, so this takes 14,000 of them. Pages that a request doesn't need are never
 * touched.
 */
#define REQUEST_BYTES_MAX (1u << 20)

/* Connections, beyond config.max_clients, that were told to close and have not done so yet. */
#define CLOSING_MAX 16

/* ---- who is answered what ------------------------------------------------------------ */

static enum MHD_Result http_say_metrics(struct http *http, struct MHD_Connection *connection)
{
    cleanup_buf struct buf text = BUF(1u << 20);
    int r = metrics_print(http->daemon, &text);
    if (r < 0)
        return http_say(&http->counts, connection, 500, "no metrics: %s", strerror(-r));
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, text.at, MHD_RESPMEM_MUST_COPY);
    if (response)
        MHD_add_response_header(response, "Content-Type",
                                "text/plain; version=0.0.4; charset=utf-8");
    return http_queue(&http->counts, connection, 200, response);
}

static enum MHD_Result http_dispatch(struct http *http, struct http_connection *at,
                                     struct MHD_Connection *connection, const char *url,
                                     const char *method)
{
    struct http_counts *counts = &http->counts;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    bool head = strcmp(method, "HEAD") == 0;
    struct http_path path;
    http_parse_path(bytes_of(url), &path);
    if (!at->trusted && path.what != HTTP_HEALTH)
        return http_say(counts, connection, 403, "this is another user's");
    if (host && !http_host_ours(bytes_of(host)))
        return http_say(counts, connection, 403,
                        "ask by the address 127.0.0.1 or by localhost");
    if (!head && strcmp(method, "GET") != 0)
        return http_say(counts, connection, 405, "GET and HEAD are all there is");
    switch (path.what) {
    case HTTP_CONTEXT:
        return http_answer_context(http, at, connection, &path, head);
    case HTTP_METRICS:
        return http_say_metrics(http, connection);
    case HTTP_HEALTH:
        return http_say(counts, connection, 200, "ok");
    case HTTP_NOTHING:
        break;
    }
    return http_say(counts, connection, 404, "nothing is here: ctx url prints an address");
}

static bool http_has_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

/*
 * libmicrohttpd calls this once with the headers and once more when the request is complete. An
 * answer that is queued at the first call also closes the connection, with whatever else the
 * client sends: right for requests that we don't want to read.
 */
static enum MHD_Result on_http_request(void *context, struct MHD_Connection *connection,
                                       const char *url, const char *method, const char *version,
                                       const char *upload, size_t *upload_len, void **request)
{
    (void)version, (void)upload, (void)upload_len;
    struct http *http = context;
    struct http_connection *at = http_connection_of(connection);
    thread_begin(THREAD_HTTP);
    if (!at)
        return MHD_NO;
    bool plain = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!*request && plain && at->trusted && !http_has_body(connection)) {
        *request = at;
        return MHD_YES;
    }
    *request = at;
    http_connection_set_phase(at, HTTP_WORKING);
    daemon_touch(http->daemon);
    count(&http->daemon->counters.http_requests, 1);
    enum MHD_Result r = http_dispatch(http, at, connection, url, method);
    http_connection_set_phase(at, HTTP_SENDING);
    return r;
}

static void on_http_completed(void *context, struct MHD_Connection *connection, void **request,
                              enum MHD_RequestTerminationCode code)
{
    (void)context, (void)request, (void)code;
    struct http_connection *at = http_connection_of(connection);
    if (at)
        http_connection_set_phase(at, HTTP_READING);
}

/* Leaves paths as they came: an escaped slash or NUL is no spelling of an address. */
static size_t http_keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

static __attribute__((format(printf, 2, 0))) void
on_http_message(void *context, const char *format, va_list args)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof(text), format, args);
    struct bytes line = bytes_head(bytes_of(text), strcspn(text, "\n"));
    log_event(LOG_DEBUG, "http", "message=%s", LOG_VALUE(line));
}

/* ---- start and end ------------------------------------------------------------------- */

static int http_start_mhd(struct http *http, int fd, struct failure *f)
{
    const struct config *config = &http->daemon->config;
    http->mhd = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ERROR_LOG,
        0, on_http_accept, &http->connections, on_http_request, http,
        /* The logger is the first option, so that it hears of faults in the others. */
        MHD_OPTION_EXTERNAL_LOGGER, on_http_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->max_clients + CLOSING_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, http_keep_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_http_connection, &http->connections, MHD_OPTION_NOTIFY_COMPLETED, on_http_completed,
        http, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    return http->mhd ? 0 : fail(f, -EIO, "can't serve HTTP on %s", http->address_text);
}

static void http_free(struct http *http)
{
    urls_close(http->urls);
    free(http);
}

static int http_begin(struct http *http, struct failure *f)
{
    struct daemon *daemon = http->daemon;
    cleanup_fd int fd = http_listen(daemon, http->urls, &http->address, f);
    if (fd < 0)
        return fd;
    snprintf(http->address_text, sizeof(http->address_text), "127.0.0.1:%u",
             ntohs(http->address.sin_port));
    int r = http_connections_start(&http->connections, &http->address,
                                   (size_t)daemon->config.max_clients, &http->counts);
    if (r < 0)
        return fail_errno(f, r, "can't start a thread");
    /* libmicrohttpd owns the socket: it closes it at its end, and in most cases if it can't
     * start. */
    r = http_start_mhd(http, steal_fd(&fd), f);
    if (r < 0)
        http_connections_stop(&http->connections);
    return r;
}

int http_start(struct daemon *daemon, struct failure *f)
{
    ASSERT_THREAD(THREAD_LOOP);
    if (daemon->config.http_port == HTTP_OFF)
        return 0;
    struct http *http = xcalloc(1, sizeof(*http));
    http->daemon = daemon;
    http->urls = urls_open(daemon->hashes);
    int r = http_begin(http, f);
    if (r < 0) {
        http_free(http);
        return r;
    }
    if (daemon->config.http_port == HTTP_CHOSEN)
        urls_set_port(http->urls, ntohs(http->address.sin_port));
    daemon->http = http;
    log_event(LOG_INFO, "http-started", "address=%s urls=%zu", http->address_text,
              urls_count(http->urls));
    return 0;
}

void http_stop(struct daemon *daemon)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct http *http = daemon->http;
    if (!http)
        return;
    lanes_refuse(daemon);
    lanes_cancel(daemon);
    MHD_stop_daemon(http->mhd); /* shuts all connections down, then joins their threads */
    http_connections_stop(&http->connections);
    daemon->http = NULL; /* no thread is left that could look */
    http_free(http);
}

const char *http_address(struct daemon *daemon)
{
    return daemon->http ? daemon->http->address_text : "off";
}
