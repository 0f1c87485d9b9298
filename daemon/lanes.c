/* SPDX-License-Identifier: Apache-2.0 */
#include "lanes.h"

#include "thread-kind.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

/* Requests that may wait for a lane. The client of one more does its work itself. */
#define QUEUE_MAX 256
/* Streams whose readers have stopped. Each costs a thread and a few megabytes. */
#define PARKED_MAX 64
/* Pools that are kept for the next requests: as many as there are lanes by default. Each has
 * threads. */
#define POOLS_KEPT 4

struct lane_state {
    struct lane lane;
    int cancel_read;
    int cancel_write;      /* -1: it is closed; guarded by lanes->lock */
    atomic_bool cancelled; /* never false again; set with the lock held */
    /* Written with the lock held; read without it by those who write it: the request's thread,
     * and the watchdog of HTTP. The lock of an answer (http-answer.c) admits one of the two. */
    bool parked;
    bool quick;                       /* it runs without a place */
    struct lane_state *newer, *older; /* in the list of parked ones; guarded by lanes->lock */
    struct lane_state *next, *prev;   /* in the list of all; guarded by lanes->lock */
};

struct lanes {
    struct daemon *daemon;
    size_t max;             /* config.lanes */
    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t changed; /* a place became free, a job was queued, or the end began */
    size_t running;         /* places that are taken */
    size_t resuming;        /* parked requests whose readers go on: they get a place first */
    size_t entering;        /* threads of HTTP that wait in lane_enter() */
    size_t n_queued, n_parked;
    struct lane_job *queue, **queue_last;
    struct lane_state *oldest, *newest; /* parked */
    struct lane_state *first;           /* of all: queued, running and parked */
    size_t n_threads, n_idle;           /* workers; the workers that wait for a job */
    bool refusing; /* no new request, but those that have a place or wait as a job go on */
    bool ending;
    struct pool *pools[POOLS_KEPT]; /* unused ones */
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

static bool lanes_have_place__with_lock(const struct lanes *lanes)
{
    return lanes->running < lanes->max && lanes->resuming == 0;
}

/* ---- cancelling ------------------------------------------------------------------------ */

/*
 * Work that computes sees the flag (pool_cancelled()), one that waits in poll() sees the pipe
 * hang up, and one that waits for a place is woken.
 */
static void lane_cancel__with_lock(struct lanes *lanes, struct lane_state *state)
{
    atomic_store(&state->cancelled, true);
    if (state->cancel_write >= 0)
        close(steal_fd(&state->cancel_write));
    pthread_cond_broadcast(&lanes->changed);
}

void lane_cancel(struct lane *lane)
{
    struct lanes *lanes = lane->daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    lane_cancel__with_lock(lanes, lane->state);
    pthread_mutex_unlock(&lanes->lock);
}

void lane_job_cancel(struct lane_job *job)
{
    lane_cancel(&job->state->lane);
}

bool lane_cancelled(const struct lane *lane)
{
    return atomic_load(&lane->state->cancelled);
}

void lanes_cancel(struct daemon *daemon)
{
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    for (struct lane_state *state = lanes->first; state; state = state->next)
        lane_cancel__with_lock(lanes, state);
    pthread_mutex_unlock(&lanes->lock);
}

/* ---- parking --------------------------------------------------------------------------- */

static void lane_unpark__with_lock(struct lanes *lanes, struct lane_state *state)
{
    *(state->older ? &state->older->newer : &lanes->oldest) = state->newer;
    *(state->newer ? &state->newer->older : &lanes->newest) = state->older;
    state->older = state->newer = NULL;
    state->parked = false;
    lanes->n_parked--;
}

static void lane_park(struct lanes *lanes, struct lane_state *state)
{
    pthread_mutex_lock(&lanes->lock);
    state->parked = true;
    state->older = lanes->newest;
    *(lanes->newest ? &lanes->newest->newer : &lanes->oldest) = state;
    lanes->newest = state;
    lanes->running--;
    if (++lanes->n_parked > PARKED_MAX) {
        /* A cancelled one leaves the list when its thread has seen that; until then the next
         * older one must be taken. */
        struct lane_state *victim = lanes->oldest;
        while (victim && atomic_load(&victim->cancelled))
            victim = victim->newer;
        if (victim)
            lane_cancel__with_lock(lanes, victim);
    }
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    count(&lanes->daemon->counters.parked, 1);
}

static void lane_resume(struct lanes *lanes, struct lane_state *state)
{
    pthread_mutex_lock(&lanes->lock);
    lane_unpark__with_lock(lanes, state);
    lanes->resuming++;
    /* A cancelled request needs no free place: it has only to leave. */
    while (lanes->running >= lanes->max && !lanes->ending && !atomic_load(&state->cancelled))
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    lanes->resuming--;
    lanes->running++;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

static void on_lane_stalled(void *context, bool stalled)
{
    struct lane_state *state = context;
    if (stalled != state->parked)
        (stalled ? lane_park : lane_resume)(state->lane.daemon->lanes, state);
}

/* ---- life cycle ------------------------------------------------------------------------ */

/* NULL: errno says why no pipe could be made. */
static struct lane_state *lane_state_new(struct daemon *daemon)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    struct lane_state *state = xcalloc(1, sizeof(*state));
    state->cancel_read = ends[0];
    state->cancel_write = ends[1];
    state->lane = (struct lane){
        .daemon = daemon,
        .hooks = {.context = state, .cancel_fd = ends[0], .stalled = on_lane_stalled},
        .state = state,
    };
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    state->next = lanes->first;
    if (state->next)
        state->next->prev = state;
    lanes->first = state;
    pthread_mutex_unlock(&lanes->lock);
    return state;
}

static void lane_state_free(struct lane_state *state)
{
    struct lanes *lanes = state->lane.daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    *(state->prev ? &state->prev->next : &lanes->first) = state->next;
    if (state->next)
        state->next->prev = state->prev;
    pthread_mutex_unlock(&lanes->lock);
    if (state->cancel_write >= 0)
        close(state->cancel_write);
    close(state->cancel_read);
    free(state);
}

static void lane_take_pool(struct lanes *lanes, struct lane *lane)
{
    pthread_mutex_lock(&lanes->lock);
    if (lanes->n_pools)
        lane->pool = lanes->pools[--lanes->n_pools];
    pthread_mutex_unlock(&lanes->lock);
    if (!lane->pool)
        lane->pool = pool_new(0);
    pool_set_cancel(lane->pool, &lane->state->cancelled);
}

/* Gives the place and the pool back. */
static void lane_give_back(struct lanes *lanes, struct lane_state *state)
{
    struct pool *spare = steal(&state->lane.pool);
    pool_set_cancel(spare, NULL);
    pthread_mutex_lock(&lanes->lock);
    if (state->parked)
        lane_unpark__with_lock(lanes, state);
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
    ASSERT_THREAD(THREAD_LANE | THREAD_HTTP);
    struct lanes *lanes = daemon->lanes;
    struct lane_state *state = lane_state_new(daemon);
    int r = 0;
    if (!state)
        return fail_errno(f, -errno, "a pipe");
    pthread_mutex_lock(&lanes->lock);
    if (lanes->entering >= QUEUE_MAX)
        r = -EBUSY;
    lanes->entering++;
    while (r == 0 && !lanes->refusing && !lanes_have_place__with_lock(lanes))
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    lanes->entering--;
    if (lanes->refusing)
        r = -ESHUTDOWN;
    if (r == 0)
        lanes->running++;
    pthread_mutex_unlock(&lanes->lock);
    if (r < 0) {
        lane_state_free(state);
        return fail(f, r, r == -EBUSY ? "too many requests at once" : "the daemon ends");
    }
    lane_take_pool(lanes, &state->lane);
    *ret = &state->lane;
    return 0;
}

void lane_leave(struct lane *lane)
{
    struct lane_state *state = lane->state;
    lane_give_back(lane->daemon->lanes, state);
    lane_state_free(state);
}

/* ---- workers --------------------------------------------------------------------------- */

/* Takes the first job of the queue and runs it. The lock is released meanwhile. */
static void lanes_run_job__with_lock(struct lanes *lanes)
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
    lane_take_pool(lanes, &state->lane);
    job->run(job, &state->lane);
    lane_give_back(lanes, state);
    /* From here on the job belongs to the loop, which may free it, and its state with it. */
    job->done(job);
    pthread_mutex_lock(&lanes->lock);
}

