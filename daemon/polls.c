/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watches of the roots on the loop. Events themselves are read by whoever makes a tree;
 * here the loop only sees that there are some, for who waits for that, and that the mount table
 * changed, which must be noted at once: a mount may be gone again at the next answer. Where a
 * tree is made in the instant that an event came, the loop sees none: so who waits asks for the
 * number of those read as well (polls_moved()).
 */
#include "loop.h"
#include "watch.h"

struct waiter {
    struct session *session;
    struct waiter *next;
};

struct polled {
    struct loop *loop;
    struct root *root;
    uv_poll_t events, mounts;
    unsigned n_handles; /* that are open */
    bool free_root;     /* when they are closed */
    bool listening;     /* to events */
    struct waiter *waiters;
};

static uint64_t events_of(struct root *root)
{
    struct watch_stats stats;
    watch_stats(root->watch, &stats);
    return stats.n_events;
}

static void on_events(uv_poll_t *handle, int status, int events)
{
    struct polled *polled = handle->data;
    (void)status, (void)events;
    /* They stay in the queue, so the descriptor stays readable until the next answer. */
    uv_poll_stop(handle);
    polled->listening = false;
    uint64_t seq = events_of(polled->root);
    while (polled->waiters) {
        struct waiter *waiter = polled->waiters;
        polled->waiters = waiter->next;
        session_changed(waiter->session, seq);
        free(waiter);
    }
}

static void on_mounts(uv_poll_t *handle, int status, int events)
{
    struct polled *polled = handle->data;
    (void)status, (void)events;
    watch_mounts_changed(polled->root->watch);
    /* Each container that starts changes the table. Who waits had no mount in its root. */
    struct watch_stats stats;
    watch_stats(polled->root->watch, &stats);
    if (stats.n_mounts)
        on_events(&polled->events, 0, 0);
}

static void begin(struct loop *loop, struct root *root)
{
    struct polled *polled = xcalloc(1, sizeof(*polled));
    polled->loop = loop;
    polled->root = root;
    root_set_polled(root, polled);
    polled->events.data = polled->mounts.data = polled;
    if (uv_poll_init(&loop->uv, &polled->events, watch_fd(root->watch)) == 0)
        polled->n_handles = 1;
    if (polled->n_handles == 1 &&
        uv_poll_init(&loop->uv, &polled->mounts, watch_mounts_fd(root->watch)) == 0)
        polled->n_handles = 2;
    if (polled->n_handles == 2)
        uv_poll_start(&polled->mounts, UV_PRIORITIZED, on_mounts);
    else
        log_event(LOG_WARNING, "unpolled", "root=%s", LOG_VALUE(root->path));
}

static void ended(struct polled *polled)
{
    if (polled->free_root)
        root_free(polled->root);
    free(polled);
}

static void on_closed(uv_handle_t *handle)
{
    struct polled *polled = handle->data;
    if (--polled->n_handles == 0)
        ended(polled);
}

static void end(struct polled *polled, bool free_root)
{
    polled->free_root = free_root;
    unsigned n = polled->n_handles;
    if (n == 0)
        ended(polled);
    if (n >= 1)
        uv_close((uv_handle_t *)&polled->events, on_closed);
    if (n == 2)
        uv_close((uv_handle_t *)&polled->mounts, on_closed);
}

void polls_look_at_roots(struct loop *loop)
{
    struct root *root;
    while ((root = roots_unpolled(loop->daemon)))
        begin(loop, root);
    while ((root = roots_surplus(loop->daemon))) {
        log_event(LOG_INFO, "root-gone", "path=%s", LOG_VALUE(root->path));
        if (root_polled(root))
            end(root_polled(root), true);
        else
            root_free(root);
    }
}

static void end_one(void *context, struct root *root)
{
    (void)context;
    struct polled *polled = root_polled(root);
    if (polled)
        end(polled, false);
}

void polls_end(struct loop *loop)
{
    polls_look_at_roots(loop);
    roots_each(loop->daemon, end_one, NULL);
}

bool polls_moved(struct root *root, uint64_t since, uint64_t *ret_seq)
{
    *ret_seq = events_of(root);
    return *ret_seq != since;
}

bool polls_wait(struct loop *loop, struct session *session, struct root *root, uint64_t since,
                uint64_t *ret_seq)
{
    polls_look_at_roots(loop);
    struct polled *polled = root_polled(root);
    if (polls_moved(root, since, ret_seq) || !polled || polled->n_handles < 2)
        return true;
    struct waiter *waiter = xcalloc(1, sizeof(*waiter));
    waiter->session = session;
    waiter->next = polled->waiters;
    polled->waiters = waiter;
    if (!polled->listening)
        uv_poll_start(&polled->events, UV_READABLE, on_events);
    polled->listening = true;
    return false;
}

void polls_forget(struct loop *loop, struct session *session, struct root *root)
{
    struct polled *polled = root_polled(root);
    for (struct waiter **at = polled ? &polled->waiters : NULL; at && *at;) {
        struct waiter *waiter = *at;
        if (waiter->session != session) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        free(waiter);
    }
    root_put(loop->daemon, root);
}
