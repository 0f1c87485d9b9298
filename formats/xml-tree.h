/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of an XML document: asked, changed and written again. Asking accepts NULL for an
 * element that is missing, so questions can be nested:
 *
 *     struct bytes group = xml_text(xml_get(xml_get(pom, "parent"), "groupId"));
 *
 * Thread: one at a time for each tree.
 */
#ifndef CTXD_XML_TREE_H
#define CTXD_XML_TREE_H

#include "value.h"

/* An element, or a text between elements, whose `name` is empty. Memory: the pool's. */
struct xml {
    struct bytes name;       /* with its namespace prefix, as written */
    struct bytes text;       /* of a text only */
    struct pair *attributes; /* values are strings */
    size_t n_attributes, cap_attributes;
    struct xml **below; /* the children, in the order of the document */
    size_t n, cap;
    uint32_t line; /* 1-based, where the element began */
};

/* The first child element of that name, or NULL. */
struct xml *xml_get(const struct xml *at, const char *name);
/* The first text among the children, trimmed; {NULL, 0} if there is none. */
struct bytes xml_text(const struct xml *at);
/* The value of an attribute; {NULL, 0} if there is none. */
struct bytes xml_attribute(const struct xml *at, const char *name);

/* Appends a child and returns it. */
struct xml *xml_add(struct values *pool, struct xml *into, struct xml *child);
/* Removes all child elements of that name. */
void xml_drop(struct xml *at, const char *name);
/* Replaces all children by one text, which is borrowed. */
void xml_set_text(struct values *pool, struct xml *at, struct bytes text);

/* Appends the document, indented by one space a level, so that a diff of two recipes is
 * readable. -E2BIG. */
int xml_write(const struct xml *root, struct buf *to) must_use;

#endif
