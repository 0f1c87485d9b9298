/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "chores.h"
#include "lanes.h"
#include "learner.h"
#include "listen.h"
#include "log.h"
#include "polls.h"
#include "session.h"
#include "thread-kind.h"
#include "wake.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Milliseconds between two looks at idle exit, chores and a listener that was stopped. */
#define CLOCK_MS 1000
/* How long requests may go on after the first SIGTERM, in ns; a second SIGTERM cancels them.
 * `ctx stop` waits ten seconds. */
#define END_GRACE_NS (7ull * 1000000000)
/*
 * Seconds from the first SIGTERM, and from the second, until the process ends whatever its
 * threads do: cancelled work ends within one, unless it hangs in a file system that doesn't
 * answer.
 */
#define END_HARD_S 9
#define END_HARD_AGAIN_S 3

struct loop {
    uv_loop_t uv;
    struct daemon *daemon;
    struct wake *wake;
    struct sessions *sessions;
    struct polls *polls;
    struct chores *chores;
    uv_poll_t listener;
    uv_timer_t clock;
    uv_signal_t signals[2];
    int listen_fd; /* -1: no longer listening */
    bool begun;    /* uv is initialized */
    bool ending;
    bool cut;           /* what ran was cancelled */
    uint64_t ending_ns; /* when the requests that still run are cancelled */
};

static void on_loop_connection(uv_poll_t *poll, int status, int events);

/* ---- ending ------------------------------------------------------------------------------ */

static void loop_close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void loop_stop_listening(struct loop *loop)
{
    if (loop->listen_fd < 0)
        return;
    loop_close_handle((uv_handle_t *)&loop->listener);
    close(steal_fd(&loop->listen_fd));
}

/* Whether answers by HTTP are being made or sent. http_stop() ends those that were cut. */
static bool loop_has_lanes(struct loop *loop)
{
    struct lanes_stats lanes;
    lanes_stats(loop->daemon, &lanes);
    return lanes.running || lanes.parked;
}

/* The last step, once no client is served: uv_run() returns when no handle is open. */
static void loop_end_if_quiet(struct loop *loop)
{
    if (!loop->ending || sessions_count(loop->sessions) || chores_running(loop->chores) ||
        learner_count(loop->daemon) || (!loop->cut && loop_has_lanes(loop)) ||
        wake_closed(loop->wake))
        return;
    lanes_end(loop->daemon);
    polls_end(loop->polls);
    wake_close(loop->wake);
    loop_close_handle((uv_handle_t *)&loop->clock);
    /* From here on SIGTERM is ignored: it must not kill us before the caches are closed.
     * SIGALRM must: see loop_end_hard(). */
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(loop->signals); i++) {
        loop_close_handle((uv_handle_t *)&loop->signals[i]);
        sigaction(i ? SIGINT : SIGTERM, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    }
}

/* All that runs ends within a second. */
static void loop_cut(struct loop *loop)
{
    loop->cut = true;
    sessions_end(loop->sessions, true);
    lanes_cancel(loop->daemon);
}

/* The last resort, if a thread hangs. Caches are files that a crash may leave at any time. */
static void on_loop_alarm(int number)
{
    static const char text[] = "ctxd: some work did not end in time: ended without it\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_FAILURE);
}

static void loop_end_hard(unsigned seconds)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGALRM);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_loop_alarm}, NULL);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    alarm(seconds);
}

/* The first call ends what has not begun; a second one cancels what runs. */
static void loop_end(struct loop *loop)
{
    bool again = loop->ending;
    if (!loop->cut)
        loop_end_hard(again ? END_HARD_AGAIN_S : END_HARD_S);
    if (!again) {
        log_event(LOG_INFO, "ending", "sessions=%zu", sessions_count(loop->sessions));
        loop->ending = true;
        loop->ending_ns = clock_now_ns() + END_GRACE_NS;
        loop_stop_listening(loop);
        lanes_refuse(loop->daemon);
        chores_cancel(loop->chores);
        learner_end(loop->daemon);
        wake_tick(loop->wake, true);
    }
    if (again)
        loop_cut(loop);
    else
        sessions_end(loop->sessions, false);
    wake_end(loop->wake);
}

/* ---- timers, signals, other threads ----------------------------------------------------- */

static void on_loop_tick(void *context)
{
    struct loop *loop = context;
    uint64_t now_ns = clock_now_ns();
    sessions_tick(loop->sessions, now_ns);
    if (loop->ending && now_ns > loop->ending_ns)
        loop_cut(loop);
    loop_end_if_quiet(loop);
}

static bool loop_is_idle(struct loop *loop)
{
    struct daemon *daemon = loop->daemon;
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    uint64_t idle_ns = daemon_quiet_ns(daemon);
    return daemon->config.idle_exit_s && !sessions_count(loop->sessions) && !lanes.running &&
           !lanes.waiting && !lanes.parked && !learner_count(daemon) &&
           idle_ns >= daemon->config.idle_exit_s * 1000000000;
}

/*
 * Starts accepting again. on_loop_connection() stops it when all places are taken or no
 * descriptor is left, so each closed session (which wakes the loop) and each second call this.
 */
static void loop_listen(struct loop *loop)
{
    if (loop->listen_fd >= 0 && !uv_is_active((uv_handle_t *)&loop->listener))
        uv_poll_start(&loop->listener, UV_READABLE, on_loop_connection);
}

