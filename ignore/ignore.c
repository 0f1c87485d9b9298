/* SPDX-License-Identifier: Apache-2.0 */
#include "ignore.h"

#include "ignore-priv.h"

#include <stdlib.h>

void ignore_free(struct ignore *ig)
{
    if (!ig)
        return;
    literal_leave(ig->root);
    arena_release(&ig->arena);
    free(ig);
}

size_t ignore_count(const struct ignore *ig)
{
    return ig->n;
}

struct ignore_rule ignore_rule(const struct ignore *ig, uint32_t rule)
{
    const struct pattern *p = &ig->patterns[rule - 1];
    return (struct ignore_rule){p->shown, p->line, p->exception};
}

const struct ignore_dir *ignore_root(const struct ignore *ig)
{
    return ig->root;
}

int ignore_check(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                 bool is_dir, struct ignore_verdict *ret_verdict, struct ignore_dir **ret_below,
                 struct failure *f)
{
    return literal_check(ig, dir, name, is_dir, ret_verdict, ret_below, f);
}

void ignore_leave(struct ignore_dir *dir)
{
    literal_leave(dir);
}

int pattern_fail(const struct ignore *ig, const struct pattern *p, struct failure *f)
{
    return fail(f, -EINVAL,
                "%s: pattern %s is malformed, which Docker finds only once it meets a path: "
                "mind that a \"\\\" and a class are those of a regular expression",
                pattern_place(&(struct quoted){.text = ""}, ig->name, p->line),
                QUOTE(p->shown));
}

/* Whether the pattern matches the path or one of the directories above it. */
static bool match_any(const struct pattern *p, struct bytes path)
{
    if (pattern_match(p, path))
        return true;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] == '/' && pattern_match(p, bytes_head(path, i)))
            return true;
    return false;
}

int ignore_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f)
{
    bool excluded = false;
    for (size_t i = 0; i < ig->n; i++) {
        const struct pattern *p = &ig->patterns[i];
        if (p->exception != excluded)
            continue;
        if (p->kind == PATTERN_BAD)
            return pattern_fail(ig, p, f);
        if (match_any(p, path))
            excluded = !p->exception;
    }
    *ret_excluded = excluded;
    return 0;
}
