/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the Docker engine about base images, through the program ctx-engine-config. Only that
 * program links libcurl, because loading libcurl takes 5.6 ms at every start and few sends need
 * it.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_ENGINE_H
#define CTXD_ENGINE_H

#include "dockerfile.h"

/* Milliseconds for the whole conversation. A local engine takes a few. */
#define ENGINE_TIMEOUT_MS 2000

/*
 * Fills in bases[0..n-1], whose names are set. Each base ends up known, with its variables and
 * triggers in the arena, or unknown with a reason. It never fails: an engine that is absent,
 * slow or hostile leaves its bases unknown. Waits ENGINE_TIMEOUT_MS at most.
 */
void engine_ask(struct df_base *bases, size_t n, struct arena *arena);

#endif
