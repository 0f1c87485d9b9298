/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its control files: their texts, and the parsed Dockerfile. Thread: any. */
#ifndef CTXD_REQUEST_LOAD_H
#define CTXD_REQUEST_LOAD_H

#include "request.h"

/*
 * Loads the control files of a request, whose context is root_fd: their texts into
 * request->control, and the parsed Dockerfile into *ret, which the caller frees before the
 * request. The texts come from the descriptors that the request brought, which are closed.
 * Without those, they come from the files that dockerfile_path and ignore_path name, or the
 * default ones; a url is answered so, each time anew. Sets send.root_fd (borrowed) and
 * send.dockerfile. `notes` may be NULL.
 */
int proto_request_load(struct proto_request *request, int root_fd, struct notes *notes,
                       struct dockerfile **ret, struct failure *f) must_use;

#endif
