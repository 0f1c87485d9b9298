/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread a connection, by libmicrohttpd; a watchdog that ends connections which don't get
 * on, since libmicrohttpd's own timeout starts anew with each byte a slow sender sends.
 *
 *   READING  a request is awaited, or is coming    request_ns in all
 *   WORKING  it is being answered                  no limit: lanes have theirs
 *   SENDING  the answer is being taken             reader_ns for each block of it;
 *                                                  after park_ns its lane is for others
 */
#include "http.h"

#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

/*
 * Ports of all users: below what the kernel gives to clients (32768 …), above what services
 * have. Users are numbered from 1000 on, so neighbours don't collide.
 */
enum { PORT_FIRST = 20000, PORTS = 10000, PORT_TRIES = 16 };

/*
 * BuildKit sends the tags of all contexts it has cached, 75 bytes each: 14,000 of them. Pages
 * that a request doesn't need are never touched.
 */
#define REQUEST_BYTES_MAX (1u << 20)

/* Connections of other users at once: they are told so, but can't keep ours out. */
#define FOREIGN_MAX 4
#define BACKLOG 64
/* Room for connections that were told to close and have not yet. */
#define CLOSING_MAX 16

#define SECOND_NS 1000000000u
/* A builder that unpacks while it reads may be held up by its disk for a minute. */
static const struct http_limits limits = {
    .request_ns = 30ull * SECOND_NS,
    .foreign_ns = 3ull * SECOND_NS,
    .idle_ns = SECOND_NS,
    .park_ns = SECOND_NS,
    .reader_ns = 300ull * SECOND_NS,
    .tick_ns = SECOND_NS,
};

enum phase { READING, WORKING, SENDING };

const unsigned http_statuses[HTTP_CLASSES] = {
    [HTTP_200] = 200, [HTTP_304] = 304, [HTTP_403] = 403, [HTTP_404] = 404,
    [HTTP_405] = 405, [HTTP_410] = 410, [HTTP_500] = 500, [HTTP_503] = 503,
};

/* ---- answers ------------------------------------------------------------------------- */

static void set_phase(struct http_connection *at, enum phase phase)
{
    atomic_store(&at->since_ns, clock_now_ns());
    atomic_store(&at->phase, phase);
}

enum MHD_Result http_queue(struct http *http, struct MHD_Connection *connection,
                           unsigned status, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < HTTP_CLASSES; i++)
        if (http_statuses[i] == status)
            count(&http->statuses[i], 1);
    enum MHD_Result r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

enum MHD_Result http_say(struct http *http, struct MHD_Connection *connection, unsigned status,
                         const char *format, ...)
{
    char text[sizeof(((struct failure *)NULL)->text) + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    size_t len = strlen(text);
    text[len++] = '\n';
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == 405)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    return http_queue(http, connection, status, response);
}

static enum MHD_Result say_metrics(struct http *http, struct MHD_Connection *connection)
{
    cleanup_buf struct buf text = BUF(1u << 20);
    int r = metrics_print(http->daemon, &text);
    if (r < 0)
        return http_say(http, connection, 500, "no metrics: %s", strerror(-r));
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, text.at, MHD_RESPMEM_MUST_COPY);
    if (response)
        MHD_add_response_header(response, "Content-Type",
                                "text/plain; version=0.0.4; charset=utf-8");
    return http_queue(http, connection, 200, response);
}

static enum MHD_Result dispatch(struct http_connection *at, struct MHD_Connection *connection,
                                const char *url, const char *method)
{
    struct http *http = at->http;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    bool head = strcmp(method, "HEAD") == 0;
    struct http_path path;
    http_parse_path(bytes_of(url), &path);
    if (!at->trusted && path.what != HTTP_HEALTH)
        return http_say(http, connection, 403, "this is another user's");
    if (host && !http_host_ours(bytes_of(host)))
        return http_say(http, connection, 403, "ask by the address 127.0.0.1 or by localhost");
    if (!head && strcmp(method, "GET") != 0)
        return http_say(http, connection, 405, "GET and HEAD are all there is");
    switch (path.what) {
    case HTTP_CONTEXT:
        return http_answer_context(at, connection, &path, head);
    case HTTP_METRICS:
        return say_metrics(http, connection);
    case HTTP_HEALTH:
        return http_say(http, connection, 200, "ok");
    case HTTP_NOTHING:
        break;
    }
    return http_say(http, connection, 404, "nothing is here: ctx url prints an address");
}

