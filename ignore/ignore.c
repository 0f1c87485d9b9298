/* SPDX-License-Identifier: Apache-2.0 */
#include "ignore.h"

#include "ignore-engine.h"
#include "trie.h"

#include <stdlib.h>

void ignore_free(struct ignore *ig)
{
    if (!ig)
        return;
    ignore_leave(ig->root);
    trie_release(ig->trie);
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
    return ig->engine->check(ig, dir, name, is_dir, ret_verdict, ret_below, f);
}

void ignore_leave(struct ignore_dir *dir)
{
    if (dir && atomic_fetch_sub_explicit(&dir->refs, 1, memory_order_acq_rel) == 1)
        free(dir);
}

int ignore_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f)
{
    return ig->engine->path(ig, path, ret_excluded, f);
}
