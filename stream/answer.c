/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request -> plan: the straight line that every kind of answer begins with.
 *
 *     Dockerfile's reads, ignore rules -> tree -> how the Dockerfile travels -> chunks -> plan
 */
#include "skeleton.h"
#include "stream-priv.h"

#include <errno.h>

static void rules_free(struct rules *rules)
{
    reads_free(rules->reads);
    ignore_free(rules->ignore);
    free(rules);
}

struct rules *rules_ref(struct rules *rules)
{
    atomic_fetch_add_explicit(&rules->refs, 1, memory_order_relaxed);
    return rules;
}

void rules_unref(struct rules *rules)
{
    if (rules && atomic_fetch_sub_explicit(&rules->refs, 1, memory_order_acq_rel) == 1)
        rules_free(rules);
}

static struct rules *rules_new(void)
{
    struct rules *rules = xcalloc(1, sizeof(*rules));
    rules->refs = 1;
    return rules;
}

static int parse_ignore(const struct send_request *request, struct notes *notes,
                        struct rules *rules, struct failure *f)
{
    const struct control *control = request->control;
    return control->has_ignore
               ? ignore_parse(control->ignore_name, control->ignore,
                              request->builder == SEND_CLASSIC ? IGNORE_CLASSIC
                                                               : IGNORE_BUILDKIT,
                              notes, &rules->ignore, f)
               : 0;
}

/* What the Dockerfile reads, and what the ignore rules leave of it. */
static int rules_make(const struct send_request *request, struct notes *notes,
                      struct rules **ret, struct failure *f)
{
    struct rules *rules = rules_new();
    /* Why a set is as wide as it is means nothing to who asked for all of it. */
    int r = dockerfile_reads(request->dockerfile, &request->reads, request->full ? NULL : notes,
                             &rules->reads, f);
    if (r == 0)
        r = reads_resolve(rules->reads, request->root_fd, f);
    if (r == 0)
        r = parse_ignore(request, notes, rules, f);
    if (r < 0) {
        rules_free(rules);
        return r;
    }
    rules->tree = (struct tree_rules){.ignore = rules->ignore,
                                      .reads = request->full ? NULL : rules->reads};
    *ret = rules;
    return 0;
}

/* The same ignore rules, whatever is read: a recipe is made of all that they keep. */
static int names_make(const struct send_request *request, struct rules **ret, struct failure *f)
{
    struct rules *rules = rules_new();
    int r = parse_ignore(request, NULL, rules, f); /* its notes are said by rules_make() */
    if (r < 0) {
        rules_free(rules);
        return r;
    }
    rules->tree.ignore = rules->ignore;
    *ret = rules;
    return 0;
}

static int cold_tree(const struct send_request *request, const struct answer *answer,
                     struct tree **ret_tree, struct failure *f)
{
    const struct tree_rules *const rules[] = {&answer->rules->tree,
                                              answer->names ? &answer->names->tree : NULL};
    struct tree_walk walk = {
        .root_fd = request->root_fd,
        .root_name = request->root_name,
        .ignore_name = request->control->ignore_name,
        .rules = rules,
        .n_rules = answer->names ? 2 : 1,
        .pool = answer->pool,
    };
    return tree_make(&walk, NULL, NULL, ret_tree, f);
}

/* The tree, as far as the rules let it be seen: the plan's view of it, and all of its names. */
static int find_tree(const struct send_request *request, struct warm *warm, struct answer *a,
                     struct tree_view *ret_names, struct failure *f)
{
    struct plan *plan = &a->plan;
    struct tree_view views[2] = {{.rules = a->rules, .bit = 1}, {.rules = a->names, .bit = 2}};
    size_t n = a->names ? 2 : 1;
    int r = warm ? warm_tree(warm, request, views, n, a->pool, plan, f)
                 : cold_tree(request, a, &plan->tree, f);
    plan->terms.bit = views[0].bit;
    plan->serial = views[0].serial;
    *ret_names = views[n - 1];
    return r;
}

/* The recipe's part of the stream; *ret_line: of an instruction that would swallow it, or 0. */
static int find_skeleton(const struct send_request *request, struct warm *warm,
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
    /* What is read by the file as a whole (a foreign syntax) has no line. */
    *ret_line = part.swallowed ? (part.line ? part.line : 1) : 0;
    return 0;
}

static int answer_steps(const struct send_request *request, struct warm *warm, bool for_digest,
                        struct notes *notes, struct answer *a, struct send_stats *stats,
                        struct failure *f)
{
    uint64_t start = clock_now_ns();
    struct plan *plan = &a->plan;
    struct tree_view names;
    uint32_t recipe_line = 0;
    plan->looked = true;
    a->pool = request->pool ? request->pool : (a->own_pool = pool_new(0));
    int r = rules_make(request, notes, &a->rules, f);
    if (r < 0)
        return r;
    stats->everything = a->rules->reads->everything;
    if (request->recipe && !request->full && !stats->everything)
        r = names_make(request, &a->names, f);
    if (r == 0)
        r = find_tree(request, warm, a, &names, f);
    if (r < 0)
        return r;
    stats->n_dirs_read = plan->looked ? plan->tree->n_dirs_read : 0;
    stats->n_stats = plan->looked ? plan->tree->n_stats : 0;
    stats->walk_ns = clock_now_ns() - start;

    /* The Dockerfile's place in the stream, and what goes before it. */
    if (request->recipe)
        r = find_skeleton(request, warm, a, &names, notes, stats, &recipe_line, f);
    if (r < 0)
        return r;
    if (for_digest)
        a->carriage.how = CARRY_NONE;
    else
        r = carry_decide(request, a->rules, plan->tree, plan->terms.bit, recipe_line, notes,
                         &a->arena, &a->carriage, f);
    if (r < 0)
        return r;
    stats->rewritten = a->carriage.how == CARRY_INNER;
    plan->terms = terms_of(request, plan->tree, plan->terms.bit, &a->carriage);
    plan->terms.for_digest = for_digest;
    if (warm) {
        warm_chunks(warm, plan);
    } else {
        plan->links = links_make(&plan->terms, plan->tree);
        chunks_cut(&plan->terms, plan->links, plan->tree, &plan->chunks);
    }
    return plan_finish(request, &a->carriage, notes, plan, stats, f);
}

int answer_make(const struct send_request *request, struct warm *warm, bool for_digest,
                struct notes *notes, struct answer *ret, struct send_stats *stats,
                struct failure *f)
{
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
