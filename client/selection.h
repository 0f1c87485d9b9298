/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the options to what is asked for: the root, the control files, what the Dockerfile reads
 * of base images that an engine knows. The same for every program and command.
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
    struct df_request reads; /* bases are in the options' arena */
};

#define SELECTION ((struct selection){.root_fd = -1})
#define cleanup_selection __attribute__((cleanup(selection_release)))

/* Opens options->path. */
int selection_open(struct selection *selection, struct options *options, struct notes *notes,
                   struct failure *f) must_use;
void selection_release(struct selection *selection);
/* All but out_fd, progress, hooks and pool. Borrows the selection. */
void selection_request(const struct selection *selection, const struct options *options,
                       struct send_request *ret);

#endif
