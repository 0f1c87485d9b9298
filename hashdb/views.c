/* SPDX-License-Identifier: Apache-2.0 */
#include "views.h"

struct view_state *views_top(const struct tree_walk *ask)
{
    struct view_state *views = xcalloc(ask->n_rules + 1, sizeof(*views));
    for (size_t i = 0; i < ask->n_rules; i++)
        if (ask->rules[i])
            views[i] = (struct view_state){.here = true,
                                           .top = true,
                                           .all_selected = !ask->rules[i]->reads ||
                                                           !select_root(ask->rules[i]->reads)};
    return views;
}

void views_free(struct view_state *views, size_t n)
{
    for (size_t i = 0; views && i < n; i++) {
        ignore_leave(views[i].ignore);
        select_leave(views[i].select);
    }
    free(views);
}

void verdict_release(const struct tree_walk *ask, struct verdict *v)
{
    views_free(v->below, ask->n_rules);
    *v = (struct verdict){0};
}

/* Asks one view; *below becomes its state below the name. */
static int views_ask_one(const struct tree_rules *rules, const struct view_state *here,
                         struct bytes name, bool is_dir, struct ignore_verdict *ret_verdict,
                         struct view_state *below, struct failure *f)
{
    struct select_verdict select = {.select = true, .descend = is_dir};
    *ret_verdict = (struct ignore_verdict){.keep = true, .descend = is_dir};
    if (!here->all_selected) {
        const struct select_dir *at = here->top ? select_root(rules->reads) : here->select;
        select_check(at, name, is_dir, &select, &below->select);
    }
    below->all_selected = here->all_selected || !below->select;
    if (!select.select && !select.descend) {
        *ret_verdict = (struct ignore_verdict){0};
        return 0; /* the Dockerfile reads nothing here, so the ignore rules don't matter */
    }
    if (rules->ignore) {
        const struct ignore_dir *at = here->top ? ignore_root(rules->ignore) : here->ignore;
        int r = ignore_check(rules->ignore, at, name, is_dir, ret_verdict, &below->ignore, f);
        if (r < 0)
            return r;
    }
    ret_verdict->keep &= select.select;
    ret_verdict->descend &= select.descend;
    below->here = ret_verdict->descend;
    return 0;
}

int views_ask(const struct tree_walk *ask, const struct view_state *here, struct bytes name,
              bool is_dir, struct verdict *v, struct failure *f)
{
    struct view_state states[TREE_VIEWS_MAX];
    memset(states, 0, ask->n_rules * sizeof(*states));
    *v = (struct verdict){0};
    int r = 0;
    for (size_t i = 0; i < ask->n_rules && r == 0; i++) {
        if (!ask->rules[i] || !here[i].here)
            continue;
        struct ignore_verdict one;
        r = views_ask_one(ask->rules[i], &here[i], name, is_dir, &one, &states[i], f);
        if (r < 0)
            break;
        uint32_t bit = UINT32_C(1) << i;
        v->keep |= one.keep ? bit : 0;
        v->descend |= one.descend ? bit : 0;
        v->empty |= one.keep && one.no_content && !is_dir ? bit : 0;
    }
    if (r == 0 && v->descend) {
        v->below = xmalloc(ask->n_rules * sizeof(*v->below));
        memcpy(v->below, states, ask->n_rules * sizeof(*v->below));
        return 0;
    }
    for (size_t i = 0; i < ask->n_rules; i++) {
        ignore_leave(states[i].ignore);
        select_leave(states[i].select);
    }
    return r;
}
