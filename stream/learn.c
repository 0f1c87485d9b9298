/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the chunks that a stream passed on unlearnt (learn_max), for what a later answer
 * needs of them: names, hashes, packed chunks in the store. It writes nothing else. What
 * changed since the stream is learnt as it is now.
 */
#include "answer.h"
#include "writer.h"

static int learn_take(struct writer *w, struct segment *segment, struct failure *f)
{
    (void)segment;
    return pool_check(w->pool, f);
}

/* Leaves the large files out: a stream learns what can be learnt of them. */
static int learn_chunks(const struct send_request *request, struct answer *answer,
                        struct failure *f)
{
    struct plan *plan = &answer->plan;
    struct chunks all = plan->chunks;
    struct chunks small = {.at = xcalloc(all.n + 1, sizeof(*small.at))};
    struct send_stats stats = {0};
    struct writer w;
    for (size_t i = 0; i < all.n; i++)
        if (!all.at[i]->large)
            small.at[small.n++] = all.at[i];
    plan->chunks = small;
    plan->fixed_sizes = false; /* no outer header is written */
    writer_init(&w, request, plan, answer->pool, &stats);
    w.take = learn_take;
    w.at = AT_CHUNKS;
    int r = writer_run(&w, f);
    writer_release(&w);
    plan->chunks = all;
    free(small.at);
    return r;
}

int learn_run(const struct send_request *request, struct warm *warm, struct failure *f)
{
    struct send_request now = *request;
    struct answer answer;
    struct send_stats stats = {0};
    struct notes notes = {0};
    now.learn_max = 0;
    int r = answer_make(&now, warm, false, &notes, &answer, &stats, f);
    if (r == 0) {
        r = learn_chunks(&now, &answer, f);
        answer_release(&answer);
    }
    notes_release(&notes);
    return r;
}