static struct http_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

/*
 * Called once with the headers and once more when the request is over. What is answered at the
 * first call ends the connection, with whatever else comes: right for what we don't want to
 * read.
 */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **request)
{
    (void)context, (void)version, (void)upload, (void)upload_len;
    struct http_connection *at = connection_of(connection);
    if (!at)
        return MHD_NO;
    bool plain = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!*request && plain && at->trusted && !has_body(connection)) {
        *request = at;
        return MHD_YES;
    }
    *request = at;
    set_phase(at, WORKING);
    daemon_touch(at->http->daemon);
    count(&at->http->daemon->counters.http_requests, 1);
    enum MHD_Result r = dispatch(at, connection, url, method);
    set_phase(at, SENDING);
    return r;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)context, (void)request, (void)code;
    struct http_connection *at = connection_of(connection);
    if (at)
        set_phase(at, READING);
}

/* Paths are taken as they came: an escaped slash or NUL is no spelling of an address. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

static __attribute__((format(printf, 2, 0))) void on_message(void *context, const char *format,
                                                             va_list args)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof(text), format, args);
    struct bytes line = bytes_head(bytes_of(text), strcspn(text, "\n"));
    log_event(LOG_DEBUG, "http", "message=%s", LOG_VALUE(line));
}

/* ---- connections --------------------------------------------------------------------- */

static bool is_trusted(const struct http *http, const struct sockaddr *other)
{
    struct tcp_ends ends = {.mine = http->address};
    uid_t uid;
    if (other->sa_family != AF_INET)
        return false;
    memcpy(&ends.other, other, sizeof(ends.other));
    int r = http_peer_uid(&ends, &uid);
    if (r < 0)
        log_event(LOG_DEBUG, "http-peer-unknown", "error=%s",
                  LOG_VALUE(bytes_of(strerror(-r))));
    return r == 0 && (uid == geteuid() || uid == 0);
}

/* Under http->lock. Wakes its thread, which closes it. */
static void shut_connection(struct http *http, struct http_connection *at)
{
    if (!at->shut) {
        shutdown(at->fd, SHUT_RDWR);
        http->n_shut++;
    }
    at->shut = true;
}

/* Under http->lock. A place for one more, if need be that of who has asked for nothing for
 * longest: libmicrohttpd would close the new one without a word. */
static bool make_place(struct http *http)
{
    struct http_connection *idlest = NULL;
    uint64_t since_ns = clock_now_ns() - http->limits.idle_ns;
    if (http->n_connections - http->n_shut < http->daemon->config.max_clients)
        return true;
    for (struct http_connection *at = http->connections; at; at = at->next) {
        if (at->shut || atomic_load(&at->phase) != READING ||
            atomic_load(&at->since_ns) > since_ns)
            continue;
        since_ns = atomic_load(&at->since_ns);
        idlest = at;
    }
    if (idlest)
        shut_connection(http, idlest);
    return idlest;
}

/* Before a thread is made. Others may come in to be told so, but only a few at once. */
static enum MHD_Result on_accept(void *context, const struct sockaddr *other, socklen_t len)
{
    struct http *http = context;
    (void)len;
    pthread_mutex_lock(&http->lock);
    bool crowded = http->n_foreign >= FOREIGN_MAX;
    pthread_mutex_unlock(&http->lock);
    if (crowded && !is_trusted(http, other))
        return MHD_NO;
    pthread_mutex_lock(&http->lock);
    bool place = make_place(http);
    pthread_mutex_unlock(&http->lock);
    return place ? MHD_YES : MHD_NO;
}

