/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the stream that an instruction must not see; hide.c says why. */
#ifndef CTXD_HIDE_H
#define CTXD_HIDE_H

#include "rules.h"
#include "stream.h"

struct hidden {
    struct df_hide *at; /* one for each line that must not see something; in the arena */
    size_t n, cap;
    uint32_t failed_line;     /* of an instruction from which … */
    struct bytes failed_name; /* … this name can't be hidden … */
    const char *failed_why;   /* … and why. NULL: there is none */
};

/*
 * Finds what the sources with a pivot would see in the stream, and would not see in the context
 * of `docker build .`. `bit` is the view's in the tree. added: the name of an entry that the
 * stream adds to the tree; empty: none is added. Notes warn of what depends on the target or on
 * a value that is not final. 0, or -errno as dockerfile_reads(). Thread: any.
 */
int hide_find(const struct send_request *request, const struct reads *reads,
              const struct tree *tree, uint32_t bit, struct bytes added, struct notes *notes,
              struct arena *arena, struct hidden *ret, struct failure *f) must_use;

#endif
