/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include "arena.h"
#include "thread-kind.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * With a warm page cache the number of cores decides: more threads only evict each other's
 * processor caches. With a cold one the queue depth of the disk decides: 16 readers took 3.2 s
 * for 100,000 files, and two took 7.2 s. So the width starts at the number of cores, and grows
 * while jobs are seen to wait. 64 bounds the array of threads.
 */
enum { THREADS_COLD = 16, THREADS_MAX = 64 };

/* A job counts as waiting if its wall time is more than this many times its CPU time. Below
 * half a millisecond, preemption by another process would look the same. */
enum { WAITED_RATIO = 3, WAITED_MIN_NS = 500000 };

struct pool {
    pthread_mutex_t lock;          /* guards all that follows */
    pthread_cond_t changed;        /* a job was added, the last one ended, or the pool ends */
    struct pool_job *jobs, **last; /* last: the address of the last job's `next`, or of jobs */
    size_t waiting;                /* jobs in the list */
    size_t running;                /* jobs taken off it that have not ended */
    size_t idle;                   /* threads in pthread_cond_wait() */
    size_t started, width, max;    /* threads that exist, that are useful now, that may exist */
    bool ending;
    const atomic_bool *cancelled; /* not guarded: it is set while no job is there */
    pthread_t threads[THREADS_MAX];
};

struct pool *pool_new(size_t n_threads)
{
    struct pool *pool = xcalloc(1, sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (n_threads == 0)
        n_threads = cores > THREADS_COLD ? (size_t)cores : THREADS_COLD;
    pool->max = n_threads < THREADS_MAX ? n_threads : THREADS_MAX;
    pool->width = cores > 0 && (size_t)cores < pool->max ? (size_t)cores : pool->max;
    pool->last = &pool->jobs;
    return pool;
}

size_t pool_threads(const struct pool *pool)
{
    return pool->max;
}

static uint64_t pool_now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Releases the lock while the job runs. */
static void pool_run_one__with_lock(struct pool *pool)
{
    struct pool_job *job = pool->jobs;
    pool->jobs = job->next;
    if (!pool->jobs)
        pool->last = &pool->jobs;
    pool->waiting--;
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    uint64_t wall = pool_now_ns(CLOCK_MONOTONIC), cpu = pool_now_ns(CLOCK_THREAD_CPUTIME_ID);
    job->run(job);
    wall = pool_now_ns(CLOCK_MONOTONIC) - wall;
    cpu = pool_now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    pthread_mutex_lock(&pool->lock);
    if (wall > WAITED_MIN_NS && wall > cpu * WAITED_RATIO && pool->width < pool->max)
        pool->width++;
    if (--pool->running == 0 && !pool->jobs)
        pthread_cond_broadcast(&pool->changed);
}

static void *pool_thread(void *arg)
{
    thread_begin(THREAD_POOL);
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->ending) {
        if (pool->jobs) {
            pool_run_one__with_lock(pool);
            continue;
        }
        pool->idle++;
        pthread_cond_wait(&pool->changed, &pool->lock);
        pool->idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* The thread blocks all signals, so that the program's own threads get them. If it can't be
 * started, the pool works with the threads it has. */
static void pool_start_thread__with_lock(struct pool *pool)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&pool->threads[pool->started], NULL, pool_thread, pool) == 0)
        pool->started++;
    else
        pool->max = pool->width = pool->started;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void pool_added__with_lock(struct pool *pool)
{
    pool->waiting++;
    if (pool->idle > 0)
        pthread_cond_signal(&pool->changed);
    else if (pool->started < pool->width && pool->waiting > 1)
        pool_start_thread__with_lock(pool);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    job->next = pool->jobs;
    if (!job->next)
        pool->last = &job->next;
    pool->jobs = job;
    pool_added__with_lock(pool);
    pthread_mutex_unlock(&pool->lock);
}

void pool_add_last(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    pool_added__with_lock(pool);
    pthread_mutex_unlock(&pool->lock);
}

bool pool_help(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool any = pool->jobs;
    if (any)
        pool_run_one__with_lock(pool);
    pthread_mutex_unlock(&pool->lock);
    return any;
}

size_t pool_width(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t width = pool->width;
    pthread_mutex_unlock(&pool->lock);
    return width;
}

void pool_set_cancel(struct pool *pool, const atomic_bool *cancelled)
{
    pool->cancelled = cancelled;
}

bool pool_cancelled(const struct pool *pool)
{
    return pool && pool->cancelled &&
           atomic_load_explicit(pool->cancelled, memory_order_relaxed);
}

int pool_check(const struct pool *pool, struct failure *f)
{
    return pool_cancelled(pool)
               ? fail(f, -ECANCELED, "the client went away, or ctxd is about to end")
               : 0;
}

void pool_drain(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->jobs || pool->running) {
        if (pool->jobs)
            pool_run_one__with_lock(pool);
        else
            pthread_cond_wait(&pool->changed, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
