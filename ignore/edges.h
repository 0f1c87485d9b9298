/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern as a row of edges, one for each component: the way that the pattern takes through
 * the trie.
 *
 *     src/b.log      LITERAL src, LITERAL b.log
 *     *.log          ENDS .log
 *     a/tmp*         LITERAL a, STARTS tmp
 *     a/b*c          LITERAL a, GLOB b*c
 *     a/ and `**`    LITERAL a, FLOAT_ALL, ANY
 *
 * Thread: any.
 */
#ifndef CTXD_EDGES_H
#define CTXD_EDGES_H

#include "pattern.h"

/* How a name, or nothing, leads from one node of the trie to the next. */
enum edge_kind {
    EDGE_LITERAL,    /* the name is `text` */
    EDGE_STARTS,     /* it starts with text: `abc*` */
    EDGE_ENDS,       /* it ends with text: `*.log` */
    EDGE_GLOB,       /* a part of a program matches it */
    EDGE_ANY,        /* any name: `*` */
    EDGE_LINE,       /* any name without a newline */
    EDGE_FLOAT_ALL,  /* takes no name: what follows may match here and at any depth below */
    EDGE_FLOAT_LINE, /* the same, but not below a directory with a newline in its name */
    EDGE_PRUNE,      /* a component of the text of an exception: trie_add_text() */
};

struct edge {
    enum edge_kind kind;
    struct bytes text;
    const struct regex *regex; /* EDGE_GLOB: its instructions [from, to) */
    uint32_t from, to;
};

struct edges {
    struct arena *arena;
    struct edge *at;
    size_t n, cap;
    bool below; /* everything below what the last edge leads to matches, too */
};

/*
 * Appends the edges of the pattern to *edges. What the last edge leads to is what the pattern
 * matches. Returns false if the pattern is not a row of whole components: then it runs as a
 * program, component by component.
 */
bool pattern_edges(const struct pattern *p, struct edges *edges);
/* Whether an EDGE_GLOB matches the whole name. */
bool edge_match_glob(const struct edge *edge, struct bytes name);

#endif
