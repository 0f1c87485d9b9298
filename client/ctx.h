/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of ctx: one table (ctx-main.c), a file for each that does more than a few calls.
 */
#ifndef CTXD_CTX_H
#define CTXD_CTX_H

#include "connect.h"
#include "options.h"
#include "report.h"
#include "selection.h"

struct ctx_command {
    const char *name;
    const char *help; /* for `ctx --help`, one line */
    const struct command_line *line;
    enum exit_status (*run)(struct options *options, struct notes *notes);
};

extern const struct command_line start_line, stop_line, status_line, digest_line, url_line,
    watch_line;

enum exit_status ctx_start(struct options *options, struct notes *notes);
enum exit_status ctx_stop(struct options *options, struct notes *notes);
enum exit_status ctx_status(struct options *options, struct notes *notes);
enum exit_status ctx_digest(struct options *options, struct notes *notes);
enum exit_status ctx_url(struct options *options, struct notes *notes);
enum exit_status ctx_watch(struct options *options, struct notes *notes);

/* Reports a failure; returns EXIT_FAILED. */
enum exit_status ctx_failed(const struct failure *f);

/*
 * The digest of a selection, by a running daemon or here. *ret's strings are in answer->arena
 * or its own: released by ctx_digest_release().
 */
struct ctx_digested {
    struct proto_answer answer; /* of a daemon */
    struct digest_answer own;   /* or else this */
    const struct digest_answer *digest;
};
int ctx_digest_run(const struct selection *selection, const struct options *options,
                   struct notes *notes, struct ctx_digested *ret, struct failure *f) must_use;
void ctx_digest_release(struct ctx_digested *digested);

#endif
