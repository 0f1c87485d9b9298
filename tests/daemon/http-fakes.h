/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP without the rest of ctxd. The bodies are made up: they fail, stall or take their time
 * when they are told to, so that a test can have what real trees do rarely.
 */
#ifndef CTXD_HTTP_FAKES_H
#define CTXD_HTTP_FAKES_H

#include "daemon.h"

struct fake_setup {
    const char *directory; /* for the hash database */
    int64_t port;          /* or HTTP_CHOSEN */
    uint64_t lanes, clients;
    bool quiet;
};

/* Makes what http_start() needs; fake_free() ends and frees it. */
struct daemon *fake_new(const struct fake_setup *setup);
void fake_free(struct daemon *daemon);

/*
 * The request that `ctx url` would send. target controls the body, with words between commas:
 *   size=N  has N bytes           fail=N  fails after N bytes     refuse  can't be made
 *   slow=N  takes N ms to plan, unless it is cancelled
 */
struct proto_request *fake_request(const char *root, const char *target, enum send_codec codec,
                                   int level, bool bare);

#endif
