/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the second half of dockerfile/ (stages -> reads -> walk -> rewrite) shares among its
 * own files. Nothing outside includes it.
 */
#ifndef CTXD_READS_PRIV_H
#define CTXD_READS_PRIV_H

#include "dockerfile-priv.h"

/*
 * All maxima of the analysis, each far past what people write, so that a hostile file ends in
 * a clear error and not in all of the memory or a minute of time.
 */
enum {
    READS_MAX = 100000,            /* sources of all instructions, links followed included */
    READS_COMPONENTS_MAX = 262144, /* path components of all patterns, shared prefixes once */
    STAGE_DEPTH_MAX = 100,         /* stages built on each other; an image has 127 layers */
    WORDS_RUN_MAX = 2000000, /* words of ONBUILD triggers, once for each stage they run in */
};

/* ---- reads.c: the set ----------------------------------------------------------------- */

struct reads *reads_new(void);

/* Adds one; all views must be in reads->arena or static. -E2BIG past READS_MAX. */
int reads_add(struct reads *reads, struct df_read read, struct failure *f) must_use;

/* Compiles the patterns for select_root() and reads_cover(). -E2BIG past the maximum. */
int select_compile(struct reads *reads, struct failure *f) must_use;
void select_free(struct reads *reads);

/* ---- the analysis --------------------------------------------------------------------- */

/*
 * The two builders differ in what a variable is at a COPY, in which stages they run and in what
 * they take for a stage: the file is gone through once for each that may read the stream.
 */
enum dialect { BUILDKIT, CLASSIC };

/* Why a value isn't known: what note tells, and which option would help. */
enum cause {
    CAUSE_NONE,
    CAUSE_ARG,      /* docker build --build-arg may set it */
    CAUSE_PLATFORM, /* the builder sets it */
    CAUSE_PROXY,    /* Docker's configuration may set it */
    CAUSE_BASE,     /* the base image may set it */
    CAUSE_ORDER,    /* builders disagree on a line that sets and uses it */
    CAUSE_NAME,     /* a name that is itself a variable may be this one */
};

struct variable {
    enum df_value state;
    struct bytes value; /* where known; else a guess */
    enum cause cause;   /* where unknown */
    struct bytes root; /* the variable that is the reason: itself, or one that it was made of */
};

/* What the variables are at one point of a stage. */
struct scope {
    struct analysis *an;
    const struct scope *parent; /* the in-file base, at its end */
    struct table vars;          /* name -> struct variable * */
    struct table args;          /* classic: ARGs, which any ENV hides and FROM forgets */
    bool global;                /* before the first FROM: what isn't there is unset */
    bool env_known;             /* the base image's variables are in vars */
    bool any_name;              /* something with an unknown name was set */
    struct bytes image;         /* the base image, for notes */
};

enum base {
    BASE_STAGE,   /* an earlier stage */
    BASE_SCRATCH, /* nothing, and nothing more to know */
    BASE_CONFIG,  /* an image whose config was given */
    BASE_TRUSTED, /* no ONBUILD; its variables aren't known */
    BASE_UNKNOWN, /* ONBUILD and variables aren't known */
    BASE_ANY,     /* not even its name is known: maybe a stage before */
};

struct stage {
    const struct df_stage *df;
    const struct df_instruction *from;
    struct bytes image; /* the base's name, expanded; where unknown: its certain prefix */
    bool image_unknown;
    struct bytes image_variable; /* then: the first one in it that isn't known */
    enum base base;
    const struct df_base *config; /* also where known is false */
    uint32_t parent;              /* BASE_STAGE */
    uint32_t depth;               /* stages below it */
    uint32_t *deps;               /* stages it needs, but the parent */
    size_t n_deps, cap_deps;
    bool needed;  /* by what may be built */
    bool certain; /* by every build of this request */
    struct scope scope;
};

/* The ONBUILD instructions of a base's config. */
struct triggers {
    bool tried, malformed;
    struct dockerfile **at; /* each with one instruction behind a FROM; owned */
    size_t n;
};

struct pending_note {
    uint32_t line;
    bool whole; /* widened to the whole context */
    struct bytes text;
};

struct analysis {
    const struct dockerfile *df;
    const struct df_request *request;
    enum dialect dialect;
    struct arena arena; /* lives as long as the analysis */
    struct reads *reads;
    struct scope globals;
    struct stage *stages;
    size_t n_stages;
    struct table names; /* stage name -> index + 1, of the stages so far */
    struct table seen;  /* reads already added, of both dialects */
    struct table noted; /* notes already taken */
    struct pending_note *notes;
    size_t n_notes, cap_notes;
    struct table wanted; /* base images whose config would narrow the answer */
    struct bytes *wanted_at;
    size_t n_wanted, cap_wanted;
    struct triggers *triggers; /* by index of request->bases, parsed when first needed */
    bool exact_whole;          /* an instruction reads the whole context, unwidened */
    bool failed; /* in this dialect, on what every build runs into: failure says */
    struct failure failure;
    size_t words_run;
    struct bytes outside; /* a rewrite's: the directory that stays readable as it is */
};

