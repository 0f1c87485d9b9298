/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learner: a thread that reads what streams passed on unlearnt (learn_run()), so that the
 * first answer is as fast as ctx-send alone, and the later ones cost what changed. It is nice
 * to the builder, which has just begun to work, and ends when it has nothing to do.
 *
 *     learner_add(daemon, root, request, df);       lane
 *     …
 *     learner_end(daemon);                          loop
 *     learner_free(daemon->learner);                main: waits for the thread
 */
#ifndef CTXD_LEARNER_H
#define CTXD_LEARNER_H

#include "roots.h"

struct learner *learner_new(void);

/*
 * Queues a request whose stream had chunks unlearnt. Takes over the request and its Dockerfile,
 * and a reference to the root. If too many wait already, no thread can be made, or the store
 * could keep nothing just now, nothing is learnt: a later answer will ask again.
 */
void learner_add(struct daemon *daemon, struct root *root, struct proto_request *request,
                 struct dockerfile *df);
/* How many requests wait or are being learnt. */
size_t learner_count(struct daemon *daemon);
/* Makes it end soon, and learn nothing more. */
void learner_end(struct daemon *daemon);
/* After learner_end(). NULL is fine. */
void learner_free(struct learner *learner);

#endif
