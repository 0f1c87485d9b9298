/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stages: what each stage is built on, which other stages it needs, and the instructions that
 * run in it. All of it is by the rules of one builder, an->dialect. Thread: any.
 */
#ifndef CTXD_STAGES_H
#define CTXD_STAGES_H

#include "scope.h"

enum base {
    BASE_STAGE,   /* an earlier stage */
    BASE_SCRATCH, /* the empty image: no triggers and no variables */
    BASE_CONFIG,  /* an image whose config was given */
    BASE_TRUSTED, /* an image without ONBUILD triggers; its variables are unknown */
    BASE_UNKNOWN, /* an image whose triggers and variables are unknown */
    BASE_ANY,     /* not even the name is known: an image, or an earlier stage */
};

struct stage {
    const struct df_stage *df;
    const struct df_instruction *from;
    struct bytes image;          /* the base's name, expanded; only the certain prefix if … */
    bool image_unknown;          /* … a variable in it is unknown */
    struct bytes image_variable; /* then: the first unknown one */
    enum base base;
    const struct df_base *config; /* NULL: none was given. Set also if its `known` is false */
    uint32_t parent;              /* BASE_STAGE: index of that stage */
    uint32_t depth;               /* number of stages that it is built on */
    uint32_t *deps;               /* indexes of the other stages that it needs */
    size_t n_deps, cap_deps;
    bool needed;  /* some build of this request may run it */
    bool certain; /* every build of this request runs it */
    struct scope scope;
};

/* The ONBUILD triggers of a base image's config. */
struct triggers {
    bool tried;             /* parsed already */
    bool malformed;         /* some trigger can't be parsed */
    struct dockerfile **at; /* each has one instruction after a FROM; owned */
    size_t n;
};

/* Finds all stages, their bases and the stages that they need. -EINVAL: a malformed base name.
 * -E2BIG past STAGE_DEPTH_MAX or WORDS_RUN_MAX. */
int stages_build(struct analysis *an, struct failure *f) must_use;
/* The index of the target, whose name may be in upper or lower case; UINT32_MAX: there is none.
 * Of several stages with that name BuildKit takes the last one, the classic builder the first
 * one. A number is no target. */
uint32_t stages_find_target(const struct dockerfile *df, struct bytes target, bool last);
/* Sets needed and certain. -EINVAL: the target is no stage. */
int stages_reach(struct analysis *an, struct failure *f) must_use;

/* Called with each instruction that runs in a stage, and with the line to name in messages. */
typedef int stage_visit(struct analysis *an, struct stage *stage,
                        const struct df_instruction *in, uint32_t line, struct failure *f);
/* Visits the triggers of the base, then the stage's own instructions. Stops at the first visit
 * that fails, and returns that failure. -E2BIG past WORDS_RUN_MAX. */
int stages_run(struct analysis *an, struct stage *stage, stage_visit *visit,
               struct failure *f) must_use;

/* Tells whether text is a number as Go's strconv.Atoi reads one, which is how builders tell a
 * number in --from from a name. A number past 64 bits gives UINT64_MAX. */
bool stages_number(struct bytes text, uint64_t *ret);

/* The value of the last flag of that name; false if there is none. */
bool df_find_flag(const struct df_instruction *in, struct bytes name, struct bytes *ret_value);

#endif
