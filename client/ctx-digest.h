/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx digest and ctx url, and the digest of a selection, which ctx watch compares.
 *
 *     struct ctx_digested digested;
 *     r = ctx_digest_run(&selection, options, notes, &digested, f);
 *     … digested.digest, if r is 0 …
 *     ctx_digest_release(&digested);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_CTX_DIGEST_H
#define CTXD_CTX_DIGEST_H

#include "options.h"
#include "proto.h"
#include "report.h"
#include "selection.h"

extern const struct command_line digest_line, url_line;

enum exit_status ctx_digest(struct options *options, struct notes *notes);
enum exit_status ctx_url(struct options *options, struct notes *notes);

struct ctx_digested {
    struct proto_answer answer;         /* of a daemon */
    struct digest_answer own;           /* or, without a daemon, made in this process */
    const struct digest_answer *digest; /* the one of the two that counts; NULL: none */
};

/*
 * Asks a running daemon for the digest, or computes it in this process, as options->daemon
 * says. Release *ret on failure too.
 */
int ctx_digest_run(const struct selection *selection, const struct options *options,
                   struct notes *notes, struct ctx_digested *ret, struct failure *f) must_use;
void ctx_digest_release(struct ctx_digested *digested);

#endif
