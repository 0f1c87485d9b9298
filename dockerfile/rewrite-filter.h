/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite-filter: the stages that hide names from an instruction. Thread: any. */
#ifndef CTXD_REWRITE_FILTER_H
#define CTXD_REWRITE_FILTER_H

#include "dockerfile.h"

struct filter {
    const struct df_hide *hide; /* of the first line that needs it */
    struct bytes name;          /* of the stage; the caller chooses it */
};

/* The filters that the lines need: lines that hide the same share one. In the arena. */
struct filter *filters_make(struct arena *arena, const struct df_rewrite *ask, size_t *ret_n);
/* The filter of the line; NULL: it needs none. */
const struct filter *filters_find(const struct filter *filters, size_t n,
                                  const struct df_rewrite *ask, uint32_t line);
/* The lines of the stage; `from`: the stage that it filters, or empty for the context. */
struct bytes filter_text(struct arena *arena, const struct filter *filter, struct bytes from,
                         uint8_t escape, bool lower);

#endif
