/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: the variables of a stage, line by line.
 *
 *     scope_begin(&stage->scope, an, stage);      after the base image
 *     r = scope_arg(&stage->scope, in, f);        each ARG and ENV in order
 *     r = scope_expand(&stage->scope, word, &expanded, f);
 *     scope_release(&stage->scope);
 *
 * Values are in the arena of the analysis. Thread: any.
 */
#ifndef CTXD_SCOPE_H
#define CTXD_SCOPE_H

#include "dockerfile.h"

struct analysis;
struct stage;

/* Why a value is unknown: it decides what the note says and which option would help. */
enum cause {
    CAUSE_NONE,
    CAUSE_ARG,      /* docker build --build-arg may set it */
    CAUSE_PLATFORM, /* the builder sets it */
    CAUSE_PROXY,    /* Docker's configuration may set it */
    CAUSE_BASE,     /* the base image may set it */
    CAUSE_ORDER,    /* builders disagree on a line that sets and uses it */
    CAUSE_NAME,     /* a line sets a variable whose name is unknown; it may be this one */
};

struct variable {
    enum df_value state;
    struct bytes value; /* if known; else a guess */
    enum cause cause;   /* if unknown */
    struct bytes root;  /* if unknown: the variable that is the reason. It is this one, or one
                           that this one's value is made of */
};

/* What the variables are at one line of a stage. */
struct scope {
    struct analysis *an;
    const struct scope *parent; /* of the stage that this one is built on, at its end */
    struct table vars;          /* name -> struct variable * */
    struct table args;  /* the classic builder's ARGs: an ENV hides them, FROM drops them */
    bool global;        /* before the first FROM: a variable that isn't in vars is unset */
    bool env_known;     /* the base image's variables are in vars */
    bool any_name;      /* a line set a variable whose name is unknown */
    struct bytes image; /* the base image, for notes */
};

/* The scope before the first FROM, as it is before the first ARG. */
void scope_global(struct scope *scope, struct analysis *an);
/* A stage's scope at its beginning, right after its base. */
void scope_begin(struct scope *scope, struct analysis *an, const struct stage *stage);
/* Takes a scope that is all zero, too. */
void scope_release(struct scope *scope);

struct variable scope_lookup(const struct scope *scope, struct bytes name);
/* Fails as df_expand() does. */
int scope_expand(struct scope *scope, struct bytes word, struct df_expanded *ret,
                 struct failure *f) must_use;
/* Runs an ARG or ENV. -EINVAL for a malformed word: the variables that it sets are unknown from
 * there on. -E2BIG as df_expand(). */
int scope_arg(struct scope *scope, const struct df_instruction *in, struct failure *f) must_use;
int scope_env(struct scope *scope, const struct df_instruction *in, struct failure *f) must_use;

/* Text of the file, for a message: bare if that can't be misread, else quoted. */
struct bytes df_plain_text(struct arena *arena, struct bytes text);
/* "SRC may be set by …; --… says it won't be", for an unknown variable. */
struct bytes scope_reason(struct arena *arena, const struct scope *scope, struct bytes name);

#endif
