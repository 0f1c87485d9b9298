/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buildx-local: what buildx does if it builds a directory, and leaves out, without a word, if
 * it gets a stream or a URL: policies and git labels. docs/builders.md has the whole table.
 * Thread: any. Source: buildx build/opt.go, build/policy_loader.go, build/git.go, v0.38.
 */
#ifndef CTXD_BUILDX_LOCAL_H
#define CTXD_BUILDX_LOCAL_H

#include "selection.h"

enum buildx_use { BUILDX_STREAM, BUILDX_URL, BUILDX_DIGEST };

/* Adds a warning for each, with its remedy. */
void buildx_note(const struct selection *selection, const struct options *options,
                 enum buildx_use use, struct notes *notes);

#endif
