/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places to work at. Whoever has one computes; whoever waits for a reader that takes nothing
 * has none, so that a slow or dead reader costs a thread and its memory, and nobody's turn.
 *
 *     queued -> running <-> parked        running: config.lanes at most
 *                  |          |           parked: PARKED_MAX at most; past it the
 *                  +-> done <-+                   oldest is cancelled
 */
#include "lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Requests that wait for a lane. The client of one more does its work itself. */
#define QUEUE_MAX 256
/* Streams whose readers have stopped: a thread and a few megabytes each. */
#define PARKED_MAX 64
/* Pools that are kept for the next request; each has threads. */
#define POOLS_KEPT 4

struct lane_state {
    struct lane lane;
    int cancel_read;
    atomic_int cancel_write; /* -1: closed, the request is cancelled */
    bool parked;
    bool quick;                       /* has no place */
    struct lane_state *newer, *older; /* in the list of parked ones */
};

struct lanes {
    struct daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a place became free, a job came, or the end */
    size_t max, running;
    size_t resuming; /* parked ones that could go on: they come first */
    size_t entering; /* threads of others, in lane_enter() */
    size_t n_queued, n_parked;
    struct lane_job *queue, **queue_last;
    struct lane_state *oldest, *newest; /* parked */
    size_t n_threads, n_idle;           /* workers; those that wait for a job */
    bool ending;
    struct pool *pools[POOLS_KEPT];
    size_t n_pools;
};

struct lanes *lanes_new(struct daemon *daemon)
{
    struct lanes *lanes = xcalloc(1, sizeof(*lanes));
    lanes->daemon = daemon;
    lanes->max = (size_t)daemon->config.lanes;
    lanes->queue_last = &lanes->queue;
    pthread_mutex_init(&lanes->lock, NULL);
    pthread_cond_init(&lanes->changed, NULL);
    return lanes;
}

static bool has_place__with_lock(const struct lanes *lanes)
{
    return lanes->running < lanes->max && lanes->resuming == 0;
}

/* ---- cancelling ------------------------------------------------------------------------ */

/* The request sees the other end of its pipe close. Once; any thread. */
static void cancel(struct lane_state *state)
{
    int fd = atomic_exchange(&state->cancel_write, -1);
    if (fd >= 0)
        close(fd);
}

void lane_job_cancel(struct lane_job *job)
{
    cancel(job->state);
}

bool lane_cancelled(const struct lane *lane)
{
    return atomic_load(&lane->state->cancel_write) < 0;
}

/* ---- parking --------------------------------------------------------------------------- */

static void unpark__with_lock(struct lanes *lanes, struct lane_state *state)
{
    *(state->older ? &state->older->newer : &lanes->oldest) = state->newer;
    *(state->newer ? &state->newer->older : &lanes->newest) = state->older;
    state->older = state->newer = NULL;
    state->parked = false;
    lanes->n_parked--;
}

static void park(struct lanes *lanes, struct lane_state *state)
{
    pthread_mutex_lock(&lanes->lock);
    state->parked = true;
    state->older = lanes->newest;
    *(lanes->newest ? &lanes->newest->newer : &lanes->oldest) = state;
    lanes->newest = state;
    lanes->running--;
    if (++lanes->n_parked > PARKED_MAX) {
        /* It leaves the list when it has seen that; the next one may be cancelled meanwhile. */
        struct lane_state *victim = lanes->oldest;
        while (victim && atomic_load(&victim->cancel_write) < 0)
            victim = victim->newer;
        if (victim)
            cancel(victim);
    }
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    count(&lanes->daemon->counters.parked, 1);
}

static void resume(struct lanes *lanes, struct lane_state *state)
{
    pthread_mutex_lock(&lanes->lock);
    unpark__with_lock(lanes, state);
    lanes->resuming++;
    /* One that was cancelled has only to leave. */
    while (lanes->running >= lanes->max && !lanes->ending &&
           atomic_load(&state->cancel_write) >= 0)
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    lanes->resuming--;
    lanes->running++;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

static void on_stalled(void *context, bool stalled)
{
    struct lane_state *state = context;
    if (stalled != state->parked)
        (stalled ? park : resume)(state->lane.daemon->lanes, state);
}

/* ---- a lane's life --------------------------------------------------------------------- */

/* NULL, and errno says why: no descriptors. */
static struct lane_state *state_new(struct daemon *daemon)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    struct lane_state *state = xcalloc(1, sizeof(*state));
    state->cancel_read = ends[0];
    atomic_init(&state->cancel_write, ends[1]);
    state->lane = (struct lane){
        .daemon = daemon,
        .hooks = {.context = state, .cancel_fd = ends[0], .stalled = on_stalled},
        .state = state,
    };
    return state;
}

static void state_free(struct lane_state *state)
{
    cancel(state);
    close(state->cancel_read);
    free(state);
}

static void take_pool(struct lanes *lanes, struct lane *lane)
{
    pthread_mutex_lock(&lanes->lock);
    if (lanes->n_pools)
        lane->pool = lanes->pools[--lanes->n_pools];
    pthread_mutex_unlock(&lanes->lock);
    if (!lane->pool)
        lane->pool = pool_new(0);
}

