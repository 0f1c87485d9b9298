/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of what manifests are written in, and the writers of what we say of them. Input
 * is hostile: each is bounded in size and depth, and fails with "FILE:LINE: what is wrong".
 *
 * `name` is the file in messages. Text is borrowed by what is returned. Thread: one at a time.
 */
#ifndef CTXD_FORMATS_H
#define CTXD_FORMATS_H

#include "value.h"

/* A larger manifest or lock file is refused: the largest lock files of the wild have 5 MiB. */
#define MANIFEST_MAX (32u << 20)
/* Deeper values are refused: readers and writers recurse. Cargo's own limit is 128. */
#define MANIFEST_DEPTH 100

/*
 * TOML 1.0, with what 1.1 allows in inline tables: line ends, comments, a comma at the end.
 * -EINVAL, -E2BIG.
 */
int toml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;
/* JSON by jansson; no key twice. -EINVAL, -E2BIG. */
int json_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;
/* The same of a text up to `max` bytes. */
int json_read_large(struct values *pool, struct bytes name, struct bytes text, size_t max,
                    struct value **ret_root, struct failure *f) must_use;
/*
 * YAML by libyaml: the first document. Anchors, aliases and tags are refused, so that a small
 * file can't become a large tree. Every scalar is a string. -EINVAL, -E2BIG.
 */
int yaml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f) must_use;

/*
 * TOML that depends on nothing but what is said: top-level tables in cargo's customary order,
 * one header each, keys sorted and quoted, all below it on one line. Sorts `root` in place.
 * -E2BIG past the buffer's maximum.
 */
int toml_write(struct value *root, struct buf *to) must_use;
int toml_write_string(struct bytes text, struct buf *to) must_use;
/* JSON as npm writes it: indented by two, keys in their order. */
int json_write_pretty(const struct value *v, struct buf *to) must_use;
/* A JSON string; what is no UTF-8 becomes U+FFFD. */
int json_write_string(struct bytes text, struct buf *to) must_use;

/* An element of XML: its children are elements, or text (name empty). */
struct xml {
    struct bytes name; /* with its prefix, as written */
    struct bytes text;
    struct pair *attributes; /* values are strings */
    size_t n_attributes, cap_attributes;
    struct xml **below;
    size_t n, cap;
    uint32_t line;
};

/* XML by expat, without comments and instructions; a DOCTYPE is refused. -EINVAL, -E2BIG. */
int xml_read(struct values *pool, struct bytes name, struct bytes text, struct xml **ret_root,
             struct failure *f) must_use;
/* The first child element of a name, or NULL; the text in an element, trimmed. */
struct xml *xml_get(const struct xml *at, const char *name);
struct bytes xml_text(const struct xml *at);
struct bytes xml_attribute(const struct xml *at, const char *name);
void xml_drop(struct xml *at, const char *name); /* all children of the name */
void xml_set_text(struct values *pool, struct xml *at, struct bytes text);
/* Indented by one space a level, so that a diff of two recipes can be read. */
int xml_write(const struct xml *root, struct buf *to) must_use;

#endif
