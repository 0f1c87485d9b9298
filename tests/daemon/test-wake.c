/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "thread-kind.h"
#include "wake.h"

#include <pthread.h>

enum { ITEMS = 1000, THREADS = 4 };

struct fixture {
    uv_loop_t uv;
    struct daemon daemon;
    size_t n_wanted; /* items that must be called before the loop ends */
    size_t n_called, n_called_at_woken, n_woken, n_ticked;
    bool off_loop; /* a call came on another thread */
};

struct job {
    struct fixture *x;
    struct wake_item item;
};

static void on_item(void *context)
{
    struct job *job = context;
    job->x->n_called++;
    job->x->off_loop |= !thread_is(THREAD_LOOP);
    free(job);
}

static void on_woken(void *context)
{
    struct fixture *x = context;
    x->n_woken++;
    x->n_called_at_woken = x->n_called;
    /* wake_end() can be seen while the last items still wait for the next call. */
    if (wake_ending(x->daemon.wake) && x->n_called == x->n_wanted &&
        !wake_closed(x->daemon.wake))
        wake_close(x->daemon.wake);
}

static void on_ticked(void *context)
{
    struct fixture *x = context;
    if (++x->n_ticked == 2) {
        wake_tick(x->daemon.wake, false);
        wake_end(x->daemon.wake);
    }
}

static void fixture_begin(struct fixture *x)
{
    struct wake_calls calls = {on_woken, on_ticked, x};
    *x = (struct fixture){0};
    if (uv_loop_init(&x->uv) || wake_new(&x->daemon, &x->uv, &calls))
        abort();
}

static void fixture_end(struct fixture *x)
{
    uv_loop_close(&x->uv);
    wake_free(x->daemon.wake);
}

static void *finish_jobs(void *context)
{
    struct fixture *x = context;
    thread_begin(THREAD_LANE);
    for (int i = 0; i < ITEMS; i++) {
        struct job *job = xcalloc(1, sizeof(*job));
        job->x = x;
        job->item = (struct wake_item){.call = on_item, .context = job};
        wake_done(x->daemon.wake, &job->item);
    }
    return NULL;
}

static void *end_when_joined(void *context)
{
    struct fixture *x = context;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, finish_jobs, x))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wake_end(x->daemon.wake);
    return NULL;
}

static void test_items(void)
{
    tap_case("the loop calls each item of four threads once");
    struct fixture x;
    pthread_t thread;
    fixture_begin(&x);
    x.n_wanted = ITEMS * THREADS;
    if (pthread_create(&thread, NULL, end_when_joined, &x))
        abort();
    uv_run(&x.uv, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    TAP_CHECK(x.n_called == ITEMS * THREADS && !x.off_loop);

    tap_case("the loop is woken after the last item");
    TAP_CHECK(x.n_woken > 0 && x.n_called_at_woken == x.n_called);
    fixture_end(&x);
}

static void test_ticks(void)
{
    tap_case("the loop ticks while ticks are wanted, and knows when it is to end");
    struct fixture x;
    fixture_begin(&x);
    TAP_CHECK(!wake_ending(x.daemon.wake));
    wake_tick(x.daemon.wake, true);
    wake_tick(x.daemon.wake, true);
    wake_tick(x.daemon.wake, false);
    uv_run(&x.uv, UV_RUN_DEFAULT);
    TAP_CHECK(x.n_ticked == 2 && wake_ending(x.daemon.wake));
    fixture_end(&x);
}

int main(void)
{
    thread_begin(THREAD_LOOP);
    test_items();
    test_ticks();
    return tap_end();
}
