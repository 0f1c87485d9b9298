/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats: bounded readers and writers for TOML, JSON, YAML and XML.
 *
 *     cleanup_values struct values pool = {0};
 *     struct value *root;
 *     int r = toml_read(&pool, BYTES("Cargo.toml"), text, &root, f);
 *     struct bytes edition = value_text(value_get(value_get(root, "package"), "edition"));
 *
 * TOML, JSON and YAML become the same tree of values (value.h). XML, which doesn't fit that
 * tree, has its own (xml-tree.h). All readers keep the same rules:
 *
 *  1. Input is hostile. A text of more than MANIFEST_MAX bytes is refused, and one of more than
 *     MANIFEST_DEPTH levels.
 *  2. A failure is -EINVAL with the text "NAME:LINE: what is wrong", or -E2BIG with
 *     "NAME: what is too large". NAME is the `name` that the caller gave. The text quotes no
 *     value, because it may be a credential. *ret_root is written only on success.
 *  3. The result lives in `pool` and may point into the text, so the text must live as long.
 *
 * A writer appends to a struct buf and fails with -E2BIG past the maximum of the buffer.
 *
 * libyaml, expat and jansson are each included in one file of this room. There is one
 * exception: proto/ builds and takes apart its messages with jansson directly, because a
 * message becomes a struct at once and can have 32 MiB, of which a tree of values would be a
 * second copy.
 *
 * Thread: one at a time for each pool.
 */
#ifndef CTXD_FORMATS_H
#define CTXD_FORMATS_H

#include "json-read.h"
#include "json-write.h"
#include "toml-read.h"
#include "toml-write.h"
#include "value.h"
#include "xml-read.h"
#include "xml-tree.h"
#include "yaml-read.h"

#endif
