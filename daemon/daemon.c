/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

void daemon_touch(struct daemon *daemon)
{
    daemon->active_ns = clock_now_ns();
}

uint64_t daemon_quiet_ns(struct daemon *daemon)
{
    /* active_ns is read first: another thread may set it to a later time meanwhile. */
    uint64_t active_ns = daemon->active_ns;
    return clock_now_ns() - active_ns;
}
