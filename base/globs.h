/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns by the rules of Go's path/filepath.Match on Unix: `*` and `?` don't cross a
 * slash, `[a-z]` and `[^a]` are classes, `\` escapes. COPY sources are matched by it, and
 * ignore patterns must pass its syntax check. Thread: any.
 */
#ifndef CTXD_GLOBS_H
#define CTXD_GLOBS_H

#include "bytes.h"

/* Whether the pattern is well-formed. Source: Go filepath.Match, ErrBadPattern. */
bool glob_valid(struct bytes pattern);

/* Whether the whole of name matches; a malformed pattern matches nothing. */
bool glob_match(struct bytes pattern, struct bytes name);

/*
 * Takes a class off *p, which begins behind its '['. 1: it has the rune, 0: it hasn't, -1: it
 * is malformed. Source: Go filepath.matchChunk and getEsc.
 */
int glob_class(struct bytes *p, uint32_t rune);

/* Whether the pattern has a character that is special: `*`, `?`, `[` or `\`. */
bool glob_magic(struct bytes pattern);

#endif
