/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the literal engine (ignore-engine.h) that the automaton uses. Thread: any. */
#ifndef CTXD_LITERAL_H
#define CTXD_LITERAL_H

#include "ignore-engine.h"

/* ignore_path() by trying each pattern. */
int literal_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                 struct failure *f);

#endif
