/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of ctx-send: request -> plan (answer.c) -> bytes (writer.c). */
#include "answer.h"
#include "writer.h"

#include <errno.h>

/* How often a stream begins again because a file vanished or changed before its first byte was
 * written. */
#define SEND_TRIES 4

static int send_steps(const struct send_request *request, struct warm *warm,
                      struct answer *answer, struct notes *notes, struct send_stats *stats,
                      struct failure *f)
{
    int r = answer_make(request, warm, false, notes, answer, stats, f);
    if (r < 0)
        return r;
    if (request->progress) {
        size_t entries = answer->plan.before.n + answer->plan.after.n;
        for (size_t i = 0; i < answer->plan.chunks.n; i++)
            entries += answer->plan.chunks.at[i]->n;
        atomic_store(&request->progress->bytes_total, answer->plan.tar_bytes);
        atomic_store(&request->progress->entries_total, entries);
    }
    return write_plan(request, &answer->plan, answer->pool, stats, f);
}

static int send_once(const struct send_request *request, struct warm *warm, struct notes *notes,
                     struct send_stats *stats, struct failure *f)
{
    struct answer answer = {0};
    *stats = (struct send_stats){0};
    int r = send_steps(request, warm, &answer, notes, stats, f);
    answer_release(&answer);
    return r;
}

int send_run(const struct send_request *request, struct warm *warm, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f)
{
    struct send_stats stats;
    uint64_t start = clock_now_ns();
    struct notes_at before = notes_here(notes);
    int r = send_once(request, warm, notes, &stats, f);
    for (int tries = 1; r == -ESTALE && stats.out_bytes == 0 && tries < SEND_TRIES; tries++) {
        notes_cut(notes, before);
        r = send_once(request, warm, notes, &stats, f);
    }
    stats.total_ns = clock_now_ns() - start;
    if (r == 0)
        *ret_stats = stats;
    return r;
}