static void begin_connection(struct http *http, struct MHD_Connection *connection,
                             void **ret_context)
{
    struct http_connection *at = xcalloc(1, sizeof(*at));
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *other =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    at->http = http;
    at->fd = fd->connect_fd;
    at->trusted = is_trusted(http, other->client_addr);
    set_phase(at, READING);
    pthread_mutex_lock(&http->lock);
    at->next = http->connections;
    if (at->next)
        at->next->prev = at;
    http->connections = at;
    http->n_connections++;
    http->n_foreign += !at->trusted;
    pthread_cond_signal(&http->wake);
    pthread_mutex_unlock(&http->lock);
    *ret_context = at;
}

/* Its descriptor is still open: libmicrohttpd closes it after this. */
static void end_connection(struct http_connection *at)
{
    struct http *http = at->http;
    pthread_mutex_lock(&http->lock);
    if (at->prev)
        at->prev->next = at->next;
    else
        http->connections = at->next;
    if (at->next)
        at->next->prev = at->prev;
    if (at->answer)
        http_answer_detach(at->answer);
    http->n_connections--;
    http->n_shut -= at->shut;
    http->n_foreign -= !at->trusted;
    pthread_mutex_unlock(&http->lock);
    free(at);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        begin_connection(context, connection, socket);
    else if (*socket)
        end_connection(steal((struct http_connection **)socket));
}

/* ---- the watchdog -------------------------------------------------------------------- */

/* Under http->lock. */
static void watch_connection(struct http *http, struct http_connection *at, uint64_t now_ns)
{
    uint64_t since_ns = atomic_load(&at->since_ns);
    uint64_t for_ns = now_ns > since_ns ? now_ns - since_ns : 0;
    const struct http_limits *max = &http->limits;
    bool late = false;
    switch ((enum phase)atomic_load(&at->phase)) {
    case READING:
        late = for_ns >= (at->trusted ? max->request_ns : max->foreign_ns);
        break;
    case WORKING:
        break;
    case SENDING:
        late = for_ns >= (at->trusted ? max->reader_ns : max->foreign_ns);
        if (at->answer && for_ns >= max->park_ns)
            late |= !http_answer_park(at->answer);
        break;
    }
    if (!late || at->shut)
        return;
    count(&http->timed_out, 1);
    shut_connection(http, at);
}

