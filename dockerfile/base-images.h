/* SPDX-License-Identifier: Apache-2.0 */
/* base-images: what is known of the image that a stage begins with. Thread: any. */
#ifndef CTXD_BASE_IMAGES_H
#define CTXD_BASE_IMAGES_H

#include "stages.h"

/* Sets stage->base and stage->config from stage->image, which is the name of no stage. */
void df_base_judge(const struct analysis *an, struct stage *stage);
/* The name in stage->image without tag and digest. True if it is whole: no variable can add to
 * it. */
bool df_base_name(const struct stage *stage, struct bytes *ret);
/* Tells whether the base is an official image, with whatever tag. */
bool df_base_is_official(const struct stage *stage);
/* Notes that the config of this stage's base image would have narrowed the answer. */
void df_base_want(struct analysis *an, const struct stage *stage);

#endif
