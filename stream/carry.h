/* SPDX-License-Identifier: Apache-2.0 */
/* How the Dockerfile travels in the stream; carry.c has the table. */
#ifndef CTXD_CARRY_H
#define CTXD_CARRY_H

#include "rules.h"
#include "stream.h"

struct carriage {
    enum {
        CARRY_NODE,  /* a kept file of the tree, at the place where a builder looks for it */
        CARRY_EXTRA, /* added as Dockerfile */
        CARRY_INNER, /* added, rewritten, beside an inner tar of the whole context */
        CARRY_NONE,  /* not at all (bare) */
    } how;
    struct bytes name; /* in the tar: "Dockerfile", or "dockerfile" */
    struct bytes text;
    struct bytes tar_name; /* CARRY_INNER: of the inner tar */
    bool rewritten;        /* text is not that of the file */
    bool replaces;         /* CARRY_EXTRA: a node of that name is left out */
    bool guard;            /* a kept `dockerfile` could take its place in a cut stream */
    bool ship_ignore;      /* classic: .dockerignore goes along, and the engine removes it */
};

/*
 * Decides how it travels. `bit` is the view's in the tree. recipe_line: the line of the
 * instruction that would take .ctx along; 0: none would. Texts of *ret are the request's or in
 * the arena. -EOPNOTSUPP with a message if the Dockerfile can't travel. Thread: any.
 */
int carry_decide(const struct send_request *request, const struct rules *rules,
                 const struct tree *tree, uint32_t bit, uint32_t recipe_line,
                 struct notes *notes, struct arena *arena, struct carriage *ret,
                 struct failure *f) must_use;

#endif
