/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roots between what asks for them (any thread) and the loop, which polls their watches and
 * alone lets them go.
 */
#ifndef CTXD_ROOTS_H
#define CTXD_ROOTS_H

#include "daemon-priv.h"

struct roots *roots_new(struct daemon *daemon);
/* All of them, at the end: nobody may have one. */
void roots_free(struct roots *roots);

/* Of one root, for status and chores. */
struct root_use {
    uint64_t used_ns, audited_ns; /* when last asked for, when last looked at as a whole */
};
struct root_use root_use(struct root *root);
void root_audited(struct root *root);

/* The loop's own word with each root; NULL until it has set one. Thread: loop. */
void *root_polled(struct root *root);
void root_set_polled(struct root *root, void *polled);
/* A root whose watch is not polled yet; not counted as had by anybody. Thread: loop. */
struct root *roots_unpolled(struct daemon *daemon);
/*
 * One that must go: replaced at its path, or the longest unused past the maximum. It is out of
 * the table; the loop ends its polls, then calls root_free(). NULL: none. Thread: loop.
 */
struct root *roots_surplus(struct daemon *daemon);
void root_free(struct root *root);

#endif
