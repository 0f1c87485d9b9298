/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of ctx-send as a straight line of calls. */
#include "stream-priv.h"

#include <errno.h>

/* What lives for one request. */
struct send {
    struct ignore *ignore;
    struct reads *reads;
    struct tree *tree;
    struct plan plan;
    struct arena arena;
    struct pool *own_pool;
};

static void send_release(struct send *s)
{
    plan_release(&s->plan);
    tree_free(s->tree);
    reads_free(s->reads);
    ignore_free(s->ignore);
    arena_release(&s->arena);
    pool_free(s->own_pool);
}

static enum ignore_rules ignore_rules_of(enum send_builder builder)
{
    return builder == SEND_CLASSIC ? IGNORE_CLASSIC : IGNORE_BUILDKIT;
}

static int send_steps(const struct send_request *request, struct send *s, struct notes *notes,
                      struct send_stats *stats, struct failure *f)
{
    const struct control *control = request->control;
    uint64_t start = clock_now_ns();
    struct pool *pool = request->pool;
    if (!pool)
        pool = s->own_pool = pool_new(0);

    /* What the Dockerfile reads, and what the ignore rules leave of it. */
    int r = dockerfile_reads(request->dockerfile, &request->reads, notes, &s->reads, f);
    if (r < 0)
        return r;
    stats->everything = s->reads->everything;
    r = reads_resolve(s->reads, request->root_fd, f);
    if (r < 0)
        return r;
    if (control->has_ignore) {
        r = ignore_parse(control->ignore_name, control->ignore,
                         ignore_rules_of(request->builder), notes, &s->ignore, f);
        if (r < 0)
            return r;
    }

    /* The tree, as far as both let it be seen. */
    struct tree_walk walk = {
        .root_fd = request->root_fd,
        .root_name = request->root_name,
        .ignore_name = control->ignore_name,
        .ignore = s->ignore,
        .reads = request->full ? NULL : s->reads,
        .pool = pool,
    };
    r = tree_walk(&walk, &s->tree, f);
    if (r < 0)
        return r;
    stats->n_dirs_read = s->tree->n_dirs_read;
    stats->n_stats = s->tree->n_stats;
    stats->walk_ns = clock_now_ns() - start;

    /* The order of the stream, and the Dockerfile's place in it. */
    struct carriage carriage;
    r = carry_decide(request, s->ignore, s->tree, s->reads, notes, &s->arena, &carriage, f);
    if (r < 0)
        return r;
    stats->rewritten = carriage.how == CARRY_INNER;
    r = plan_make(request, s->tree, &carriage, notes, &s->plan, stats, f);
    if (r < 0)
        return r;
    if (request->progress) {
        atomic_store(&request->progress->bytes_total, s->plan.tar_bytes);
        atomic_store(&request->progress->entries_total, s->plan.n);
    }

    /* The bytes. */
    r = write_plan(request, &s->plan, pool, stats, f);
    stats->total_ns = clock_now_ns() - start;
    return r;
}

int send_run(const struct send_request *request, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f)
{
    struct send s = {0};
    struct send_stats stats = {0};
    int r = send_steps(request, &s, notes, &stats, f);
    send_release(&s);
    if (r == 0)
        *ret_stats = stats;
    return r;
}
