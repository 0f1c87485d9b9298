/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#define TICK_MS 100
/* Idle exit and chores are looked at so often. */
#define CLOCK_MS 1000
/* Streams that run when the end is asked for have so long; a second SIGTERM cuts them. */
#define END_GRACE_NS (10ull * 1000000000)

static void listen_on(struct loop *loop);

/* ---- ending ------------------------------------------------------------------------------ */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void stop_listening(struct loop *loop)
{
    if (loop->listen_fd < 0)
        return;
    close_handle((uv_handle_t *)&loop->listener);
    close(steal_fd(&loop->listen_fd));
}

/* The last step, once nobody is served: without handles uv_run() returns. */
static void end_if_quiet(struct loop *loop)
{
    if (!loop->ending || loop->sessions || chores_running(loop->work) ||
        uv_is_closing((uv_handle_t *)&loop->woken))
        return;
    lanes_end(loop->daemon);
    polls_end(loop);
    close_handle((uv_handle_t *)&loop->woken);
    close_handle((uv_handle_t *)&loop->clock);
    close_handle((uv_handle_t *)&loop->ticks);
    /* A second SIGTERM must not cut what follows short: caches are closed. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(loop->signals); i++) {
        close_handle((uv_handle_t *)&loop->signals[i]);
        sigaction(i ? SIGINT : SIGTERM, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    }
}

void loop_end(struct loop *loop)
{
    bool again = loop->ending;
    if (!again) {
        log_event(LOG_INFO, "ending", "sessions=%zu", loop->n_sessions);
        loop->ending = true;
        loop->ending_ns = clock_now_ns() + END_GRACE_NS;
        atomic_store(&loop->daemon->ending, true);
        stop_listening(loop);
        chores_cancel(loop->work);
        loop_tick(loop, true);
    }
    sessions_end(loop, again);
    uv_async_send(&loop->woken);
}

/* ---- timers, signals, other threads ----------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    uint64_t now_ns = clock_now_ns();
    sessions_tick(loop, now_ns);
    if (loop->ending && now_ns > loop->ending_ns)
        sessions_end(loop, true);
    end_if_quiet(loop);
}

void loop_tick(struct loop *loop, bool wanted)
{
    loop->n_ticking += wanted ? 1 : -(size_t)1;
    if (loop->n_ticking == 0)
        uv_timer_stop(&loop->ticks);
    else if (!uv_is_active((uv_handle_t *)&loop->ticks))
        uv_timer_start(&loop->ticks, on_tick, TICK_MS, TICK_MS);
}

static bool is_idle(struct loop *loop)
{
    struct daemon *daemon = loop->daemon;
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    uint64_t idle_ns = daemon_quiet_ns(daemon);
    return daemon->config.idle_exit_s && !loop->sessions && !lanes.running && !lanes.waiting &&
           !lanes.parked && idle_ns >= daemon->config.idle_exit_s * 1000000000;
}

static void on_clock(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    if (is_idle(loop)) {
        log_event(LOG_INFO, "idle", "seconds=%llu",
                  (unsigned long long)loop->daemon->config.idle_exit_s);
        loop_end(loop);
        return;
    }
    /* Full before, perhaps not now. */
    listen_on(loop);
    chores_look(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    log_event(LOG_INFO, "signal", "number=%d", number);
    loop_end(handle->data);
}

static void on_woken(uv_async_t *async)
{
    struct loop *loop = async->data;
    pthread_mutex_lock(&loop->lock);
    struct work *work = steal(&loop->done);
    pthread_mutex_unlock(&loop->lock);
    while (work) {
        struct work *next = work->next;
        session_finished(work);
        work = next;
    }
    chores_reap(loop);
    polls_look_at_roots(loop);
    end_if_quiet(loop);
}

void loop_look_at_roots(struct daemon *daemon)
{
    uv_async_send(&daemon->loop->woken);
}

/* ---- connections ------------------------------------------------------------------------ */

static void accept_one(struct loop *loop, int fd)
{
    struct failure f = {0};
    if (proto_check_peer(fd, &f) < 0) {
        log_event(LOG_WARNING, "refused", "why=%s", LOG_VALUE(bytes_of(f.text)));
        close(fd);
        return;
    }
    daemon_touch(loop->daemon);
    session_begin(loop, fd);
}

/* Past the maximum they stay in the socket's queue, and past that clients see -EAGAIN. true:
 * all are in. */
static bool accept_all(struct loop *loop)
{
    while (loop->n_sessions < loop->daemon->config.max_clients) {
        int fd = accept4(loop->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_one(loop, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EAGAIN)
            return true;
        log_event(LOG_ERROR, "accept", "why=%s", LOG_VALUE(bytes_of(strerror(errno))));
        break;
    }
    return false;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    /* Level-triggered: a queue that we leave alone would spin the loop. */
    if (!accept_all(poll->data))
        uv_poll_stop(poll);
}

/* Where it was stopped, since it was full or had no descriptors: when a session is closed, and
 * each second. */
static void listen_on(struct loop *loop)
{
    if (loop->listen_fd >= 0 && !uv_is_active((uv_handle_t *)&loop->listener))
        uv_poll_start(&loop->listener, UV_READABLE, on_connection);
}

void loop_session_closed(struct loop *loop)
{
    listen_on(loop);
    /* At the end the last one to go decides. */
    if (loop->ending)
        uv_async_send(&loop->woken);
}

/* ---- its life --------------------------------------------------------------------------- */

static int begin(struct loop *loop)
{
    static const int signals[] = {SIGTERM, SIGINT};
    int r = uv_async_init(&loop->uv, &loop->woken, on_woken);
    r = r ? r : uv_timer_init(&loop->uv, &loop->clock);
    r = r ? r : uv_timer_init(&loop->uv, &loop->ticks);
    r = r ? r : uv_poll_init(&loop->uv, &loop->listener, loop->listen_fd);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(signals); i++) {
        r = uv_signal_init(&loop->uv, &loop->signals[i]);
        r = r ? r : uv_signal_start(&loop->signals[i], on_signal, signals[i]);
        loop->signals[i].data = loop;
    }
    loop->woken.data = loop->clock.data = loop->ticks.data = loop->listener.data = loop;
    r = r ? r : uv_timer_start(&loop->clock, on_clock, CLOCK_MS, CLOCK_MS);
    return r ? r : uv_poll_start(&loop->listener, UV_READABLE, on_connection);
}

int loop_new(struct daemon *daemon, int listen_fd, struct failure *f)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->daemon = daemon;
    loop->listen_fd = listen_fd;
    loop->work = chores_new(daemon);
    pthread_mutex_init(&loop->lock, NULL);
    daemon->loop = loop;
    int r = uv_loop_init(&loop->uv);
    r = r ? r : begin(loop);
    return r ? fail(f, r, "the event loop: %s", uv_strerror(r)) : 0;
}

void loop_run(struct daemon *daemon)
{
    uv_run(&daemon->loop->uv, UV_RUN_DEFAULT);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    uv_loop_close(&loop->uv);
    chores_free(loop->work);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}
