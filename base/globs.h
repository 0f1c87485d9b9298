/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns by the rules of Go's path/filepath.Match on Unix: `*` and `?` don't cross a
 * slash, `[a-z]` and `[^a]` are classes, `\` escapes. The sources of COPY are such patterns,
 * and the syntax check of ignore patterns reads their classes by it.
 *
 * Thread: any.
 */
#ifndef CTXD_GLOBS_H
#define CTXD_GLOBS_H

#include "bytes.h"

/* Whether the pattern is well-formed. Source: Go filepath.Match, ErrBadPattern. */
bool glob_valid(struct bytes pattern);

/* Whether the whole of name matches; a malformed pattern matches nothing. */
bool glob_match(struct bytes pattern, struct bytes name);

/*
 * Takes a class off *p, which begins after its '['. Returns 1 if the class contains the rune, 0
 * if it does not, -1 if it is malformed. Source: Go filepath.matchChunk and getEsc.
 */
int glob_class(struct bytes *p, uint32_t rune);

/* Whether the pattern contains a special character: `*`, `?`, `[` or `\`. */
bool glob_magic(struct bytes pattern);

#endif
