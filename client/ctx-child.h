/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the command of ctx watch. The command has a process group of its own, so that all
 * processes of a pipeline can be ended together, and ctx watch passes Ctrl-C on. Its standard
 * input is /dev/null.
 *
 *     r = ctx_child_start(&child, words, f);    child.pid is set
 *     ctx_child_end(&child);                    SIGTERM; SIGKILL later, by ctx_child_tick()
 *     if (ctx_child_reap(&child, text, n)) …    child.pid is 0 again
 *
 * Thread: one at a time.
 */
#ifndef CTXD_CTX_CHILD_H
#define CTXD_CTX_CHILD_H

#include "base.h"

#include <sys/types.h>

struct ctx_child {
    pid_t pid;         /* 0: no command runs */
    uint64_t began_ns; /* by clock_now_ns() */
    uint64_t kill_ns;  /* when to kill it, by the same clock; 0: it was not asked to end */
};

/* words ends in NULL; words[0] is looked up in PATH. */
int ctx_child_start(struct ctx_child *child, char **words, struct failure *f) must_use;
/* Passes a signal to the group. The command must then end within 5 seconds. */
void ctx_child_signal(struct ctx_child *child, int number);
/* Asks the group to end, with SIGTERM. The command must then end within 5 seconds. */
void ctx_child_end(struct ctx_child *child);
/* Kills the group if the time to end is over. The caller calls it when kill_ns is reached. */
void ctx_child_tick(struct ctx_child *child);
/*
 * Tells whether the command has ended since the last call, without waiting. If it has, text
 * says how, and the child can be started again.
 */
bool ctx_child_reap(struct ctx_child *child, char *text, size_t size);

#endif
