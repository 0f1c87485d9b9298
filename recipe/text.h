/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on text that ecosystems share: line ends, searching, lines that continue. Results
 * are in the arena. Thread: any.
 */
#ifndef CTXD_TEXT_H
#define CTXD_TEXT_H

#include "base.h"

/* The text with LF in place of CR LF. */
struct bytes text_lf(struct arena *a, struct bytes text);
bool text_has(struct bytes in, const char *what);
bool text_has_nocase(struct bytes in, const char *what); /* ASCII letters */

/*
 * Takes a line off *rest, with the lines that it continues in: the text as it stands, without
 * the last line break. A comment ends with its line, whatever its last byte is.
 */
struct bytes text_take_lines(struct bytes *rest);
/* What a reader makes of such lines: one line, without the backslashes that joined them. */
struct bytes text_join_lines(struct arena *a, struct bytes lines);

#endif
