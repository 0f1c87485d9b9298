/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of thread a function runs on. A thread names its kind once, when it begins, and a
 * function whose header says "Thread: loop" asserts it:
 *
 *     thread_begin(THREAD_LOOP);
 *     …
 *     ASSERT_THREAD(THREAD_LOOP);
 *
 * A thread that never named its kind passes every assertion. So programs of one thread, and
 * tests that call a single function, need not call thread_begin().
 *
 * Thread: any.
 */
#ifndef CTXD_THREAD_KIND_H
#define CTXD_THREAD_KIND_H

#include <assert.h>
#include <stdbool.h>

enum thread_kind {
    THREAD_LOOP = 1 << 0,     /* ctxd: the only one that calls libuv */
    THREAD_LANE = 1 << 1,     /* ctxd: runs one request of the socket */
    THREAD_HTTP = 1 << 2,     /* ctxd: one connection of libmicrohttpd */
    THREAD_POOL = 1 << 3,     /* any program: pure fan-out (pool.h) */
    THREAD_DATABASE = 1 << 4, /* ctxd: writes the hash database */
    THREAD_PROGRESS = 1 << 5, /* ctx-send: draws the progress line */
    THREAD_RELAY = 1 << 6,    /* ctx-send: passes a stream of ctxd on to the output */
    THREAD_LEARNER = 1 << 7,  /* ctxd: learns what a stream passed on */
};

/* Names the kind of the calling thread, until the thread ends. */
void thread_begin(enum thread_kind kind);
/* Whether the calling thread is of one of `kinds` (ORed), or never named its kind. */
bool thread_is(unsigned kinds);

#define ASSERT_THREAD(kinds) assert(thread_is(kinds))

#endif