static bool lanes_may_run__with_lock(const struct lanes *lanes)
{
    return lanes->queue &&
           (lanes->queue->quick || lanes->ending || lanes_have_place__with_lock(lanes));
}

static void *lanes_worker(void *arg)
{
    struct lanes *lanes = arg;
    thread_begin(THREAD_LANE);
    pthread_mutex_lock(&lanes->lock);
    for (;;) {
        /* At the end queued jobs are run, too: they are cancelled, but the loop waits for
         * their done(). */
        while (!lanes_may_run__with_lock(lanes) && !(lanes->ending && !lanes->queue)) {
            lanes->n_idle++;
            pthread_cond_wait(&lanes->changed, &lanes->lock);
            lanes->n_idle--;
        }
        if (!lanes->queue)
            break;
        lanes_run_job__with_lock(lanes);
    }
    lanes->n_threads--;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

static int lanes_start_worker__with_lock(struct lanes *lanes)
{
    int r = daemon_start_thread(lanes_worker, lanes);
    if (r == 0)
        lanes->n_threads++;
    return r;
}

int lane_job_submit(struct daemon *daemon, struct lane_job *job)
{
    struct lanes *lanes = daemon->lanes;
    int r = 0;
    job->state = lane_state_new(daemon);
    if (!job->state)
        return -errno;
    pthread_mutex_lock(&lanes->lock);
    if (lanes->refusing)
        r = -ESHUTDOWN;
    else if (lanes->n_queued >= QUEUE_MAX)
        r = -EBUSY;
    if (r == 0 && lanes->n_idle <= lanes->n_queued &&
        lanes->n_threads < lanes->max + PARKED_MAX)
        r = lanes_start_worker__with_lock(lanes);
    /* If no thread can be made, those that exist run the job. */
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
        lane_state_free(steal(&job->state));
    return r;
}

void lane_job_release(struct lane_job *job)
{
    if (job->state)
        lane_state_free(steal(&job->state));
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

void lanes_refuse(struct daemon *daemon)
{
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    lanes->refusing = true;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

void lanes_end(struct daemon *daemon)
{
    struct lanes *lanes = daemon->lanes;
    pthread_mutex_lock(&lanes->lock);
    lanes->refusing = lanes->ending = true;
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
