/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a base image, as the Docker engine and `docker image inspect` describe
 * it in JSON: of all that, only the variables and the ONBUILD triggers matter here.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_BASE_CONFIG_H
#define CTXD_BASE_CONFIG_H

#include "dockerfile.h"
#include "formats.h"

/*
 * Bytes that are read of a --base-config file, and of all answers of the engine together. An
 * image with 1,000 variables takes 0.1 MiB.
 */
#define BASE_CONFIG_MAX (4u << 20)

/*
 * Reads Config.Env and Config.OnBuild of an image into base->env and base->onbuild, copied into
 * the arena, and sets base->known. Either list may be missing or null. On -EINVAL base->reason
 * says what is wrong.
 */
int base_from_image(const struct value *image, struct arena *arena,
                    struct df_base *base) must_use;

#endif
