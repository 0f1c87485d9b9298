/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP: contexts, /metrics and /healthz on 127.0.0.1. docs/http.md says what is promised.
 *
 *   http.c               start and end; who is answered what
 *   http-answer.c        a context as a response
 *   http-connections.c   all connections, their deadlines, the watchdog
 *   http-say.c           short texts as responses; counts of all responses
 *   http-listen.c        the listening socket and its port
 *   http-parse.c         what a stranger may have written: pure functions, fuzzed
 *   http-peer.c          which user owns the other end of a connection
 *   urls.c, url.c        the addresses, kept over restarts; making one
 *   metrics.c            the text of /metrics
 */
#ifndef CTXD_HTTP_H
#define CTXD_HTTP_H

#include "daemon.h"

/* Begins to serve on 127.0.0.1, unless HTTP is off; sets daemon->http. Thread: loop. */
int http_start(struct daemon *daemon, struct failure *f) must_use;
/* Ends all connections, then the threads. daemon->http may be NULL. Thread: loop. */
void http_stop(struct daemon *daemon);
/* "127.0.0.1:1234", or "off". */
const char *http_address(struct daemon *daemon);

#endif
