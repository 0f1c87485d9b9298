/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request -> plan, read from top to bottom:
 *
 *     request -> rules -> tree -> the recipe, the Dockerfile's place -> entries, chunks -> plan
 *
 * answer_steps() at the end is the list of the steps.
 */
#include "answer.h"

#include "missing.h"
#include "skeleton-part.h"
#include "warm.h"

/* The rules of the view, and those of the recipe if it needs others. */
static int answer_rules(const struct send_request *request, struct notes *notes,
                        struct answer *a, struct send_stats *stats, struct failure *f)
{
    int r = rules_make(request, notes, &a->rules, f);
    if (r < 0)
        return r;
    stats->everything = a->rules->reads->everything;
    if (request->recipe && !request->full && !stats->everything)
        r = rules_make_names(request, &a->names, f);
    return r;
}

/* Walks the whole tree: nothing was kept of it. */
static int answer_walk(const struct send_request *request, const struct answer *a,
                       struct tree **ret_tree, struct failure *f)
{
    const struct tree_rules *const rules[] = {&a->rules->tree,
                                              a->names ? &a->names->tree : NULL};
    struct tree_walk walk = {
        .root_fd = request->root_fd,
        .root_name = request->root_name,
        .ignore_name = request->control->ignore_name,
        .rules = rules,
        .n_rules = a->names ? 2 : 1,
        .pool = a->pool,
    };
    return tree_make(&walk, NULL, NULL, ret_tree, f);
}

/* The tree, the plan's view of it, and (*ret_names) the view that shows all that is kept. */
static int answer_tree(const struct send_request *request, struct warm *warm, struct answer *a,
                       struct tree_view *ret_names, struct send_stats *stats, struct failure *f)
{
    struct plan *plan = &a->plan;
    struct tree_view views[2] = {{.rules = a->rules, .bit = 1}, {.rules = a->names, .bit = 2}};
    size_t n = a->names ? 2 : 1;
    plan->looked = true;
    int r = warm ? warm_tree(warm, request, views, n, a->pool, plan, f)
                 : answer_walk(request, a, &plan->tree, f);
    if (r < 0)
        return r;
    plan->terms.bit = views[0].bit;
    plan->serial = views[0].serial;
    *ret_names = views[n - 1];
    stats->n_dirs_read = plan->looked ? plan->tree->n_dirs_read : 0;
    stats->n_stats = plan->looked ? plan->tree->n_stats : 0;
    return 0;
}

/* The recipe's part of the stream; *ret_line: of an instruction that would swallow it, or 0. */
static int answer_recipe(const struct send_request *request, struct warm *warm,
                         struct answer *a, const struct tree_view *names, struct notes *notes,
                         struct send_stats *stats, uint32_t *ret_line, struct failure *f)
{
    struct plan *plan = &a->plan;
    struct skeleton_part part = {0};
    struct skeleton_request wanted = {request, plan->tree, names->bit, names->serial};
    int r = skeleton_get(warm ? warm_skeletons(warm) : NULL, &wanted, notes, &a->skeleton, f);
    if (r == 0)
        r = skeleton_part(a->skeleton, request, a->rules->reads, notes, &plan->arena, &part, f);
    if (r < 0)
        return r;
    plan->recipe = part.tar;
    stats->n_files += part.n_files;
    stats->n_dirs += part.n_dirs;
    stats->n_links += part.n_links;
    stats->content_bytes += part.bytes;
    /* A file that is read as a whole (a foreign syntax) has no line to name. */
    *ret_line = part.swallowed ? (part.line ? part.line : 1) : 0;
    return 0;
}

/* How the Dockerfile travels: the terms of the view depend on it. */
static int answer_carriage(const struct send_request *request, struct answer *a,
                           bool for_digest, uint32_t recipe_line, struct notes *notes,
                           struct send_stats *stats, struct failure *f)
{
    struct plan *plan = &a->plan;
    a->carriage.how = CARRY_NONE; /* a digest's */
    if (!for_digest) {
        int r = carry_decide(request, a->rules, plan->tree, plan->terms.bit, recipe_line, notes,
                             &a->arena, &a->carriage, f);
        if (r < 0)
            return r;
    }
    stats->rewritten = a->carriage.rewritten;
    plan->terms = terms_of(request, plan->tree, plan->terms.bit, &a->carriage);
    plan->terms.for_digest = for_digest;
    return 0;
}

/* The view's entries, cut into chunks. */
static void answer_chunks(struct warm *warm, struct plan *plan)
{
    if (warm) {
        warm_chunks(warm, plan);
        return;
    }
    plan->links = links_make(&plan->terms, plan->tree);
    chunks_cut(&plan->terms, plan->links, plan->tree, &plan->chunks);
}

static int answer_steps(const struct send_request *request, struct warm *warm, bool for_digest,
                        struct notes *notes, struct answer *a, struct send_stats *stats,
                        struct failure *f)
{
    uint64_t start = clock_now_ns();
    struct tree_view names;
    uint32_t recipe_line = 0;
    a->pool = request->pool ? request->pool : (a->own_pool = pool_new(0));
    int r = answer_rules(request, notes, a, stats, f);
    if (r == 0)
        r = answer_tree(request, warm, a, &names, stats, f);
    stats->walk_ns = clock_now_ns() - start;
    if (r == 0)
        missing_note(request, a->rules, a->plan.tree, a->plan.terms.bit, notes);
    if (r == 0 && request->recipe)
        r = answer_recipe(request, warm, a, &names, notes, stats, &recipe_line, f);
    if (r == 0)
        r = answer_carriage(request, a, for_digest, recipe_line, notes, stats, f);
    r = r < 0 ? r : pool_check(a->pool, f);
    if (r < 0)
        return r;
    answer_chunks(warm, &a->plan);
    return plan_finish(request, &a->carriage, notes, &a->plan, stats, f);
}

int answer_make(const struct send_request *request, struct warm *warm, bool for_digest,
                struct notes *notes, struct answer *ret, struct send_stats *stats,
                struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE | THREAD_HTTP | THREAD_LEARNER);
    *ret = (struct answer){0};
    int r = answer_steps(request, warm, for_digest, notes, ret, stats, f);
    if (r < 0)
        answer_release(ret);
    return r;
}

void answer_release(struct answer *answer)
{
    plan_release(&answer->plan);
    skeleton_unref(answer->skeleton);
    rules_unref(answer->rules);
    rules_unref(answer->names);
    arena_release(&answer->arena);
    pool_free(answer->own_pool);
    *answer = (struct answer){0};
}
