/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context in a directory of its own, and the stream that is made of it, in memory.
 *
 *     struct fixture x = setup();
 *     put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
 *     cleanup_sent struct sent s = send_tree(&x, 2, SEND_TAR, NULL);
 *     TAP_CHECK(s.result == 0 && has_path(&s.bytes, "Dockerfile"));
 *     teardown(&x);
 */
#ifndef CTXD_STREAM_FIXTURE_H
#define CTXD_STREAM_FIXTURE_H

#include "stream.h"
#include "tap.h"

struct fixture {
    char path[64];
    int root;
};

struct fixture setup(void);
void teardown(struct fixture *x);
void put(const struct fixture *x, const char *path, const void *at, size_t len);
void put_text(const struct fixture *x, const char *path, const char *text);
/* A Dockerfile and 302 files: small ones in src/, with two links, and a large one. */
void put_tree(const struct fixture *x);

/* A request for the stream of the context, with all that it borrows. */
struct asked {
    struct control control;
    struct dockerfile *df;
    struct pool *pool;
    struct notes notes;
    struct send_request request;
};

/* *ret must not move. Released by asked_release(), also after a failure. */
int ask_tree(const struct fixture *x, size_t threads, struct asked *ret,
             struct failure *f) must_use;
void asked_release(struct asked *asked);
#define cleanup_asked __attribute__((cleanup(asked_release)))

struct sent {
    struct buf bytes;
    struct send_stats stats;
    struct failure failure;
    size_t n_notes;
    int result;
};

/* Sends into memory, with `threads` helpers; `change` may alter the request. */
struct sent send_tree(const struct fixture *x, size_t threads, enum send_codec codec,
                      void (*change)(struct send_request *));
void sent_release(struct sent *s);
#define cleanup_sent __attribute__((cleanup(sent_release)))

/* The path and type of the n-th header, read as a plain reader would; type 0: there is none. */
struct bytes header_path(const struct buf *tar, size_t n, uint8_t *ret_type);
bool has_path(const struct buf *tar, const char *path);
struct bytes last_path(const struct buf *tar);

#endif
