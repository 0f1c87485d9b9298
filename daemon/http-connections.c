/* SPDX-License-Identifier: Apache-2.0 */
#include "http-connections.h"

#include "http-peer.h"
#include "lanes.h"
#include "log.h"
#include "thread-kind.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* Connections of other users at once: enough to tell them so, too few to keep ours out. */
#define FOREIGN_MAX 4

#define SECOND_NS 1000000000u
/* A builder that unpacks while it reads may be held up by its disk for a minute. */
static const struct http_limits http_limits_default = {
    .request_ns = 30ull * SECOND_NS,
    .foreign_ns = 3ull * SECOND_NS,
    .idle_ns = SECOND_NS,
    .park_ns = SECOND_NS,
    .reader_ns = 300ull * SECOND_NS,
    .tick_ns = SECOND_NS / 2,
};

/* ---- one connection ------------------------------------------------------------------ */

struct http_connection *http_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void http_connection_set_phase(struct http_connection *at, enum http_phase phase)
{
    atomic_store(&at->since_ns, clock_now_ns());
    atomic_store(&at->phase, phase);
}

void http_connection_set_lane(struct http_connection *at, struct lane *lane)
{
    ASSERT_THREAD(THREAD_HTTP);
    pthread_mutex_lock(&at->all->lock);
    at->lane = lane;
    pthread_mutex_unlock(&at->all->lock);
}

/*
 * Whether the client has closed the connection, or its half of it. One that still wants the
 * answer doesn't: net/http of Go, whose client BuildKit uses, ends a request in the same way.
 */
static bool http_client_is_gone(const struct http_connection *at)
{
    struct pollfd one = {.fd = at->fd, .events = POLLRDHUP};
    return poll(&one, 1, 0) > 0;
}

