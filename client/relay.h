/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes a stream of ctxd on to an output that this process alone must write to.
 *
 *     r = relay_begin(&relay, out_fd, f);
 *     … give relay.give to ctxd …
 *     relay_given(&relay);
 *     … ctxd writes, closes, answers …
 *     r = relay_end(&relay, f);
 *
 * ctxd itself writes only to a pipe, to /dev/null and to a file that has no name. Any other
 * output gets its bytes through a pipe and a thread of this process, so that nothing is written
 * to it once this process is dead: `ctx-send > f` that was killed can't damage what another one
 * writes to f a moment later. A socket or a terminal, which ctxd could not wait for, gets its
 * bytes in the same way.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_RELAY_H
#define CTXD_RELAY_H

#include "base.h"

#include <pthread.h>

struct relay {
    int give;     /* what ctxd writes to: the output, or the end of a pipe */
    int out_fd;   /* borrowed */
    int read_fd;  /* our end of the pipe */
    bool to_file; /* the output is a regular file */
    bool owned;   /* give is ours to close */
    bool running; /* there is a thread */
    int result;   /* of the thread */
    pthread_t thread;
};

#define RELAY ((struct relay){.give = -1, .out_fd = -1, .read_fd = -1})

/* 0, or -errno: no pipe or no thread could be made. */
int relay_begin(struct relay *relay, int out_fd, struct failure *f) must_use;
/* Closes our copy of relay->give: from now on the daemon's end is the end of the stream. */
void relay_given(struct relay *relay);
/* Waits until all bytes are written and the daemon has closed its end. 0, or -errno with a
 * message: the output could not be written. */
int relay_end(struct relay *relay, struct failure *f) must_use;

#endif
