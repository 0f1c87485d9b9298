/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a running ctxd. A daemon is never needed for a stream or a digest: if it did nothing,
 * the caller does the same work in its own process.
 *
 *     struct proto_answer answer = {0};
 *     r = connect_ask(&ask, progress, &answer, f);
 *     0          the daemon answered: DONE or FAILED is in `answer`
 *     -ENOTCONN  the daemon did nothing, and f says why: none runs, it is of another release,
 *                it is too busy …
 *     -EPIPE     the daemon ended in the middle; it may have written bytes
 *
 * Thread: one at a time.
 */
#ifndef CTXD_CONNECT_H
#define CTXD_CONNECT_H

#include "proto.h"

struct connect_ask {
    enum proto_kind kind;
    const struct send_request *send; /* NULL for status and stop */
    const char *file, *ignore_file;  /* of url: as the options name them */
    bool progress;                   /* of send: report how far the stream is */
    bool per_instruction;            /* of digest */
    bool bare;                       /* of url */
    /*
     * Of wait: `since` is the seq of the last answer. Without one, the answer comes at once and
     * contains the seq for next time. With one, it comes at the next event, or after
     * timeout_ms.
     */
    bool since_given;
    uint64_t since, timeout_ms;
};

/*
 * Sends the request and waits for the answer. progress (NULL: not wanted) is updated in the
 * meantime.
 */
int connect_ask(const struct connect_ask *ask, struct send_progress *progress,
                struct proto_answer *ret, struct failure *f) must_use;

/* Tells whether a failure of connect_ask() means that no daemon runs. */
bool connect_nobody(const struct failure *f);
/* The same: that it ended meanwhile; that it does not answer. */
bool connect_ended(const struct failure *f);
bool connect_hung(const struct failure *f);
/* The process of the ctxd at the other end; 0: it can't be told. */
int connect_pid(int fd);

/*
 * The first half of connect_ask(), for a caller that also waits for other things: it sends the
 * request. *ret_fd, which the caller closes, becomes readable when connect_read() has something
 * to read. -ENOTCONN as above.
 */
int connect_begin(const struct connect_ask *ask, int *ret_fd, struct failure *f) must_use;
/*
 * The second half: waits for the answer that ends the request. When the daemon begins, it is
 * handed the way to out_fd (-1: none), which it writes the stream to: see relay.h.
 */
int connect_read(int fd, int out_fd, struct send_progress *progress, struct proto_answer *ret,
                 struct failure *f) must_use;

/* Adds the notes of an answer to the program's own. */
void connect_take_notes(const struct proto_answer *answer, struct notes *notes);

#endif
