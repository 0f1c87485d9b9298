/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread pool for pure fan-out: the walk of a tree, the reading and packing of its files.
 * Jobs may add jobs. Nothing on it waits for a client, a lock held over I/O, or another job.
 *
 *     struct pool *pool = pool_new(0);
 *     pool_add(pool, job);            // from any thread, also from a job
 *     pool_drain(pool);               // the caller works along until no job is left
 *     pool_free(pool);
 *
 * Threads start with the first jobs, so a small tree costs none: as many as there are cores,
 * and more, up to the maximum, while jobs are seen to wait (for a cold disk) and not to
 * compute. Thread: any; pool_drain() and pool_free() by the owner only, and not from a job.
 */
#ifndef CTXD_POOL_H
#define CTXD_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Embedded in the caller's own struct, which must live until run() is called; run() may free
 * it. */
struct pool_job {
    void (*run)(struct pool_job *job);
    struct pool_job *next; /* the pool's */
};

/* n_threads helpers at most; 0: as many as suit the machine (see pool.c). */
struct pool *pool_new(size_t n_threads);
void pool_free(struct pool *pool);
size_t pool_threads(const struct pool *pool);
/* Newest first: a walk goes deep before it goes wide, which bounds what waits. */
void pool_add(struct pool *pool, struct pool_job *job);
/* Oldest first: what is needed in order. */
void pool_add_last(struct pool *pool, struct pool_job *job);
void pool_drain(struct pool *pool);
/* The caller runs one waiting job, if there is any; for an owner that needs its result. */
bool pool_help(struct pool *pool);
/* Threads that seem worth having just now: grows while jobs are seen to wait for the disk. */
size_t pool_width(struct pool *pool);

#endif
