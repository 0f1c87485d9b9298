/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer takes from a daemon's memory of its root; stream.h has what the daemon calls.
 *
 *     r = warm_tree(warm, request, views, n_views, pool, plan, f);
 *     … plan->terms …
 *     warm_chunks(warm, plan);
 *
 * Answers may call these side by side. Thread: lane or HTTP; the calls wait while another
 * answer makes a tree.
 */
#ifndef CTXD_WARM_H
#define CTXD_WARM_H

#include "plan.h"
#include "rules.h"
#include "skeleton.h"

/*
 * Brings the tree up to date, with all the rules of `views` among its views. Fills the bit and
 * the serial of each view, and tree and looked of the plan. 0, or as tree_make().
 */
int warm_tree(struct warm *warm, const struct send_request *request, struct tree_view *views,
              size_t n_views, struct pool *pool, struct plan *plan, struct failure *f) must_use;
/*
 * Brings the view's chunks up to date with plan->tree. Fills links, chunks, hashes, hashdb and
 * store of the plan; its terms and serial must be set.
 */
void warm_chunks(struct warm *warm, struct plan *plan);
/* The recipes that are kept; they have a lock of their own. */
struct skeletons *warm_skeletons(struct warm *warm);

#endif
