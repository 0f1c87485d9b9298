/* SPDX-License-Identifier: Apache-2.0 */
/* Queues responses, short texts above all, and counts them by status. Thread: http. */
#ifndef CTXD_HTTP_SAY_H
#define CTXD_HTTP_SAY_H

#include "counters.h"

#include <microhttpd.h>

/* The statuses that /metrics tells apart. */
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
/* Their numbers. */
extern const unsigned http_statuses[HTTP_CLASSES];

/* What only HTTP counts; zeroes at first. */
struct http_counts {
    atomic_uint_fast64_t statuses[HTTP_CLASSES]; /* responses that were queued */
    atomic_uint_fast64_t cut;                    /* bodies that ended before their length */
    atomic_uint_fast64_t timed_out;              /* connections that the watchdog ended */
};

/* Queues a text of one line, without its newline. */
enum MHD_Result http_say(struct http_counts *counts, struct MHD_Connection *connection,
                         unsigned status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Queues a response, and drops the caller's reference of it; counts its status. NULL: nothing
 * can be queued, and libmicrohttpd closes the connection. */
enum MHD_Result http_queue(struct http_counts *counts, struct MHD_Connection *connection,
                           unsigned status, struct MHD_Response *response);

#endif
