/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct daemon: what all files of ctxd share, and nothing else.
 *
 * ctxd has six kinds of threads (base/thread-kind.h):
 *
 *   loop       one; the only one that calls libuv: the listening socket, sessions, timers,
 *              signals (loop.c; other threads reach it through wake.h)
 *   lane       one for each running request of the socket, each a straight line of calls
 *              (lanes.c)
 *   http       the threads of libmicrohttpd, one that accepts and one for each connection, and
 *              a watchdog; a request takes the place of a lane while it works (http.c)
 *   pool       pure fan-out; each lane has a pool of its own
 *   learner    at most one; learns what streams passed on (learner.c)
 *   database   one; writes the hash database (hashdb/db-writer.c)
 *
 * A function that names no thread may be called by any.
 *
 * Callers stand above what they call:
 *
 *   main.c
 *   loop.c                                                     the loop
 *   session.c                                                  one connection of the socket
 *   requests.c   status.c   chores.c                           what lanes do
 *   url.c   http.c                                             HTTP: who is answered what
 *   http-answer.c   metrics.c   http-connections.c   http-say.c   …
 *   polls.c                                                    the watches on the loop
 *   learner.c                                                  what comes after a stream
 *   roots.c   lanes.c   urls.c   wake.c
 *   watch.c …   config.c   counters.c   log.c   heap.c
 */
#ifndef CTXD_DAEMON_H
#define CTXD_DAEMON_H

#include "config.h"
#include "counters.h"
#include "proto.h"

struct http;
struct lanes;
struct learner;
struct listener;
struct roots;
struct wake;

struct daemon {
    struct config config;
    struct counters counters;
    struct hashdb *hashes; /* never NULL */
    struct store *store;   /* never NULL */
    struct roots *roots;
    struct lanes *lanes;
    struct learner *learner;
    struct wake *wake;
    struct http *http;               /* NULL: HTTP is off */
    struct failure http_failure;     /* why HTTP is off although it was wanted; else code 0 */
    const struct listener *listener; /* NULL in tests */
    bool unreachable;                /* its socket or lock was removed: it ends */
    int http_fd;       /* a listening TCP socket that we were started with, or -1 */
    uint64_t began_ns; /* clock_now_ns() of the start */
    atomic_uint_fast64_t active_ns; /* clock_now_ns() of the last daemon_touch() */
};

/* Starts a detached thread with all signals blocked: the loop takes them. 0 or -errno. */
int daemon_start_thread(void *(*run)(void *arg), void *arg) must_use;

/* Notes that a client is served now: the daemon is not idle. */
void daemon_touch(struct daemon *daemon);
/* The time since the last daemon_touch(). */
uint64_t daemon_quiet_ns(struct daemon *daemon);

#endif
