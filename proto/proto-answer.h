/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of the daemon. Thread: any, each thread with its own answer. */
#ifndef CTXD_PROTO_ANSWER_H
#define CTXD_PROTO_ANSWER_H

#include "request.h"

enum proto_answer_kind {
    PROTO_STARTED,
    PROTO_PROGRESS,
    PROTO_DONE,
    PROTO_FAILED,   /* the client would have failed in the same way */
    PROTO_DECLINED, /* nothing was done: the client does the work itself */
};

/* Why a request was declined. */
enum proto_why {
    PROTO_VERSION, /* the client has another release or build */
    PROTO_FOREIGN, /* the daemon finds another directory at the root's path */
    PROTO_BUSY,    /* there are too many requests */
    PROTO_ENDING,  /* the daemon is about to end */
    PROTO_UNABLE,  /* the text of the failure says why */
};

struct proto_progress {
    uint64_t entries, entries_total, bytes, bytes_total, bytes_out;
};

struct proto_answer {
    struct arena arena;
    enum proto_answer_kind kind;
    enum proto_why why;     /* DECLINED */
    struct failure failure; /* FAILED, DECLINED */
    bool untouched;         /* FAILED: no byte was written to the output */
    struct proto_progress progress;
    struct send_stats stats;     /* DONE, of send */
    struct notes notes;          /* DONE, FAILED */
    struct digest_answer digest; /* DONE, of digest; its strings are in `arena` */
    struct bytes url;            /* DONE, of url */
    struct bytes status;         /* DONE, of status: a JSON object */
    uint64_t seq;                /* DONE, of wait: the `since` of the next request */
    bool changed;                /* DONE, of wait */
    bool slow; /* DONE, of wait: changes can't be watched, so the client must ask again by the
                  clock */
};

void proto_answer_release(struct proto_answer *answer);
#define cleanup_answer __attribute__((cleanup(proto_answer_release)))

/* Appends the line of an answer, without a newline. `of` tells which parts PROTO_DONE has.
 * -E2BIG. */
int proto_answer_print(const struct proto_answer *answer, enum proto_kind of,
                       struct buf *line) must_use;
/* Reads the line of an answer. On success the caller releases *ret. -EBADMSG if it is none. */
int proto_answer_parse(struct bytes line, struct proto_answer *ret, struct failure *f) must_use;

#endif
