/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a view: what the Dockerfile reads, and what the ignore file keeps of that. They
 * decide which entries of a tree a view sends.
 *
 *     struct rules *rules;
 *     int r = rules_make(request, notes, &rules, f);
 *     … rules->reads, rules->ignore, &rules->tree …
 *     rules_unref(rules);
 *
 * Sealed once made: any number of threads may read them. A daemon's trees hold references to
 * the rules that they were made by.
 */
#ifndef CTXD_RULES_H
#define CTXD_RULES_H

#include "stream.h"

struct rules {
    atomic_uint refs;
    struct ignore *ignore; /* NULL: there is no ignore file */
    struct reads *reads;   /* NULL: made by rules_make_names() */
    struct tree_rules tree;
};

/*
 * The rules of a request. Notes say why the set of files is as wide as it is, unless the
 * request asked for all files. 0, or -errno as the parsers give it. Thread: any.
 */
int rules_make(const struct send_request *request, struct notes *notes, struct rules **ret,
               struct failure *f) must_use;
/*
 * The same ignore rules without the reads: a recipe is made of all files that they keep. Adds
 * no notes, because rules_make() adds them. Thread: any.
 */
int rules_make_names(const struct send_request *request, struct rules **ret,
                     struct failure *f) must_use;
struct rules *rules_ref(struct rules *rules);
void rules_unref(struct rules *rules); /* takes NULL */

/* One set of rules, and the bit of a tree's nodes that says what these rules send. */
struct tree_view {
    struct rules *rules; /* borrowed */
    uint32_t bit;
    uint64_t serial; /* of the bit's rules, in a daemon */
};

#endif
