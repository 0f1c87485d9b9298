/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens what the options name: the root, the control files, and the base images that the
 * Dockerfile builds on. ctx-send and all commands of ctx share it.
 *
 *     cleanup_selection struct selection selection = SELECTION;
 *     r = selection_open(&selection, options, notes, f);
 *     selection_request(&selection, options, &request);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_SELECTION_H
#define CTXD_SELECTION_H

#include "options.h"

struct selection {
    int root_fd;
    struct bytes root_name;
    struct control control;
    struct dockerfile *dockerfile;
    struct df_request reads; /* its bases are in the arena of the options */
};

#define SELECTION ((struct selection){.root_fd = -1})
#define cleanup_selection __attribute__((cleanup(selection_release)))

/* Opens options->path and what belongs to it. Release *selection on failure, too. */
int selection_open(struct selection *selection, struct options *options, struct notes *notes,
                   struct failure *f) must_use;
void selection_release(struct selection *selection);
/*
 * Fills in a request, but for out_fd, progress, hooks and pool. It borrows the selection and
 * the options.
 */
void selection_request(const struct selection *selection, const struct options *options,
                       struct send_request *ret);

#endif
