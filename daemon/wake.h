/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How other threads reach the loop, the loop's fast timer, and the wish that it end. Sessions,
 * requests, chores and roots call this file; none of them calls loop.c.
 *
 *     wake_up(wake);               any thread: the loop looks at roots and places again
 *     wake_done(wake, &item);      a lane has finished: the loop calls item.call(item.context)
 *     wake_end(wake);              any thread: the loop ends
 *     wake_tick(wake, true);       loop: ten ticks a second, until wake_tick(wake, false)
 *
 * uv_async_send() is the only function of libuv that may be called outside the loop's thread,
 * and only wake.c calls it.
 *
 * The lock: only the functions of wake.c take it. wake_done() takes it on a lane's thread to
 * add one item, the loop takes it to take the whole list. It is held for a few instructions;
 * nothing is called under it but uv_async_send(), and no other lock is taken.
 */
#ifndef CTXD_WAKE_H
#define CTXD_WAKE_H

#include "daemon.h"

#include <uv.h>

/* Something for the loop to do; embedded in the struct of the caller, which owns it. */
struct wake_item {
    void (*call)(void *context); /* Thread: loop. It may free the item. */
    void *context;
    struct wake_item *next; /* wake.c's */
};

/* What the loop is to do. Thread of all calls: loop. */
struct wake_calls {
    void (*woken)(void *context);  /* after each wake-up, when all items are done */
    void (*ticked)(void *context); /* ten times a second, while somebody wants it */
    void *context;
};

/*
 * Makes the loop of `uv` reachable; sets daemon->wake, also if it fails. 0, or libuv's error.
 * Thread: loop.
 */
int wake_new(struct daemon *daemon, uv_loop_t *uv, const struct wake_calls *calls) must_use;
/* Closes the handles, so that uv_run() can return. Thread: loop. */
void wake_close(struct wake *wake);
/* Whether wake_close() was called. Thread: loop. */
bool wake_closed(const struct wake *wake);
/* Call it after the last thread that may wake the loop has ended. NULL is fine. */
void wake_free(struct wake *wake);

/* Makes the loop call woken() soon. Thread: any. */
void wake_up(struct wake *wake);
/*
 * Makes the loop call item->call() soon. The item must live until then; the caller must not
 * touch it after this, because the loop may free it at once. Thread: any but the loop.
 */
void wake_done(struct wake *wake, struct wake_item *item);

/* Asks the loop to end. Thread: any. */
void wake_end(struct wake *wake);
/* Whether the loop was asked to end. Thread: any. */
bool wake_ending(const struct wake *wake);

/* One more wants ticks, or one fewer. Thread: loop. */
void wake_tick(struct wake *wake, bool wanted);

#endif