/* ---- scope.c -------------------------------------------------------------------------- */

/* The globals of an analysis, before its first ARG. */
void scope_global(struct scope *scope, struct analysis *an);
/* A stage's scope where it begins: after its base. */
void scope_begin(struct scope *scope, struct analysis *an, const struct stage *stage);
void scope_release(struct scope *scope);

struct variable scope_lookup(const struct scope *scope, struct bytes name);
int scope_expand(struct scope *scope, struct bytes word, struct df_expanded *ret,
                 struct failure *f) must_use;
/* Runs an ARG or ENV. -EINVAL for a malformed word: then what it sets is unknown. */
int scope_arg(struct scope *scope, const struct df_instruction *in, struct failure *f) must_use;
int scope_env(struct scope *scope, const struct df_instruction *in, struct failure *f) must_use;
/* Text from a file, for a message: bare where that can't be misread, else quoted. */
struct bytes df_plain_text(struct arena *arena, struct bytes text);
/* "SRC may be set by …; --… says it won't be", for an unknown variable. */
struct bytes scope_reason(struct arena *arena, const struct scope *scope, struct bytes name);

/* ---- base-images.c -------------------------------------------------------------------------- */

/* Fills in what stage->image is, where no stage has that name. */
void df_base_judge(const struct analysis *an, struct stage *stage);
/* The name in stage->image without tag and digest, whole only where it can't go on. */
bool df_base_name(const struct stage *stage, struct bytes *ret);
/* Whether it is an official image, of whatever tag. */
bool df_base_is_official(const struct stage *stage);
/* Remembers that this image's config would have narrowed the answer. */
void df_base_want(struct analysis *an, const struct stage *stage);

/* ---- stages.c ------------------------------------------------------------------------- */

/* All stages, their bases and which stages they need. -EINVAL: a malformed base name. */
int stages_build(struct analysis *an, struct failure *f) must_use;
/* Sets needed and certain; -EINVAL where the target is no stage. */
int stages_reach(struct analysis *an, struct failure *f) must_use;

/* Is given each instruction that runs in a stage, with the line to name in messages. */
typedef int stage_visit(struct analysis *an, struct stage *stage,
                        const struct df_instruction *in, uint32_t line, struct failure *f);
/* Visits the triggers of the base, then the stage's own. Stops at the first that fails. */
int stages_run(struct analysis *an, struct stage *stage, stage_visit *visit,
               struct failure *f) must_use;

/* Whether text is a number as Go's strconv.Atoi reads one, which `--from` goes by. */
bool stages_number(struct bytes text, uint64_t *ret);

/* The value of the last flag of that name; false where there is none. */
bool df_find_flag(const struct df_instruction *in, struct bytes name, struct bytes *ret_value);

/* ---- reads.c: the frame ---------------------------------------------------------------- */

/* The language that is in charge of the file, if it is another than ours; else empty. */
struct bytes df_foreign_syntax(const struct dockerfile *df, const struct df_request *request,
                               bool *ret_by_arg);
void analysis_begin(struct analysis *an, const struct dockerfile *df,
                    const struct df_request *request);
void analysis_end(struct analysis *an);
/* Whether the request's builder may be this one. */
bool analysis_asks(const struct analysis *an, enum dialect dialect);
/* The globals and stages by one builder's rules, until analysis_dialect_end(). */
int analysis_dialect(struct analysis *an, enum dialect dialect, struct failure *f) must_use;
void analysis_dialect_end(struct analysis *an);

/* ---- run-mounts.c ------------------------------------------------------------------------- */

struct mount {
    struct bytes type, from, source; /* as written, unexpanded, CSV quotes removed */
    bool has_from;
};
/* Reads the value of a RUN --mount. -EINVAL where the builder can't. */
int df_mount_parse(struct arena *arena, struct bytes value, struct mount *ret,
                   struct failure *f) must_use;
/* Whether a mount of that type reads the context where it has no from: bind does, and a type
 * that no builder of today knows may. */
bool df_mount_may_read(struct bytes type);

/* ---- sources.c ------------------------------------------------------------------------ */

/* Whether ADD fetches it from elsewhere, wherever the context is. */
bool source_is_remote(struct bytes text);

/* Adds what a COPY or ADD source reads, once its variables are known. */
int source_add_exact(struct analysis *an, struct df_read read, struct bytes text, bool parents,
                     struct failure *f) must_use;
/* Adds all that a source may read of which only the first bytes are known; *ret_whole:
 * everything. */
int source_add_widened(struct analysis *an, struct df_read read, struct bytes word,
                       const struct df_expanded *expanded, bool *ret_whole,
                       struct failure *f) must_use;
/* Adds one path, no pattern. */
int source_add_path(struct analysis *an, struct df_read read, struct bytes path,
                    struct failure *f) must_use;

#endif
