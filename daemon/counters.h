/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon has done since it began, as numbers. Each counter is added to by the thread
 * that did the thing; metrics.c and status.c read them. Thread: any.
 */
#ifndef CTXD_COUNTERS_H
#define CTXD_COUNTERS_H

#include "proto.h"

#include <stdatomic.h>

/* Upper ends of the latency classes in ns; one more class takes what is slower. */
#define LATENCY_CLASSES 8
extern const uint64_t latency_limits_ns[LATENCY_CLASSES];

/* What took how long. A body by HTTP counts when all of it is sent; a failure never counts. */
enum latency_kind {
    LATENCY_SEND,
    LATENCY_DIGEST,
    LATENCY_URL,
    LATENCY_HTTP_GET,
    LATENCY_HTTP_HEAD,
    LATENCY_HTTP_UNCHANGED, /* 304, to GET or HEAD */
    LATENCY_ANSWERS,        /* the kinds above are answers to clients */
    LATENCY_AUDIT = LATENCY_ANSWERS,
    LATENCY_KINDS
};

struct latency {
    atomic_uint_fast64_t classes[LATENCY_CLASSES + 1], sum_ns;
};

struct counters {
    atomic_uint_fast64_t requests[PROTO_KINDS]; /* of the socket, by enum proto_kind */
    atomic_uint_fast64_t http_requests, http_not_modified;
    atomic_uint_fast64_t failed, declined, cancelled, parked;
    atomic_uint_fast64_t bytes_out;          /* of streams, by socket and HTTP */
    atomic_uint_fast64_t chunks, chunks_hit; /* of streams; those that the store had packed */
    atomic_uint_fast64_t audits, audit_missed;
    struct latency latency[LATENCY_KINDS];
};

static inline void count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t counted(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Counts one answer or audit that took so many ns. */
void count_latency(struct counters *counters, enum latency_kind kind, uint64_t ns);

#endif
