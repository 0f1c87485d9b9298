/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon-priv.h"

#include <fcntl.h>

const uint64_t latency_limits_ns[LATENCY_CLASSES] = {
    1000000, 5000000, 20000000, 100000000, 500000000, 2000000000, 10000000000, 60000000000};

void daemon_touch(struct daemon *daemon)
{
    daemon->active_ns = clock_now_ns();
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

/* The second number of statm, in pages. */
uint64_t daemon_resident_bytes(void)
{
    cleanup_buf struct buf text = BUF(256);
    uint64_t pages = 0;
    if (io_read_file(AT_FDCWD, "/proc/self/statm", &text) < 0)
        return 0;
    struct bytes rest = buf_bytes(&text), field = {0};
    for (int i = 0; i < 2; i++)
        if (!bytes_next(&rest, ' ', &field))
            return 0;
    return number_parse(field, &pages) < 0 ? 0 : pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
