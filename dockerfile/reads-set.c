/* SPDX-License-Identifier: Apache-2.0 */
#include "reads-set.h"
#include "select.h"

#include <errno.h>
#include <stdlib.h>

struct reads *reads_new(void)
{
    return xcalloc(1, sizeof(struct reads));
}

void reads_free(struct reads *reads)
{
    if (!reads)
        return;
    select_free(reads);
    for (size_t i = 0; i < reads->n_pivots; i++) {
        reads_free(reads->pivots[i].entries);
        reads_free(reads->pivots[i].head);
    }
    arena_release(&reads->arena);
    free(reads);
}

int reads_add(struct reads *reads, struct df_read read, struct failure *f)
{
    if (reads->n == READS_MAX)
        return fail(f, -E2BIG, "the Dockerfile reads too many paths (more than %d)", READS_MAX);
    *ARENA_PUSH(&reads->arena, reads->at, &reads->n, &reads->cap) = read;
    reads->everything = reads->everything || read.pattern.len == 0;
    return 0;
}

int reads_single(const struct reads *reads, size_t i, struct reads **ret, struct failure *f)
{
    struct reads *one = reads_new();
    struct df_read read = reads->at[i];
    read.pattern = arena_copy(&one->arena, read.pattern);
    read.source = read.widened = read.via = BYTES("");
    int r = reads_add(one, read, f);
    if (r == 0)
        r = select_compile(one, f);
    if (r < 0) {
        reads_free(one);
        return r;
    }
    *ret = one;
    return 0;
}
