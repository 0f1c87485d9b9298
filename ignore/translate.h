/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the text of a pattern: its kind, and the regex if it needs one. Thread: any. */
#ifndef CTXD_TRANSLATE_H
#define CTXD_TRANSLATE_H

#include "ignore.h"
#include "pattern.h"
#include "regex-parse.h"

/*
 * Fills the kind, the literal and the regex of p by p->text. A regex that Go rejects makes it
 * a PATTERN_BAD, which is no failure. 0; -E2BIG past the budget. Source: patternmatcher
 * Pattern.compile.
 */
int pattern_compile(struct arena *arena, struct pattern *p, enum ignore_rules rules,
                    struct regex_budget *budget) must_use;

#endif
