/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the analysis, from one line of text. */
#ifndef CTXD_ASK_H
#define CTXD_ASK_H

#include "dockerfile.h"

/* Views point into the options. */
struct ask {
    struct df_request request;
    struct df_arg args[8];
    struct bytes trusted[8];
    struct df_base base;
    struct bytes env[8], onbuild[8];
};

/*
 * Reads "target=x;last;final;platform=p;buildkit;classic;trust=glob;arg=K=V;arg=K" and, for one
 * base image, "base=name;env=K=V;onbuild=COPY a b", or "base=name;silent". A newline in a value
 * is written as it is.
 */
void ask_read(struct ask *ask, const char *options);

#endif
