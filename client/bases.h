/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out about the base images that a Dockerfile builds on. Their variables and ONBUILD
 * triggers decide what the build reads. They are known to an engine that has the images, or
 * come from a file that the user gives.
 *
 *     r = dockerfile_bases(df, &request, &names, &n, f);
 *     r = bases_find("engine", names, n, &arena, &bases, f);
 *     request.bases = bases, request.n_bases = n;
 *
 * Each name gets one answer: known, or unknown with a reason. An engine that is absent, slow or
 * hostile leaves a base unknown; it never makes the command fail, and one command never acts on
 * two different answers. The answers come from outside, so their size is bounded, and only
 * strings are taken out of their JSON.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_BASES_H
#define CTXD_BASES_H

#include "dockerfile.h"

/*
 * source: "engine", "none" (each is unknown), or the path of a file that contains the output of
 * `docker image inspect`, one image or an array. *ret_bases has n_names elements, in the arena.
 * Fails only for a file: -errno of open or read, -EINVAL for text that is not such JSON, -E2BIG
 * for more than BASE_CONFIG_MAX.
 */
int bases_find(const char *source, const struct bytes *names, size_t n_names,
               struct arena *arena, struct df_base **ret_bases, struct failure *f) must_use;

#endif
