/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include <stdlib.h>

int manifests_read(struct prepare *p, const char *name, manifest_parser *parse,
                   struct manifests *ret, struct failure *f)
{
    struct arena *a = &p->values.arena;
    for (size_t i = 0; i < p->l->n; i++) {
        struct failure why = {0};
        if (!listing_named(p->l, i, name))
            continue;
        struct manifest *m = ARENA_NEW(a, struct manifest);
        m->path = p->l->at[i].path;
        m->dir = path_dir(m->path);
        int r = prepare_read(p, m->path, &m->text, f);
        if (r < 0)
            return r;
        if (parse(&p->values, m->path, m->text, &m->value, &why) < 0) {
            m->wrong = arena_copy(a, bytes_of(why.text));
            m->value = NULL;
        }
        *ARENA_PUSH(a, ret->at, &ret->n, &ret->cap) = m;
        *table_put(&ret->by_dir, m->dir, NULL) = (uintptr_t)m;
    }
    return 0;
}

static int manifest_compare(const void *a, const void *b)
{
    struct manifest *const *x = a, *const *y = b;
    return path_shallow_compare((*x)->path, (*y)->path);
}

void manifests_sort(struct manifests *all)
{
    if (all->n)
        qsort(all->at, all->n, sizeof(struct manifest *), manifest_compare);
}

void manifests_release(struct manifests *all)
{
    table_release(&all->by_dir);
}

struct manifest *manifest_at(const struct manifests *all, struct bytes dir)
{
    uintptr_t *at = table_get(&all->by_dir, dir.at ? dir : BYTES(""));
    return at ? (struct manifest *)*at : NULL;
}
