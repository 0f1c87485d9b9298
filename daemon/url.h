/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to `ctx url`: the address at which HTTP serves a selection. */
#ifndef CTXD_URL_H
#define CTXD_URL_H

#include "roots.h"

/* Longer than any address, with its NUL. */
#define URL_LEN_MAX 256

/*
 * The address that serves what the request (PROTO_URL) selects. The same request gets the same
 * address, over restarts. -EOPNOTSUPP: HTTP is off. -EINVAL: zstd was asked for. Thread: lane.
 */
int url_make(struct daemon *daemon, struct root *root, const struct proto_request *request,
             char url[URL_LEN_MAX], struct failure *f) must_use;

#endif