/* Gives the place back. */
static void leave(struct lanes *lanes, struct lane_state *state)
{
    struct pool *spare = steal(&state->lane.pool);
    pthread_mutex_lock(&lanes->lock);
    if (state->parked)
        unpark__with_lock(lanes, state);
    else if (!state->quick)
        lanes->running--;
    if (lanes->n_pools < POOLS_KEPT && !lanes->ending)
        lanes->pools[lanes->n_pools++] = steal(&spare);
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    pool_free(spare);
    daemon_touch(lanes->daemon);
}

int lane_enter(struct daemon *daemon, struct lane **ret, struct failure *f)
{
    struct lanes *lanes = daemon->lanes;
    struct lane_state *state = state_new(daemon);
    int r = 0;
    if (!state)
        return fail_errno(f, -errno, "a pipe");
    pthread_mutex_lock(&lanes->lock);
    if (lanes->entering >= QUEUE_MAX)
        r = -EBUSY;
    lanes->entering++;
    while (r == 0 && !lanes->ending && !has_place__with_lock(lanes))
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    lanes->entering--;
    if (lanes->ending)
        r = -ESHUTDOWN;
    if (r == 0)
        lanes->running++;
    pthread_mutex_unlock(&lanes->lock);
    if (r < 0) {
        state_free(state);
        return fail(f, r, r == -EBUSY ? "too many requests at once" : "the daemon ends");
    }
    take_pool(lanes, &state->lane);
    *ret = &state->lane;
    return 0;
}

void lane_leave(struct lane *lane)
{
    struct lane_state *state = lane->state;
    leave(lane->daemon->lanes, state);
    state_free(state);
}

/* ---- workers --------------------------------------------------------------------------- */

/* Called and returns with the lock held. */
static void run_job__with_lock(struct lanes *lanes)
{
    struct lane_job *job = lanes->queue;
    lanes->queue = job->next;
    if (!lanes->queue)
        lanes->queue_last = &lanes->queue;
    lanes->n_queued--;
    struct lane_state *state = job->state;
    state->quick = job->quick;
    if (!job->quick)
        lanes->running++;
    pthread_mutex_unlock(&lanes->lock);
    take_pool(lanes, &state->lane);
    job->work(job, &state->lane);
    leave(lanes, state);
    /* From here on the job is the loop's: it may be freed, and its state with it. */
    job->done(job);
    pthread_mutex_lock(&lanes->lock);
}

static bool may_run__with_lock(const struct lanes *lanes)
{
    return lanes->queue &&
           (lanes->queue->quick || lanes->ending || has_place__with_lock(lanes));
}

static void *worker(void *arg)
{
    struct lanes *lanes = arg;
    pthread_mutex_lock(&lanes->lock);
    for (;;) {
        /* What waits at the end is run, too: it is cancelled, and somebody waits for it. */
        while (!may_run__with_lock(lanes) && !(lanes->ending && !lanes->queue)) {
            lanes->n_idle++;
            pthread_cond_wait(&lanes->changed, &lanes->lock);
            lanes->n_idle--;
        }
        if (!lanes->queue)
            break;
        run_job__with_lock(lanes);
    }
    lanes->n_threads--;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

static int start_worker__with_lock(struct lanes *lanes)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&thread, &attributes, worker, lanes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    if (r == 0)
        lanes->n_threads++;
    return -r;
}

int lane_job_submit(struct daemon *daemon, struct lane_job *job)
{
    struct lanes *lanes = daemon->lanes;
    int r = 0;
    job->state = state_new(daemon);
    if (!job->state)
        return -errno;
    pthread_mutex_lock(&lanes->lock);
    if (lanes->ending)
        r = -ESHUTDOWN;
    else if (lanes->n_queued >= QUEUE_MAX)
        r = -EBUSY;
    if (r == 0 && lanes->n_idle <= lanes->n_queued &&
        lanes->n_threads < lanes->max + PARKED_MAX)
        r = start_worker__with_lock(lanes);
    /* A thread less is no failure while there is one. */
    if (r == -EAGAIN && lanes->n_threads > 0)
        r = 0;
    if (r == 0) {
        struct lane_job **at = job->quick ? &lanes->queue : lanes->queue_last;
        job->next = *at;
        *at = job;
        if (!job->next)
            lanes->queue_last = &job->next;
        lanes->n_queued++;
        pthread_cond_broadcast(&lanes->changed);
    }
    pthread_mutex_unlock(&lanes->lock);
    if (r < 0)
        state_free(steal(&job->state));
    return r;
}

void lane_job_release(struct lane_job *job)
{
    if (job->state)
        state_free(steal(&job->state));
}

void lanes_stats(struct daemon *daemon, struct lanes_stats *ret)
{
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    *ret = (struct lanes_stats){
        .running = lanes->running,
        .waiting = lanes->n_queued + lanes->entering + lanes->resuming,
        .parked = lanes->n_parked,
        .threads = lanes->n_threads,
    };
    pthread_mutex_unlock(&lanes->lock);
}

void lanes_end(struct daemon *daemon)
{
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    lanes->ending = true;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

void lanes_free(struct lanes *lanes)
{
    if (!lanes)
        return;
    pthread_mutex_lock(&lanes->lock);
    while (lanes->n_threads || lanes->entering)
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
    for (size_t i = 0; i < lanes->n_pools; i++)
        pool_free(lanes->pools[i]);
    pthread_cond_destroy(&lanes->changed);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}
