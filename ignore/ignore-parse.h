/* SPDX-License-Identifier: Apache-2.0 */
/* Ignore file -> the lines that are patterns. For ignore_parse() (ignore.h), and the tests. */
#ifndef CTXD_IGNORE_PARSE_H
#define CTXD_IGNORE_PARSE_H

#include "base.h"

struct line {
    struct bytes text;
    uint32_t number; /* 1-based */
};

/*
 * The lines of an ignore file that are patterns, cleaned, in the arena. `name` is the file's
 * name for messages. -EINVAL: a line is too long for Go's scanner; -E2BIG: too many patterns.
 * Source: moby/patternmatcher ignorefile.ReadAll. Thread: any.
 */
int ignore_read(struct arena *arena, struct bytes name, struct bytes text,
                struct line **ret_lines, size_t *ret_n, struct failure *f) must_use;

#endif
