/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a running ctxd. A daemon is never needed: whoever calls does the same work in process
 * where this says that nothing was done.
 *
 *     struct proto_answer answer = {0};
 *     r = connect_ask(&ask, progress, &answer, f);
 *     0          it answered: DONE or FAILED is in `answer`
 *     -ENOTCONN  nothing was done, f says why: no daemon, another release, too busy …
 *     -EPIPE     it ended in the middle: bytes may have been written
 *
 * Thread: one at a time.
 */
#ifndef CTXD_CONNECT_H
#define CTXD_CONNECT_H

#include "proto.h"

struct connect_ask {
    enum proto_kind kind;
    const struct send_request *send; /* NULL: of status and stop */
    const char *file, *ignore_file;  /* as options name them; of url */
    bool progress;
    bool per_instruction, bare;
    bool since_given;
    uint64_t since, timeout_ms;
};

/* Waits for it. progress (NULL: not wanted) is filled as it comes. */
int connect_ask(const struct connect_ask *ask, struct send_progress *progress,
                struct proto_answer *ret, struct failure *f) must_use;

/* Whether a failure of connect_ask() says that nobody serves. */
bool connect_nobody(const struct failure *f);

/*
 * The first half of it, for who waits for other things, too: *ret_fd is readable once there is
 * something for connect_read(). -ENOTCONN as above.
 */
int connect_begin(const struct connect_ask *ask, int *ret_fd, struct failure *f) must_use;
/* The answer that ends it; out_fd is handed over when it begins (-1: none). Waits for it. */
int connect_read(int fd, int out_fd, struct send_progress *progress, struct proto_answer *ret,
                 struct failure *f) must_use;

/* Adds the notes of an answer to the program's own. */
void connect_take_notes(const struct proto_answer *answer, struct notes *notes);

#endif
