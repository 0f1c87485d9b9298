/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of ctx-send: request -> plan (answer.c) -> bytes (writer.c). */
#include "answer.h"
#include "writer.h"

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

int send_run(const struct send_request *request, struct warm *warm, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f)
{
    struct answer answer = {0};
    struct send_stats stats = {0};
    uint64_t start = clock_now_ns();
    int r = send_steps(request, warm, &answer, notes, &stats, f);
    answer_release(&answer);
    stats.total_ns = clock_now_ns() - start;
    if (r == 0)
        *ret_stats = stats;
    return r;
}
