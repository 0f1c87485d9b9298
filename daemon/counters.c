/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon-priv.h"

const uint64_t latency_limits_ns[LATENCY_CLASSES] = {
    1000000, 5000000, 20000000, 100000000, 500000000, 2000000000, 10000000000, 60000000000};

void daemon_touch(struct daemon *daemon)
{
    daemon->active_ns = clock_now_ns();
}

uint64_t daemon_quiet_ns(struct daemon *daemon)
{
    /* In this order: it may be touched meanwhile. */
    uint64_t active_ns = daemon->active_ns;
    return clock_now_ns() - active_ns;
}

void daemon_count_latency(struct daemon *daemon, enum latency_kind kind, uint64_t ns)
{
    struct latency *latency = &daemon->counters.latency[kind];
    size_t class = 0;
    while (class < LATENCY_CLASSES && ns > latency_limits_ns[class])
        class ++;
    count(&latency->classes[class], 1);
    count(&latency->sum_ns, ns);
}
