/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax check that patternmatcher.New makes of each pattern. The caller writes the
 * message: ignore-parse.c, or pattern_fail() for a fault that is found while matching. Thread:
 * any.
 */
#ifndef CTXD_SYNTAX_H
#define CTXD_SYNTAX_H

#include "base.h"

/* Whether patternmatcher.New accepts it. Source: the error of Go filepath.Match(text, "."). */
bool pattern_valid(struct bytes text);

#endif