static bool http_is_trusted(const struct http_connections *all, const struct sockaddr *other)
{
    struct tcp_ends ends = {.mine = all->address};
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

/* Wakes the connection's thread, which closes it. */
static void http_shut__with_lock(struct http_connection *at)
{
    if (!at->shut) {
        shutdown(at->fd, SHUT_RDWR);
        at->all->n_shut++;
    }
    at->shut = true;
}

/* ---- a body -------------------------------------------------------------------------- */

void http_sending_begin(struct http_sending *sending, struct http_connection *at)
{
    ASSERT_THREAD(THREAD_HTTP);
    sending->all = at->all;
    pthread_mutex_lock(&at->all->lock);
    sending->at = at;
    at->sending = sending;
    pthread_mutex_unlock(&at->all->lock);
}

void http_sending_progress(struct http_sending *sending)
{
    ASSERT_THREAD(THREAD_HTTP);
    pthread_mutex_lock(&sending->all->lock);
    if (sending->at)
        atomic_store(&sending->at->since_ns, clock_now_ns());
    pthread_mutex_unlock(&sending->all->lock);
}

static void http_sending_detach__with_lock(struct http_sending *sending)
{
    sending->at->sending = NULL;
    sending->at = NULL;
}

void http_sending_end(struct http_sending *sending)
{
    pthread_mutex_lock(&sending->all->lock);
    if (sending->at)
        http_sending_detach__with_lock(sending);
    pthread_mutex_unlock(&sending->all->lock);
}

/* ---- accept and close ---------------------------------------------------------------- */

/*
 * Tells whether there is a place for one more connection. If not, shuts the one that has asked
 * for nothing for longest, because libmicrohttpd would close the new one without a word.
 */
static bool http_make_place__with_lock(struct http_connections *all)
{
    struct http_connection *idlest = NULL;
    uint64_t since_ns = clock_now_ns() - all->limits.idle_ns;
    if (all->n - all->n_shut < all->max)
        return true;
    for (struct http_connection *at = all->first; at; at = at->next) {
        if (at->shut || atomic_load(&at->phase) != HTTP_READING ||
            atomic_load(&at->since_ns) > since_ns)
            continue;
        since_ns = atomic_load(&at->since_ns);
        idlest = at;
    }
    if (idlest)
        http_shut__with_lock(idlest);
    return idlest;
}

/* libmicrohttpd calls this before it makes a thread for the connection. */
enum MHD_Result on_http_accept(void *connections, const struct sockaddr *other, socklen_t len)
{
    struct http_connections *all = connections;
    (void)len;
    thread_begin(THREAD_HTTP);
    pthread_mutex_lock(&all->lock);
    bool crowded = all->n_foreign >= FOREIGN_MAX;
    pthread_mutex_unlock(&all->lock);
    if (crowded && !http_is_trusted(all, other))
        return MHD_NO;
    pthread_mutex_lock(&all->lock);
    bool place = http_make_place__with_lock(all);
    pthread_mutex_unlock(&all->lock);
    return place ? MHD_YES : MHD_NO;
}

static void http_connection_begin(struct http_connections *all,
                                  struct MHD_Connection *connection, void **ret_context)
{
    struct http_connection *at = xcalloc(1, sizeof(*at));
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *other =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    at->all = all;
    at->fd = fd->connect_fd;
    at->trusted = http_is_trusted(all, other->client_addr);
    http_connection_set_phase(at, HTTP_READING);
    pthread_mutex_lock(&all->lock);
    at->next = all->first;
    if (at->next)
        at->next->prev = at;
    all->first = at;
    all->n++;
    all->n_foreign += !at->trusted;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    *ret_context = at;
}

/* Its descriptor is still open: libmicrohttpd closes it after this. */
static void http_connection_end(struct http_connection *at)
{
    struct http_connections *all = at->all;
    pthread_mutex_lock(&all->lock);
    if (at->prev)
        at->prev->next = at->next;
    else
        all->first = at->next;
    if (at->next)
        at->next->prev = at->prev;
    if (at->sending)
        http_sending_detach__with_lock(at->sending);
    all->n--;
    all->n_shut -= at->shut;
    all->n_foreign -= !at->trusted;
    pthread_mutex_unlock(&all->lock);
    free(at);
}

void on_http_connection(void *connections, struct MHD_Connection *connection, void **socket,
                        enum MHD_ConnectionNotificationCode code)
{
    /* At the end of ctxd it is the loop's thread that closes what is left. */
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        http_connection_begin(connections, connection, socket);
    else if (*socket)
        http_connection_end(steal((struct http_connection **)socket));
}

/* ---- the watchdog -------------------------------------------------------------------- */

static void http_watch__with_lock(struct http_connection *at, uint64_t now_ns)
{
    uint64_t since_ns = atomic_load(&at->since_ns);
    uint64_t for_ns = now_ns > since_ns ? now_ns - since_ns : 0;
    const struct http_limits *max = &at->all->limits;
    bool late = false;
    switch ((enum http_phase)atomic_load(&at->phase)) {
    case HTTP_READING:
        late = for_ns >= (at->trusted ? max->request_ns : max->foreign_ns);
        break;
    case HTTP_WORKING:
        if (at->lane && http_client_is_gone(at))
            lane_cancel(at->lane);
        break;
    case HTTP_SENDING:
        late = for_ns >= (at->trusted ? max->reader_ns : max->foreign_ns);
        if (at->sending && for_ns >= max->park_ns)
            late |= !at->sending->park(at->sending);
        break;
    }
    if (!late || at->shut)
        return;
    count(&at->all->counts->timed_out, 1);
    http_shut__with_lock(at);
}

static void *http_watchdog(void *context)
{
    struct http_connections *all = context;
    thread_begin(THREAD_HTTP);
    pthread_mutex_lock(&all->lock);
    while (!all->ending) {
        if (!all->first) {
            pthread_cond_wait(&all->changed, &all->lock);
            continue;
        }
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        uint64_t ns = (uint64_t)next.tv_nsec + all->limits.tick_ns;
        next.tv_sec += (time_t)(ns / SECOND_NS);
        next.tv_nsec = (long)(ns % SECOND_NS);
        while (!all->ending &&
               pthread_cond_timedwait(&all->changed, &all->lock, &next) != ETIMEDOUT)
            ;
        uint64_t now_ns = clock_now_ns();
        for (struct http_connection *at = all->first; at; at = at->next)
            http_watch__with_lock(at, now_ns);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- all of them --------------------------------------------------------------------- */

static void http_connections_release(struct http_connections *all)
{
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
}

int http_connections_start(struct http_connections *all, const struct sockaddr_in *address,
                           size_t max, struct http_counts *counts)
{
    ASSERT_THREAD(THREAD_LOOP);
    pthread_condattr_t monotonic;
    *all = (struct http_connections){
        .address = *address, .max = max, .counts = counts, .limits = http_limits_default};
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&all->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int r = -pthread_create(&all->watchdog, NULL, http_watchdog, all);
    if (r < 0)
        http_connections_release(all);
    return r;
}

void http_connections_stop(struct http_connections *all)
{
    ASSERT_THREAD(THREAD_LOOP);
    pthread_mutex_lock(&all->lock);
    all->ending = true;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->watchdog, NULL);
    http_connections_release(all);
}

size_t http_connections_count(struct http_connections *all)
{
    pthread_mutex_lock(&all->lock);
    size_t n = all->n;
    pthread_mutex_unlock(&all->lock);
    return n;
}

void http_connections_set_limits(struct http_connections *all, const struct http_limits *limits)
{
    pthread_mutex_lock(&all->lock);
    all->limits = *limits;
    pthread_mutex_unlock(&all->lock);
}
