/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the base images that a Dockerfile builds on: their variables and ONBUILD
 * triggers decide what the build reads, and only an engine that has them, or a file that the
 * user gives, can tell.
 *
 *     r = dockerfile_bases(df, &request, &names, &n, f);
 *     r = bases_find("engine", names, n, &arena, &bases, f);
 *     request.bases = bases, request.n_bases = n;
 *
 * One answer for each name: an engine that is absent, slow or hostile makes an unknown base
 * with a reason, never a failure and never two outcomes of one command. What is said comes from
 * outside: it is bounded, and of a JSON text only strings are taken.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_BASES_H
#define CTXD_BASES_H

#include "dockerfile.h"

/* For the whole of the conversation; a local engine takes a few milliseconds. */
#define ENGINE_TIMEOUT_MS 2000
/* For all answers together, and for a --base-config file: an image of 1,000 variables has 0.1.
 */
#define BASE_CONFIG_MAX (4u << 20)
/* Names asked for at once: a Dockerfile with more external bases is not a real one. */
#define BASES_MAX 64

/*
 * who: "engine", "none", or the name of a file with what `docker image inspect` prints: one
 * image or an array. *ret_bases has n_names elements, in the arena. Fails for a file only:
 * -ENOENT, -EINVAL for what is no such JSON, -E2BIG.
 */
int bases_find(const char *who, const struct bytes *names, size_t n_names, struct arena *arena,
               struct df_base **ret_bases, struct failure *f) must_use;

/*
 * The part of it that asks the engine, through the program ctx-engine-config (which alone links
 * libcurl: loading it costs every start 5.6 ms, and few need it). Fills in all of bases[].
 */
void engine_ask(struct df_base *bases, size_t n, struct arena *arena);

/* ---- of image configurations, shared with ctx-engine-config ------------------------ */

struct json_t;

/*
 * Takes variables and triggers out of an image as the engine describes it. On -EINVAL
 * base->reason says what is wrong with it.
 */
int base_from_json(const struct json_t *image, struct arena *arena,
                   struct df_base *base) must_use;

#endif
