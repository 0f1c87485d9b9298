/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command of ctx watch: in a process group of its own, so that all of a pipeline can be
 * ended and Ctrl-C is ours to pass on. It reads nothing from the terminal.
 *
 *     r = ctx_child_start(&child, words, f);    child.pid
 *     ctx_child_end(&child);                    SIGTERM, later SIGKILL: by ctx_child_tick()
 *     if (ctx_child_reap(&child, text, n)) …    child.pid is 0 again
 *
 * Thread: one at a time.
 */
#ifndef CTXD_CTX_CHILD_H
#define CTXD_CTX_CHILD_H

#include "base.h"

#include <sys/types.h>

struct ctx_child {
    pid_t pid; /* 0: none */
    uint64_t began_ns;
    uint64_t kill_ns; /* when it is killed; 0: not asked to end */
};

int ctx_child_start(struct ctx_child *child, char **words, struct failure *f) must_use;
/* Passes a signal on; it has as long to end as after ctx_child_end(). */
void ctx_child_signal(struct ctx_child *child, int number);
void ctx_child_end(struct ctx_child *child);
void ctx_child_tick(struct ctx_child *child);
/* Whether it has ended; text says how. */
bool ctx_child_reap(struct ctx_child *child, char *text, size_t size);

#endif
