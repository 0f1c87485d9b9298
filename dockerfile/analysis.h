/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analysis: the state of one question to a Dockerfile, and the frame of each walk through it.
 *
 *     analysis_begin(&an, df, request);
 *     for each dialect that analysis_asks() says:
 *         r = analysis_dialect(&an, dialect, f);      globals, stages, which are needed
 *         … stages_run() for each needed stage        reads.c, rewrite.c
 *         analysis_dialect_end(&an);
 *     analysis_end(&an);
 *
 * The functions are the frame's; the struct is for all files below it. Thread: any.
 */
#ifndef CTXD_ANALYSIS_H
#define CTXD_ANALYSIS_H

#include "stages.h"

/*
 * The two builders differ in what a variable is at a COPY, in which stages they run, and in
 * what they take for a stage. So the file is walked through once for each builder that may read
 * the stream.
 */
enum dialect { BUILDKIT, CLASSIC };

struct pending_note {
    uint32_t line;
    bool whole; /* it says that a source was widened to the whole context */
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
    struct triggers *triggers; /* by index of request->bases; parsed when first needed */
    bool exact_whole;          /* an instruction reads the whole context as it is written */
    bool failed; /* in this dialect every build runs into a malformed word: see failure */
    struct failure failure;
    size_t words_run; /* words of triggers visited so far, against WORDS_RUN_MAX */
    const struct df_rewrite *rewrite; /* what is asked; NULL: it is no rewrite */
};

/* df and request must outlive the analysis. */
void analysis_begin(struct analysis *an, const struct dockerfile *df,
                    const struct df_request *request);
void analysis_end(struct analysis *an);

/* Tells whether the request's builder may be this one. */
bool analysis_asks(const struct analysis *an, enum dialect dialect);
/* Runs the global ARGs and builds the stages by one builder's rules. Also after a failure the
 * caller calls analysis_dialect_end(). -EINVAL, -E2BIG as dockerfile_reads(). */
int analysis_dialect(struct analysis *an, enum dialect dialect, struct failure *f) must_use;
void analysis_dialect_end(struct analysis *an);

/* The syntax in charge of the file if it is not Docker's own, else empty. *ret_by_arg: it comes
 * from the build argument BUILDKIT_SYNTAX. */
struct bytes df_foreign_syntax(const struct dockerfile *df, const struct df_request *request,
                               bool *ret_by_arg);

#endif
