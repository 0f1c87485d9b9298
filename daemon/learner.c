/* SPDX-License-Identifier: Apache-2.0 */
#include "learner.h"

#include "log.h"
#include "thread-kind.h"

#include <pthread.h>
#include <sys/resource.h>

/* Requests that may wait. Each holds a few descriptors. */
#define QUEUE_MAX 16
/* As of nice(1): a tenth of the processor time of a builder that wants all of it. Not lower,
 * since answers wait for the locks that the learner holds for a moment. */
#define NICENESS 10
/* ns (ten minutes, as between two sweeps) without learning after the store could not keep a
 * chunk: it is full, or its disk is. Else each stream would have the tree read once more. */
#define REST_NS (600ull * 1000000000)

struct lesson {
    struct daemon *daemon;
    struct root *root;
    struct proto_request *request;
    struct dockerfile *df;
    struct lesson *next;
};

struct learner {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended; /* the thread has ended */
    struct lesson *queue;
    size_t n;               /* in the queue, and the one at work */
    bool has_thread;        /* it ends when the queue is empty */
    atomic_bool ending;     /* cancels what is being learnt */
    uint64_t rest_until_ns; /* clock_now_ns() */
};

struct learner *learner_new(void)
{
    struct learner *learner = xcalloc(1, sizeof(*learner));
    pthread_mutex_init(&learner->lock, NULL);
    pthread_cond_init(&learner->ended, NULL);
    return learner;
}

static void lesson_free(struct lesson *lesson)
{
    dockerfile_free(lesson->df);
    proto_request_free(lesson->request);
    root_put(lesson->daemon, lesson->root);
    free(lesson);
}

static void lesson_run(struct lesson *lesson)
{
    struct send_request *send = &lesson->request->send;
    struct failure f = {0};
    struct learner *learner = lesson->daemon->learner;
    struct store_stats before, after;
    uint64_t began_ns = clock_now_ns();
    store_stats(lesson->daemon->store, &before);
    send->hooks = NULL;
    send->progress = NULL;
    send->out_fd = -1;
    send->pool = pool_new(1);
    pool_set_cancel(send->pool, &learner->ending);
    int r = learn_run(send, lesson->root->warm, &f);
    pool_free(send->pool);
    store_stats(lesson->daemon->store, &after);
    pthread_mutex_lock(&learner->lock);
    if (after.put_failures > before.put_failures)
        learner->rest_until_ns = clock_now_ns() + REST_NS;
    pthread_mutex_unlock(&learner->lock);
    log_event(LOG_DEBUG, "learnt", "root=%s ms=%llu why=%s", LOG_VALUE(lesson->root->path),
              (unsigned long long)(clock_now_ns() - began_ns) / 1000000,
              LOG_VALUE(bytes_of(r < 0 ? f.text : "")));
}

static void *learner_thread(void *arg)
{
    struct daemon *daemon = arg;
    struct learner *learner = daemon->learner;
    thread_begin(THREAD_LEARNER);
    /* Of this thread alone; its pool's threads inherit it. */
    setpriority(PRIO_PROCESS, 0, NICENESS);
    pthread_mutex_lock(&learner->lock);
    while (learner->queue) {
        struct lesson *lesson = learner->queue;
        learner->queue = lesson->next;
        pthread_mutex_unlock(&learner->lock);
        lesson_run(lesson);
        lesson_free(lesson);
        daemon_touch(daemon);
        pthread_mutex_lock(&learner->lock);
        learner->n--;
    }
    learner->has_thread = false;
    pthread_cond_broadcast(&learner->ended);
    pthread_mutex_unlock(&learner->lock);
    return NULL;
}

static int learner_start__with_lock(struct daemon *daemon)
{
    int r = daemon_start_thread(learner_thread, daemon);
    daemon->learner->has_thread = r == 0;
    return r;
}

void learner_add(struct daemon *daemon, struct root *root, struct proto_request *request,
                 struct dockerfile *df)
{
    struct learner *learner = daemon->learner;
    struct lesson *lesson = xcalloc(1, sizeof(*lesson));
    *lesson = (struct lesson){daemon, root_ref(daemon, root), request, df, NULL};
    pthread_mutex_lock(&learner->lock);
    bool takes = !atomic_load(&learner->ending) && learner->n < QUEUE_MAX &&
                 clock_now_ns() >= learner->rest_until_ns;
    if (takes && !learner->has_thread)
        takes = learner_start__with_lock(daemon) == 0;
    if (takes) {
        struct lesson **last = &learner->queue;
        while (*last)
            last = &(*last)->next;
        *last = lesson;
        learner->n++;
    }
    pthread_mutex_unlock(&learner->lock);
    if (!takes)
        lesson_free(lesson);
}

size_t learner_count(struct daemon *daemon)
{
    struct learner *learner = daemon->learner;
    pthread_mutex_lock(&learner->lock);
    size_t n = learner->n;
    pthread_mutex_unlock(&learner->lock);
    return n;
}

void learner_end(struct daemon *daemon)
{
    struct learner *learner = daemon->learner;
    pthread_mutex_lock(&learner->lock);
    atomic_store(&learner->ending, true);
    struct lesson *dropped = steal(&learner->queue);
    for (struct lesson *at = dropped; at; at = at->next)
        learner->n--;
    pthread_mutex_unlock(&learner->lock);
    while (dropped) {
        struct lesson *lesson = dropped;
        dropped = lesson->next;
        lesson_free(lesson);
    }
}

void learner_free(struct learner *learner)
{
    if (!learner)
        return;
    pthread_mutex_lock(&learner->lock);
    while (learner->has_thread)
        pthread_cond_wait(&learner->ended, &learner->lock);
    pthread_mutex_unlock(&learner->lock);
    pthread_cond_destroy(&learner->ended);
    pthread_mutex_destroy(&learner->lock);
    free(learner);
}
