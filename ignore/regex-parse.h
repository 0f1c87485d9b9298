/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles the regex text of a translated pattern into a program (regex-program.h), which
 * regex-run.h runs. Thread: any.
 */
#ifndef CTXD_REGEX_PARSE_H
#define CTXD_REGEX_PARSE_H

#include "base.h"
#include "regex-program.h"

/* How many bytes the programs of one ignore file may still take. */
struct regex_budget {
    size_t bytes;
};

/*
 * Compiles Go regexp syntax as far as a translated pattern can contain it: no flags, no lazy
 * operators. *ret lives in the arena. 0; -EINVAL if Go rejects the text; -E2BIG past the
 * budget.
 */
int regex_compile(struct arena *arena, struct bytes text, struct regex_budget *budget,
                  struct regex **ret) must_use;

#endif
