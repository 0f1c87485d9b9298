/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

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

static int rules_parse_ignore(const struct send_request *request, struct notes *notes,
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

int rules_make(const struct send_request *request, struct notes *notes, struct rules **ret,
               struct failure *f)
{
    struct rules *rules = rules_new();
    /* A user who asked for all files need not hear why the set is wide. */
    int r = dockerfile_reads(request->dockerfile, &request->reads, request->full ? NULL : notes,
                             &rules->reads, f);
    if (r == 0)
        r = reads_resolve(rules->reads, request->root_fd, f);
    if (r == 0)
        r = rules_parse_ignore(request, notes, rules, f);
    if (r < 0) {
        rules_free(rules);
        return r;
    }
    rules->tree = (struct tree_rules){.ignore = rules->ignore,
                                      .reads = request->full ? NULL : rules->reads};
    *ret = rules;
    return 0;
}

int rules_make_names(const struct send_request *request, struct rules **ret, struct failure *f)
{
    struct rules *rules = rules_new();
    int r = rules_parse_ignore(request, NULL, rules, f);
    if (r < 0) {
        rules_free(rules);
        return r;
    }
    rules->tree.ignore = rules->ignore;
    *ret = rules;
    return 0;
}
