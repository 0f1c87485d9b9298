/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All connections of HTTP, from accept to close, and a watchdog that ends those that don't get
 * on. libmicrohttpd's own timeout would not do: it starts anew with each byte that a slow
 * client sends. libmicrohttpd has a thread for each connection; its phase says what that thread
 * does:
 *
 *   HTTP_READING   a request is awaited or arrives    request_ns for all of it
 *   HTTP_WORKING   it is being answered               no limit; if the client goes away, its
 *                                                     lane is cancelled
 *   HTTP_SENDING   the reader takes the answer        reader_ns for each block; after park_ns
 *                                                     without a block its lane is for others
 *
 * Connections of other users may come in to be told "403", but only a few at once.
 *
 *     r = http_connections_start(&connections, &address, max, &counts);
 *     … libmicrohttpd calls on_http_accept() and on_http_connection() …
 *     http_connections_stop(&connections);       after libmicrohttpd has ended
 *
 * The lock guards the list and what a connection marks with it. It is never held while
 * something waits. http-answer.c takes it with the lock of an answer held; so whoever holds it
 * may only try that one.
 */
#ifndef CTXD_HTTP_CONNECTIONS_H
#define CTXD_HTTP_CONNECTIONS_H

#include "http-say.h"

#include <netinet/in.h>
#include <pthread.h>

enum http_phase { HTTP_READING, HTTP_WORKING, HTTP_SENDING };

struct http_connections;
struct http_sending;
struct lane;

struct http_connection {
    struct http_connections *all;
    struct http_connection *next, *prev; /* guarded by all->lock */
    int fd;
    bool trusted;                  /* its user is ours or root */
    atomic_int phase;              /* enum http_phase */
    atomic_uint_fast64_t since_ns; /* when the phase began, or a block was last taken */
    bool shut;                     /* its thread was told to close it; guarded by all->lock */
    struct http_sending *sending;  /* NULL: no body; guarded by all->lock */
    struct lane *lane;             /* of an answer that is being made; guarded by all->lock */
};

/*
 * A body that is on its way to a reader; embedded in a struct of the caller, which must outlive
 * http_sending_end().
 */
struct http_sending {
    /*
     * The reader took nothing for park_ns: let others have the lane. false: this connection
     * must be closed. Called with all->lock held; must not wait.
     */
    bool (*park)(struct http_sending *sending);
    struct http_connections *all;
    struct http_connection *at; /* NULL: the connection is closed; guarded by all->lock */
};

/* How long each phase may take: http-connections.c has the values. */
struct http_limits {
    uint64_t request_ns, foreign_ns, idle_ns, park_ns, reader_ns;
    uint64_t tick_ns; /* how often the watchdog looks, while there are connections */
};

struct http_connections {
    struct sockaddr_in address; /* our end of each */
    size_t max;                 /* of those that are not shut */
    struct http_counts *counts;
    pthread_t watchdog;
    pthread_mutex_t lock; /* guards all below */
    struct http_limits limits;
    pthread_cond_t changed; /* there is a first connection, or the end began */
    struct http_connection *first;
    size_t n, n_foreign, n_shut;
    bool ending;
};

/* Starts the watchdog. counts is borrowed. 0, or -errno: no thread. Thread: loop. */
int http_connections_start(struct http_connections *all, const struct sockaddr_in *address,
                           size_t max, struct http_counts *counts) must_use;
/* Ends the watchdog. No connection may be left. Thread: loop. */
void http_connections_stop(struct http_connections *all);
/* How many are open. Thread: any. */
size_t http_connections_count(struct http_connections *all);
/* Other limits, for tests. Thread: any. */
void http_connections_set_limits(struct http_connections *all,
                                 const struct http_limits *limits);

/* What libmicrohttpd calls, with struct http_connections as the context. Thread: http. */
enum MHD_Result on_http_accept(void *connections, const struct sockaddr *other, socklen_t len);
void on_http_connection(void *connections, struct MHD_Connection *connection, void **socket,
                        enum MHD_ConnectionNotificationCode code);
/* Our struct for one of libmicrohttpd's, or NULL. */
struct http_connection *http_connection_of(struct MHD_Connection *connection);
/* The connection's thread does something else from now on. Thread: http, or the loop at the
 * end. */
void http_connection_set_phase(struct http_connection *at, enum http_phase phase);

/* The lane that makes the connection's answer, until NULL is set: it is cancelled if the client
 * goes away. Thread: http. */
void http_connection_set_lane(struct http_connection *at, struct lane *lane);

/* The connection begins to send a body. sending->park must be set. Thread: http. */
void http_sending_begin(struct http_sending *sending, struct http_connection *at);
/* The reader has taken a block: its time starts anew. Thread: http. */
void http_sending_progress(struct http_sending *sending);
/* The body is no longer sent. The connection may be closed already. Thread: http, or the loop
 * at the end. */
void http_sending_end(struct http_sending *sending);

#endif
