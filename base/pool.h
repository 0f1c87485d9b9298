/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread pool for pure fan-out: the walk of a tree, the reading and packing of its files.
 * A job may add jobs. It must not wait for a client, for another job, or for a lock that is
 * held during I/O.
 *
 *     struct pool *pool = pool_new(0);
 *     pool_add(pool, job);            // from any thread, also from a job
 *     pool_drain(pool);               // runs jobs, too, and returns when none is left
 *     pool_free(pool);
 *
 * A thread starts when a second job waits and no thread is idle, so a small tree needs none.
 * There are as many threads as cores at most. If jobs are seen to wait for a cold disk rather
 * than to compute, there are more, up to the maximum.
 *
 * Thread: any. pool_drain() and pool_free(): the owner only, and not from a job.
 */
#ifndef CTXD_POOL_H
#define CTXD_POOL_H

#include "fail.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pool;

/*
 * The caller embeds this in a struct of its own, which must live until run() is called. run()
 * may free it.
 */
struct pool_job {
    void (*run)(struct pool_job *job);
    struct pool_job *next; /* used by the pool */
};

/* At most n_threads threads besides the owner's; 0: as suits the machine (pool.c). */
struct pool *pool_new(size_t n_threads);
/* No job may be left. NULL is fine. */
void pool_free(struct pool *pool);
/* The maximum of threads. */
size_t pool_threads(const struct pool *pool);
/* The newest job runs first: a walk goes deep before it goes wide, so few jobs wait. */
void pool_add(struct pool *pool, struct pool_job *job);
/* The job runs after all that wait: for results that are needed in order. */
void pool_add_last(struct pool *pool, struct pool_job *job);
/* Runs jobs until none waits and none runs. */
void pool_drain(struct pool *pool);
/*
 * Names the flag that cancels what the pool works for, or NULL; long work looks at it by
 * pool_cancelled(). The owner, while no job is there. The flag must live until the next call.
 */
void pool_set_cancel(struct pool *pool, const atomic_bool *cancelled);
/* Whether the work was cancelled. It is cheap: ask between two blocks of a few milliseconds.
 * NULL is fine. Thread: any. */
bool pool_cancelled(const struct pool *pool);
/* 0, or -ECANCELED with a message. */
int pool_check(const struct pool *pool, struct failure *f) must_use;
/* Runs one waiting job. Returns false if none waits. For an owner that needs a result. */
bool pool_help(struct pool *pool);
/* How many threads are useful now: it grows while jobs are seen to wait for the disk. */
size_t pool_width(struct pool *pool);

#endif
