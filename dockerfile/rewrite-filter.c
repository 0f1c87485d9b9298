/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hides names of the context from one instruction. A stage copies all the rest, and the
 * instruction reads that stage:
 *
 *     FROM scratch AS ctxd-context
 *     COPY --exclude=pkgs/README.md . /
 *     …
 *     COPY --from=ctxd-context --parents pkgs/X/./package.json /w/     (X stands for a star)
 *
 * Every builder that knows --parents knows --exclude, too.
 */
#include "rewrite-filter.h"

/* Bytes of a line after which the next pattern begins another one. */
#define FILTER_LINE 4096

static bool filter_hides_same(const struct df_hide *a, const struct df_hide *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = bytes_equal(a->patterns[i], b->patterns[i]);
    return same;
}

struct filter *filters_make(struct arena *arena, const struct df_rewrite *ask, size_t *ret_n)
{
    struct filter *filters = ARENA_ARRAY(arena, ask->n_hides, struct filter);
    *ret_n = 0;
    for (size_t i = 0; i < ask->n_hides; i++)
        if (!filters_find(filters, *ret_n, ask, ask->hides[i].line))
            filters[(*ret_n)++].hide = &ask->hides[i];
    return filters;
}

const struct filter *filters_find(const struct filter *filters, size_t n,
                                  const struct df_rewrite *ask, uint32_t line)
{
    const struct df_hide *hide = NULL;
    for (size_t i = 0; i < ask->n_hides && !hide; i++)
        if (ask->hides[i].line == line)
            hide = &ask->hides[i];
    for (size_t i = 0; hide && i < n; i++)
        if (filter_hides_same(filters[i].hide, hide))
            return &filters[i];
    return NULL;
}

struct bytes filter_text(struct arena *arena, const struct filter *filter, struct bytes from,
                         uint8_t escape, bool lower)
{
    const struct df_hide *hide = filter->hide;
    cleanup_buf struct buf out = BUF(DOCKERFILE_MAX);
    int r = buf_addf(&out, lower ? "from scratch as %.*s\ncopy" : "FROM scratch AS %.*s\nCOPY",
                     BYTES_ARG(filter->name));
    if (r == 0 && from.len)
        r = buf_addf(&out, " --from=%.*s", BYTES_ARG(from));
    size_t begin = out.len;
    for (size_t i = 0; r >= 0 && i < hide->n; i++) {
        if (out.len - begin > FILTER_LINE) {
            r = buf_addf(&out, " %c\n ", escape);
            begin = out.len;
        }
        if (r >= 0)
            r = buf_addf(&out, " --exclude=%.*s", BYTES_ARG(hide->patterns[i]));
    }
    if (r >= 0)
        r = buf_addf(&out, " . /\n");
    return r < 0 ? BYTES("") : arena_copy(arena, buf_bytes(&out));
}
