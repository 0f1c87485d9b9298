/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request -> plan: the straight line that every kind of answer begins with (a stream, an HTTP
 * body, a digest).
 *
 *     struct answer answer;
 *     int r = answer_make(request, warm, false, notes, &answer, &stats, f);
 *     if (r < 0)
 *         return r;
 *     … answer.plan …
 *     answer_release(&answer);
 */
#ifndef CTXD_ANSWER_H
#define CTXD_ANSWER_H

#include "carry.h"
#include "plan.h"
#include "rules.h"
#include "skeleton.h"

/* Everything that lives as long as one answer. */
struct answer {
    struct arena arena;
    struct pool *pool;     /* the request's, or own_pool */
    struct pool *own_pool; /* NULL: the request has a pool */
    struct rules *rules;
    struct rules *names;       /* of all files that are kept, for a recipe; NULL: `rules` are */
    struct skeleton *skeleton; /* NULL: the request asks for no recipe */
    struct carriage carriage;
    struct plan plan;
};

/*
 * Makes the plan, with what a daemon kept of the root or without (warm is NULL), and counts in
 * *stats. 0, or -errno with a message; SEND_REFUSED by a limit of the request. On failure there
 * is nothing to release. for_digest: no Dockerfile is added, and chunks end by paths alone.
 * Thread: lane or HTTP; it waits for the pool.
 */
int answer_make(const struct send_request *request, struct warm *warm, bool for_digest,
                struct notes *notes, struct answer *ret, struct send_stats *stats,
                struct failure *f) must_use;
void answer_release(struct answer *answer);

#endif
