/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax check that patternmatcher.New makes of each pattern. Thread: any. */
#ifndef CTXD_SYNTAX_H
#define CTXD_SYNTAX_H

#include "base.h"

/* Whether patternmatcher.New accepts it. Source: the error of Go filepath.Match(text, "."). */
bool pattern_valid(struct bytes text);

#endif
