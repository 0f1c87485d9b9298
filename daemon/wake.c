/* SPDX-License-Identifier: Apache-2.0 */
#include "wake.h"

#include "thread-kind.h"

#include <pthread.h>

/* Milliseconds between two ticks: for progress that a person reads, and for deadlines of
 * seconds. */
#define TICK_MS 100

struct wake {
    struct wake_calls calls;
    uv_async_t async;
    uv_timer_t ticks;
    size_t n_ticking;       /* how many want ticks */
    atomic_bool end_wanted; /* never false again */
    pthread_mutex_t lock;   /* guards done */
    struct wake_item *done; /* newest first */
};

static void on_wake_async(uv_async_t *async)
{
    struct wake *wake = async->data;
    pthread_mutex_lock(&wake->lock);
    struct wake_item *item = steal(&wake->done);
    pthread_mutex_unlock(&wake->lock);
    while (item) {
        struct wake_item *next = item->next;
        item->call(item->context);
        item = next;
    }
    wake->calls.woken(wake->calls.context);
}

static void on_wake_tick(uv_timer_t *timer)
{
    struct wake *wake = timer->data;
    wake->calls.ticked(wake->calls.context);
}

int wake_new(struct daemon *daemon, uv_loop_t *uv, const struct wake_calls *calls)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct wake *wake = xcalloc(1, sizeof(*wake));
    wake->calls = *calls;
    pthread_mutex_init(&wake->lock, NULL);
    daemon->wake = wake;
    int r = uv_async_init(uv, &wake->async, on_wake_async);
    r = r ? r : uv_timer_init(uv, &wake->ticks);
    wake->async.data = wake->ticks.data = wake;
    return r;
}

void wake_close(struct wake *wake)
{
    ASSERT_THREAD(THREAD_LOOP);
    uv_close((uv_handle_t *)&wake->async, NULL);
    uv_close((uv_handle_t *)&wake->ticks, NULL);
}

bool wake_closed(const struct wake *wake)
{
    ASSERT_THREAD(THREAD_LOOP);
    return uv_is_closing((const uv_handle_t *)&wake->async);
}

void wake_free(struct wake *wake)
{
    if (!wake)
        return;
    pthread_mutex_destroy(&wake->lock);
    free(wake);
}

void wake_up(struct wake *wake)
{
    uv_async_send(&wake->async);
}

void wake_done(struct wake *wake, struct wake_item *item)
{
    pthread_mutex_lock(&wake->lock);
    item->next = wake->done;
    wake->done = item;
    /* Sent with the lock held: once the loop has the item it may end, and free `wake`. */
    uv_async_send(&wake->async);
    pthread_mutex_unlock(&wake->lock);
}

void wake_end(struct wake *wake)
{
    atomic_store(&wake->end_wanted, true);
    uv_async_send(&wake->async);
}

bool wake_ending(const struct wake *wake)
{
    return atomic_load(&wake->end_wanted);
}

void wake_tick(struct wake *wake, bool wanted)
{
    ASSERT_THREAD(THREAD_LOOP);
    wake->n_ticking += wanted ? 1 : -(size_t)1;
    if (wake->n_ticking == 0)
        uv_timer_stop(&wake->ticks);
    else if (!uv_is_active((uv_handle_t *)&wake->ticks))
        uv_timer_start(&wake->ticks, on_wake_tick, TICK_MS, TICK_MS);
}
