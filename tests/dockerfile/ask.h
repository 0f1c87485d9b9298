/* SPDX-License-Identifier: Apache-2.0 */
/* ask: makes a struct df_request from one line of text, for tests. */
#ifndef CTXD_ASK_H
#define CTXD_ASK_H

#include "dockerfile.h"

/* The views in it point into the options. */
struct ask {
    struct df_request request;
    struct df_arg args[8];
    struct bytes trusted[8];
    struct df_base base;
    struct bytes env[8], onbuild[8];
};

/*
 * Reads "target=x;last;final;platform=p;buildkit;classic;trust=glob;arg=K=V;arg=K". For one
 * base image it reads "base=name;env=K=V;onbuild=COPY a b", or "base=name;silent" if the engine
 * gave no answer. A value may contain newlines.
 */
void ask_read(struct ask *ask, const char *options);

#endif
