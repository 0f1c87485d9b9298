/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

const uint64_t latency_limits_ns[LATENCY_CLASSES] = {
    1000000, 5000000, 20000000, 100000000, 500000000, 2000000000, 10000000000, 60000000000};

void count_latency(struct counters *counters, enum latency_kind kind, uint64_t ns)
{
    struct latency *latency = &counters->latency[kind];
    size_t class = 0;
    while (class < LATENCY_CLASSES && ns > latency_limits_ns[class])
        class ++;
    count(&latency->classes[class], 1);
    count(&latency->sum_ns, ns);
}
