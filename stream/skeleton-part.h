/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a skeleton travels in a stream: the files below .ctx that the Dockerfile reads.
 * Thread: any.
 */
#ifndef CTXD_SKELETON_PART_H
#define CTXD_SKELETON_PART_H

#include "skeleton.h"

struct skeleton_part {
    struct bytes tar; /* entries, with their directories; in the arena */
    uint64_t n_files, n_dirs, n_links, bytes;
    bool swallowed; /* an instruction that doesn't name .ctx would read a part of it, … */
    uint32_t line;  /* … the first of them */
};

/*
 * Takes the part that the instructions read; all of it if the request asks for the full
 * context. Adds a warning for what is read and isn't there, and those of the units that are
 * sent. -E2BIG with a message: more than a segment can hold.
 */
int skeleton_part(const struct skeleton *skeleton, const struct send_request *request,
                  const struct reads *reads, struct notes *notes, struct arena *arena,
                  struct skeleton_part *ret, struct failure *f) must_use;
/*
 * Adds to a digest what one read takes of the skeleton by name, and adds to *n_files and
 * *bytes. `one` holds that read alone. After skeleton_part() only.
 */
void skeleton_digest(const struct skeleton *skeleton, const struct df_read *read,
                     const struct reads *one, struct sha256_state *state, uint64_t *n_files,
                     uint64_t *bytes);

#endif
