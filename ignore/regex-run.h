/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program (regex-program.h) on a text, or component by component. Thread: any. */
#ifndef CTXD_REGEX_RUN_H
#define CTXD_REGEX_RUN_H

#include "base.h"
#include "regex-program.h"

/* Whether the program matches somewhere in the text. Source: Go Regexp.MatchString. */
bool regex_match(const struct regex *re, struct bytes text);

/*
 * The same for a path of which one component is known at a time. Goes on from the positions
 * `from` with the component `name`, which stands at the start of the text (at_start) or after a
 * '/'. Returns whether the path up to the end of `name` matches.
 *
 * If ret_below is not NULL (room for re->n), it gets the positions after a further '/', from
 * which to go on with a component below. The position of a match that was found before the end
 * of `name` is among them: it stays found whatever follows.
 */
bool regex_step(const struct regex *re, const uint32_t *from, size_t n_from, bool at_start,
                struct bytes name, uint32_t *ret_below, size_t *ret_n_below);

#endif
