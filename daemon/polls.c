/* SPDX-License-Identifier: Apache-2.0 */
#include "polls.h"

#include "log.h"
#include "thread-kind.h"
#include "wake.h"
#include "watch.h"

#include <assert.h>

struct polls {
    struct daemon *daemon;
    uv_loop_t *uv;
};

struct waiter {
    void (*changed)(void *context, uint64_t seq);
    void *context;
    struct waiter *next;
};

/* What the loop keeps for one root; root_polled(root) returns it. */
struct polled {
    struct daemon *daemon;
    struct root *root;
    uv_poll_t events, mounts;
    unsigned n_handles; /* how many of the two are open: events first */
    bool free_root;     /* also free the root when both handles are closed */
    bool listening;     /* to events */
    struct waiter *waiters;
};

static uint64_t polls_seq(struct root *root)
{
    struct watch_stats stats;
    watch_stats(root->watch, &stats);
    return stats.n_events;
}

static void on_polled_events(uv_poll_t *handle, int status, int events)
{
    struct polled *polled = handle->data;
    (void)status, (void)events;
    /* The events stay in the queue, so the descriptor stays readable until the next answer. */
    uv_poll_stop(handle);
    polled->listening = false;
    uint64_t seq = polls_seq(polled->root);
    while (polled->waiters) {
        struct waiter *waiter = polled->waiters;
        polled->waiters = waiter->next;
        waiter->changed(waiter->context, seq);
        free(waiter);
    }
}

static void on_polled_mounts(uv_poll_t *handle, int status, int events)
{
    struct polled *polled = handle->data;
    (void)status, (void)events;
    watch_mounts_changed(polled->root->watch);
    if (watch_is_elsewhere(polled->root->watch)) {
        root_replaced(polled->daemon, polled->root);
        wake_up(polled->daemon->wake);
    }
    /* The table changes whenever any container starts. Only a mount below the root matters, and
     * there was none when the session began to wait. */
    struct watch_stats stats;
    watch_stats(polled->root->watch, &stats);
    if (stats.n_mounts)
        on_polled_events(&polled->events, 0, 0);
}

static void polled_begin(struct polls *polls, struct root *root)
{
    struct polled *polled = xcalloc(1, sizeof(*polled));
    polled->daemon = polls->daemon;
    polled->root = root;
    root_set_polled(root, polled);
    polled->events.data = polled->mounts.data = polled;
    if (uv_poll_init(polls->uv, &polled->events, watch_fd(root->watch)) == 0)
        polled->n_handles = 1;
    if (polled->n_handles == 1 &&
        uv_poll_init(polls->uv, &polled->mounts, watch_mounts_fd(root->watch)) == 0)
        polled->n_handles = 2;
    if (polled->n_handles == 2)
        uv_poll_start(&polled->mounts, UV_PRIORITIZED, on_polled_mounts);
    else
        log_event(LOG_WARNING, "unpolled", "root=%s", LOG_VALUE(root->path));
}

static void polled_free(struct polled *polled)
{
    if (polled->free_root)
        root_free(polled->root);
    free(polled);
}

static void on_polled_closed(uv_handle_t *handle)
{
    struct polled *polled = handle->data;
    if (--polled->n_handles == 0)
        polled_free(polled);
}

static void polled_end(struct polled *polled, bool free_root)
{
    polled->free_root = free_root;
    unsigned n = polled->n_handles;
    if (n == 0)
        polled_free(polled);
    if (n >= 1)
        uv_close((uv_handle_t *)&polled->events, on_polled_closed);
    if (n == 2)
        uv_close((uv_handle_t *)&polled->mounts, on_polled_closed);
}

struct polls *polls_new(struct daemon *daemon, uv_loop_t *uv)
{
    struct polls *polls = xcalloc(1, sizeof(*polls));
    polls->daemon = daemon;
    polls->uv = uv;
    return polls;
}

void polls_free(struct polls *polls)
{
    free(polls);
}

void polls_look_at_roots(struct polls *polls)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct root *root;
    while ((root = roots_unpolled(polls->daemon)))
        polled_begin(polls, root);
    while ((root = roots_surplus(polls->daemon))) {
        log_event(LOG_INFO, "root-gone", "path=%s", LOG_VALUE(root->path));
        if (root_polled(root))
            polled_end(root_polled(root), true);
        else
            root_free(root);
    }
}

static void polls_end_one(void *context, struct root *root)
{
    (void)context;
    struct polled *polled = root_polled(root);
    if (polled)
        polled_end(polled, false);
}

void polls_end(struct polls *polls)
{
    ASSERT_THREAD(THREAD_LOOP);
    polls_look_at_roots(polls);
    roots_each(polls->daemon, polls_end_one, NULL);
}

bool polls_moved(struct root *root, uint64_t since, uint64_t *ret_seq)
{
    ASSERT_THREAD(THREAD_LOOP);
    *ret_seq = polls_seq(root);
    return *ret_seq != since;
}

bool polls_can_wait(struct polls *polls, struct root *root)
{
    ASSERT_THREAD(THREAD_LOOP);
    polls_look_at_roots(polls);
    return root_polled(root) && root_polled(root)->n_handles == 2;
}

bool polls_wait(struct root *root, uint64_t since, void (*changed)(void *context, uint64_t seq),
                void *context, uint64_t *ret_seq)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct polled *polled = root_polled(root);
    assert(polled && polled->n_handles == 2);
    if (polls_moved(root, since, ret_seq))
        return true;
    struct waiter *waiter = xcalloc(1, sizeof(*waiter));
    *waiter = (struct waiter){changed, context, polled->waiters};
    polled->waiters = waiter;
    if (!polled->listening)
        uv_poll_start(&polled->events, UV_READABLE, on_polled_events);
    polled->listening = true;
    return false;
}

void polls_forget(struct polls *polls, struct root *root, const void *context)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct polled *polled = root_polled(root);
    for (struct waiter **at = polled ? &polled->waiters : NULL; at && *at;) {
        struct waiter *waiter = *at;
        if (waiter->context != context) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        free(waiter);
    }
    root_put(polls->daemon, root);
}
