/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources: adds to an->reads what a source of COPY, ADD or a bind mount may read.
 *
 * `read` comes with kind, line, source and globstar filled; its views are copied. A read that
 * the same line has added before is not added again. All fail with -E2BIG past READS_MAX.
 * Thread: any.
 */
#ifndef CTXD_SOURCES_H
#define CTXD_SOURCES_H

#include "dockerfile.h"

struct analysis;

/* Tells whether ADD fetches the source from elsewhere, not from the context. */
bool source_is_remote(struct bytes text);

/* Tells whether a builder takes the text for a pattern. */
bool source_has_wildcard(struct bytes text);

/* Adds what a source of COPY or ADD reads; `text` has its variables expanded, all known. */
int source_add_exact(struct analysis *an, struct df_read read, struct bytes text, bool parents,
                     struct failure *f) must_use;
/* Adds all that a source may read if only its first bytes are known. *ret_whole: that is the
 * whole context. */
int source_add_widened(struct analysis *an, struct df_read read, struct bytes word,
                       const struct df_expanded *expanded, bool *ret_whole,
                       struct failure *f) must_use;
/* Adds one path, in which no character is a wildcard. */
int source_add_path(struct analysis *an, struct df_read read, struct bytes path,
                    struct failure *f) must_use;

#endif
