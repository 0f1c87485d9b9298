/* SPDX-License-Identifier: Apache-2.0 */
/* Reads XML. Thread: one at a time for each pool. */
#ifndef CTXD_XML_READ_H
#define CTXD_XML_READ_H

#include "xml-tree.h"

/*
 * Reads a document into a tree of elements, without comments and processing instructions. Text
 * is trimmed, and text of white space alone is dropped. Attributes are sorted by name. A
 * DOCTYPE is refused, because its entities could grow a small file without bound and name other
 * files. The text is not borrowed. -EINVAL, -E2BIG: see formats.h.
 */
int xml_read(struct values *pool, struct bytes name, struct bytes text, struct xml **ret_root,
             struct failure *f) must_use;

#endif
