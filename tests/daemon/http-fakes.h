/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP without the rest of ctxd: made-up bodies that fail, stall or take their time when told
 * to, so that a test can have what a real tree does rarely.
 */
#ifndef CTXD_HTTP_FAKES_H
#define CTXD_HTTP_FAKES_H

#include "daemon.h"

struct fake_setup {
    const char *directory; /* of the hash database */
    int64_t port;          /* or HTTP_CHOSEN */
    uint64_t lanes, clients;
    bool quiet;
};

/* All that http_start() needs; ended by fake_free(). */
struct daemon *fake_new(const struct fake_setup *setup);
void fake_free(struct daemon *daemon);

/*
 * What `ctx url` would ask. target steers the body, words parted by commas:
 *   size=N  so many bytes         fail=N  fails after N bytes     refuse  can't be made
 *   slow=N  takes N ms to plan, unless cancelled
 */
struct proto_request *fake_request(const char *root, const char *target, enum send_codec codec,
                                   int level, bool bare);

#endif