/* If no client can find us any more, a second ctxd may begin beside us. */
static void loop_check_listener(struct loop *loop)
{
    struct daemon *daemon = loop->daemon;
    if (loop->ending || !daemon->listener ||
        listener_is_found(&daemon->config, daemon->listener))
        return;
    log_event(LOG_ERROR, "unreachable", "socket=%s why=%s",
              LOG_VALUE(bytes_of(daemon->config.socket)),
              LOG_VALUE(BYTES("it or its lock was removed or replaced")));
    daemon->unreachable = true;
    loop_end(loop);
}

static void on_loop_clock(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    loop_check_listener(loop);
    if (loop_is_idle(loop)) {
        log_event(LOG_INFO, "idle", "seconds=%llu",
                  (unsigned long long)loop->daemon->config.idle_exit_s);
        loop_end(loop);
        return;
    }
    loop_listen(loop);
    polls_look_at_roots(loop->polls);
    chores_look(loop->chores);
}

static void on_loop_signal(uv_signal_t *handle, int number)
{
    log_event(LOG_INFO, "signal", "number=%d", number);
    loop_end(handle->data);
}

static void on_loop_woken(void *context)
{
    struct loop *loop = context;
    if (wake_ending(loop->wake) && !loop->ending)
        loop_end(loop);
    polls_look_at_roots(loop->polls);
    loop_listen(loop);
    loop_end_if_quiet(loop);
}

/* ---- connections ------------------------------------------------------------------------ */

static void loop_begin_session(struct loop *loop, int fd)
{
    struct failure f = {0};
    if (proto_check_peer(fd, &f) < 0) {
        log_event(LOG_WARNING, "refused", "why=%s", LOG_VALUE(bytes_of(f.text)));
        close(fd);
        return;
    }
    daemon_touch(loop->daemon);
    session_begin(loop->sessions, fd);
}

/*
 * Accepts until the queue is empty (true), or until no place or descriptor is left (false).
 * Further connections stay in the socket's queue; if that is full, clients see -EAGAIN.
 */
static bool loop_accept_all(struct loop *loop)
{
    while (sessions_count(loop->sessions) < loop->daemon->config.max_clients) {
        int fd = accept4(loop->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            loop_begin_session(loop, fd);
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

static void on_loop_connection(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    /* The poll is level-triggered: with connections left in the queue the loop would spin. */
    if (!loop_accept_all(poll->data))
        uv_poll_stop(poll);
}

/* ---- life cycle -------------------------------------------------------------------------- */

static int loop_begin(struct loop *loop)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct wake_calls calls = {on_loop_woken, on_loop_tick, loop};
    int r = wake_new(loop->daemon, &loop->uv, &calls);
    loop->wake = loop->daemon->wake;
    r = r ? r : uv_timer_init(&loop->uv, &loop->clock);
    r = r ? r : uv_poll_init(&loop->uv, &loop->listener, loop->listen_fd);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(signals); i++) {
        r = uv_signal_init(&loop->uv, &loop->signals[i]);
        r = r ? r : uv_signal_start(&loop->signals[i], on_loop_signal, signals[i]);
        loop->signals[i].data = loop;
    }
    loop->clock.data = loop->listener.data = loop;
    r = r ? r : uv_timer_start(&loop->clock, on_loop_clock, CLOCK_MS, CLOCK_MS);
    return r ? r : uv_poll_start(&loop->listener, UV_READABLE, on_loop_connection);
}

static void on_loop_abort(int number)
{
    static const char text[] = "ctxd: the event loop: no descriptor or no memory is left; "
                               "raise the limit of open files "
                               "(ulimit -n)\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_FAILURE);
}

/* The first loop of a process makes a pipe for signals, and aborts if it can't. */
static int loop_init_uv(uv_loop_t *uv)
{
    struct sigaction ours = {.sa_handler = on_loop_abort}, theirs;
    sigaction(SIGABRT, &ours, &theirs);
    int r = uv_loop_init(uv);
    sigaction(SIGABRT, &theirs, NULL);
    return r;
}

int loop_new(struct daemon *daemon, int listen_fd, struct loop **ret, struct failure *f)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->daemon = daemon;
    loop->listen_fd = listen_fd;
    loop->chores = chores_new(daemon);
    loop->polls = polls_new(daemon, &loop->uv);
    loop->sessions = sessions_new(daemon, &loop->uv, loop->polls);
    *ret = loop;
    int r = loop_init_uv(&loop->uv);
    loop->begun = r == 0;
    r = r ? r : loop_begin(loop);
    return r ? fail(f, r, "the event loop: %s", uv_strerror(r)) : 0;
}

void loop_run(struct loop *loop)
{
    thread_begin(THREAD_LOOP);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void on_loop_left(uv_handle_t *handle, void *context)
{
    (void)context;
    loop_close_handle(handle);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->begun) {
        /* After loop_run() no handle is open; after a loop_new() that failed some are. */
        uv_walk(&loop->uv, on_loop_left, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        uv_loop_close(&loop->uv);
    }
    wake_free(loop->wake);
    sessions_free(loop->sessions);
    polls_free(loop->polls);
    chores_free(loop->chores);
    free(loop);
}
