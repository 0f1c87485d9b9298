/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes -> the descriptor of a request.
 *
 *     struct out out;
 *     out_open(&out, request);
 *     r = out_write(&out, bytes);
 *
 * It owns nothing: there is no close. Thread: the request's.
 */
#ifndef CTXD_OUT_H
#define CTXD_OUT_H

#include "stream.h"

struct out {
    int fd; /* borrowed */
    bool is_pipe;
    const struct send_hooks *hooks; /* NULL: writes block */
    const struct pool *pool;        /* tells that the request was cancelled; may be NULL */
};

void out_open(struct out *out, const struct send_request *request);
/* Writes all of it, at most 1 MiB between two looks at whether the request was cancelled. 0 or
 * -errno: -EPIPE: the reader closed it; -ECANCELED. */
int out_write(struct out *out, struct bytes bytes) must_use;
/*
 * Passes on len bytes of a file that is never changed, if possible without copying them.
 * Errors as those of out_write(); -EIO: the file is shorter.
 */
int out_pass(struct out *out, int fd, uint64_t offset, uint64_t len) must_use;

#endif
