/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of sources that a build will not find; missing.c has the rules. */
#ifndef CTXD_MISSING_H
#define CTXD_MISSING_H

#include "rules.h"

/*
 * Adds a warning for each source of COPY, ADD and a bind mount that makes the build fail: of
 * the request's target, or without one of the last stage, which `docker build` builds by
 * itself. `bit` is the view's in the tree. notes may be NULL: then nothing is looked at.
 * Thread: any.
 */
void missing_note(const struct send_request *request, const struct rules *rules,
                  const struct tree *tree, uint32_t bit, struct notes *notes);

#endif
