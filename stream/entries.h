/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree -> entries: which nodes a view sends, in which order, and what each becomes in the tar.
 * The names of a directory come in byte order, and its entries directly after the directory.
 * Every use of a tree decides this here: the cut into chunks, a chunk's own entries, a digest.
 *
 *     struct links *links = links_make(&terms, tree);
 *     entries_walk(&terms, tree, BYTES(""), visit, context);
 *     links_unref(links);
 *
 *     visit(): if (entry_of(&terms, links, path, node, &e))
 *                  h = entry_header(&terms, &e, NULL);
 *
 * Thread: any; all arguments are read only.
 */
#ifndef CTXD_ENTRIES_H
#define CTXD_ENTRIES_H

#include "base.h"
#include "hashdb.h"
#include "tar-header.h"

#include <stdatomic.h>

enum entry_kind {
    ENTRY_NODE, /* of the tree; its content is read when it is packed */
    ENTRY_TEXT, /* a regular file whose content is in memory: the Dockerfile */
    ENTRY_LINK, /* a hard link to an earlier entry */
    ENTRY_RAW,  /* literal bytes of tar: the inner header, end marks */
};

struct entry {
    enum entry_kind kind;
    bool empty;              /* a regular file sent without its content */
    struct bytes path;       /* NUL-terminated */
    const struct node *node; /* NULL: not of the tree */
    struct bytes text;       /* ENTRY_TEXT, ENTRY_RAW: content; ENTRY_LINK: the first path */
};

struct entries {
    struct arena arena;
    struct entry *at;
    size_t n, cap;
};

/* What decides, besides the tree, how a view's entries look. Part of the key of a view. */
struct terms {
    uint32_t bit; /* the view's, in the tree */
    bool fixed_mtime;
    int64_t mtime_seconds;
    struct bytes aside; /* the name in the root that is sent at the end of the stream … */
    bool aside_dropped; /* … or is left out, because another file of that name is added */
    struct bytes dockerfile; /* CARRY_NODE: its text, sent under the first of its names … */
    uint64_t dev, ino;       /* … and which file that is */
    bool classic;            /* the classic builder's habits: see entry_header() */
    bool for_digest;         /* no hard links; chunks end by paths alone */
};

/* (dev, ino) -> the first path in the stream, of files with several links. Sealed. */
struct links;
struct links *links_make(const struct terms *terms, const struct tree *tree);
struct links *links_ref(struct links *links);
void links_unref(struct links *links); /* takes NULL */

/*
 * Walks what a view sends in the order of the stream, from the first path that is not before
 * `from` (empty: from the beginning) until visit() returns false. `path` is valid during the
 * call only. What is set aside is skipped.
 */
typedef bool entries_visit(void *context, struct bytes path, const struct node *node);
void entries_walk(const struct terms *terms, const struct tree *tree, struct bytes from,
                  entries_visit *visit, void *context);

/* The entry of a node; false: a socket or device, which has none. Borrows path. */
bool entry_of(const struct terms *terms, const struct links *links, struct bytes path,
              const struct node *node, struct entry *ret);

/*
 * The header of an entry by the stat of its node (or by its text); `now`, if not NULL, is used
 * instead of the node's stat. Not for ENTRY_RAW.
 */
struct tar_header entry_header(const struct terms *terms, const struct entry *e,
                               const struct stat_identity *now);
/* The bytes of its content; of ENTRY_RAW all of its bytes. */
uint64_t entry_size(const struct entry *e);
/* All of its bytes in the tar: header, content and padding. */
uint64_t entry_tar_bytes(const struct terms *terms, const struct entry *e);

/* <0, 0, >0 in the order of the stream: byte order of names, a directory before its entries. */
int stream_order(struct bytes a, struct bytes b);

#endif
