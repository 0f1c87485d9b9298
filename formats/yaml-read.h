/* SPDX-License-Identifier: Apache-2.0 */
/* Reads YAML. Thread: one at a time for each pool. */
#ifndef CTXD_YAML_READ_H
#define CTXD_YAML_READ_H

#include "value.h"

/*
 * Reads the first document; one without content gives an empty map. Anchors and aliases are
 * refused, so that a small file can't become a large tree. Tags are ignored: every scalar is a
 * VALUE_STRING. The text is not borrowed. -EINVAL, -E2BIG: see formats.h.
 */
int yaml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;

#endif