static void *run_watchdog(void *context)
{
    struct http *http = context;
    pthread_mutex_lock(&http->lock);
    while (!http->ending) {
        if (!http->connections) {
            pthread_cond_wait(&http->wake, &http->lock);
            continue;
        }
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        uint64_t ns = (uint64_t)next.tv_nsec + http->limits.tick_ns;
        next.tv_sec += (time_t)(ns / SECOND_NS);
        next.tv_nsec = (long)(ns % SECOND_NS);
        while (!http->ending &&
               pthread_cond_timedwait(&http->wake, &http->lock, &next) != ETIMEDOUT)
            ;
        uint64_t now_ns = clock_now_ns();
        for (struct http_connection *at = http->connections; at; at = at->next)
            watch_connection(http, at, now_ns);
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
}

/* ---- the listening socket ------------------------------------------------------------ */

/* The port's first choice for a user: the same on each machine. */
static uint16_t port_of_user(uid_t uid)
{
    return (uint16_t)(PORT_FIRST + uid % PORTS);
}

/* A listening socket or -errno. */
static int listen_at(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* Past connections in TIME_WAIT don't hold up a restart; a listener still does. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return steal_fd(&fd);
}

/* The port of before, else the user's first choice, else one of those that follow it. */
static int listen_chosen(struct urls *urls, struct failure *f)
{
    uint16_t kept = urls_port(urls), first = port_of_user(geteuid());
    int fd = kept ? listen_at(kept) : -EADDRINUSE;
    for (unsigned i = 0; fd == -EADDRINUSE && i < PORT_TRIES; i++)
        fd = listen_at((uint16_t)(PORT_FIRST + (first - PORT_FIRST + i) % PORTS));
    if (fd < 0)
        return fail_errno(f, fd,
                          "can't listen on 127.0.0.1:%u nor on the %d ports after it; "
                          "give another one with --http=PORT",
                          first, PORT_TRIES - 1);
    return fd;
}

static int listen_asked(struct http *http, struct failure *f)
{
    struct daemon *daemon = http->daemon;
    if (daemon->http_fd >= 0)
        return steal_fd(&daemon->http_fd);
    if (daemon->config.http_port == HTTP_CHOSEN)
        return listen_chosen(http->urls, f);
    uint16_t port = (uint16_t)daemon->config.http_port;
    int fd = listen_at(port);
    return fd < 0 ? fail_errno(f, fd,
                               "can't listen on 127.0.0.1:%u; give another port with "
                               "--http=PORT, or --http=off",
                               port)
                  : fd;
}

/* Where it listens: of an inherited socket whatever it is bound to, if that is loopback. */
static int take_address(struct http *http, int fd, struct failure *f)
{
    socklen_t len = sizeof(http->address);
    if (getsockname(fd, (struct sockaddr *)&http->address, &len) < 0)
        return fail_errno(f, -errno, "the HTTP socket");
    if (http->address.sin_family != AF_INET ||
        ntohl(http->address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return fail(f, -EINVAL, "the HTTP socket that was passed is not bound to 127.0.0.1");
    /* A client that is gone before accept() must not hold its thread up. */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(f, -errno, "the HTTP socket");
    snprintf(http->address_text, sizeof(http->address_text), "127.0.0.1:%u",
             ntohs(http->address.sin_port));
    return 0;
}

/* ---- its life ------------------------------------------------------------------------ */

static int start_mhd(struct http *http, int fd, struct failure *f)
{
    const struct config *config = &http->daemon->config;
    http->mhd = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ERROR_LOG,
        0, on_accept, http, on_request, http, /* the logger comes first, to hear of the rest */
        MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->max_clients + CLOSING_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    return http->mhd ? 0 : fail(f, -EIO, "can't serve HTTP on %s", http->address_text);
}

static void http_free(struct http *http)
{
    urls_close(http->urls);
    close(http->cancel_read);
    if (http->cancel_write >= 0)
        close(http->cancel_write);
    pthread_cond_destroy(&http->wake);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

static void stop_watchdog(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    http->ending = true;
    pthread_cond_signal(&http->wake);
    pthread_mutex_unlock(&http->lock);
    pthread_join(http->watchdog, NULL);
}

static int start(struct http *http, struct failure *f)
{
    cleanup_fd int fd = listen_asked(http, f);
    if (fd < 0)
        return fd;
    int r = take_address(http, fd, f);
    if (r < 0)
        return r;
    r = -pthread_create(&http->watchdog, NULL, run_watchdog, http);
    if (r < 0)
        return fail_errno(f, r, "can't start a thread");
    /* libmicrohttpd closes it in the end, and also where most of its beginnings fail. */
    r = start_mhd(http, steal_fd(&fd), f);
    if (r < 0)
        stop_watchdog(http);
    return r;
}

int http_start(struct daemon *daemon, struct failure *f)
{
    if (daemon->config.http_port == HTTP_OFF)
        return 0;
    struct http *http = xcalloc(1, sizeof(*http));
    pthread_condattr_t monotonic;
    int ends[2];
    http->daemon = daemon;
    http->limits = limits;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        free(http);
        return fail_errno(f, -errno, "a pipe");
    }
    http->cancel_read = ends[0];
    http->cancel_write = ends[1];
    pthread_mutex_init(&http->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    http->urls = urls_open(daemon->hashes);
    int r = start(http, f);
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
    struct http *http = daemon->http;
    if (!http)
        return;
    close(steal_fd(&http->cancel_write));
    MHD_stop_daemon(http->mhd); /* shuts all connections down, then joins their threads */
    stop_watchdog(http);
    daemon->http = NULL; /* no thread is left that could look */
    http_free(http);
}

const char *http_address(struct daemon *daemon)
{
    return daemon->http ? daemon->http->address_text : "off";
}
