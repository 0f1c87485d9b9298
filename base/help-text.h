/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of --help, the same for each of our programs. Thread: any. */
#ifndef CTXD_HELP_TEXT_H
#define CTXD_HELP_TEXT_H

#include "bytes.h"

#include <stdio.h>

/*
 * Prints a paragraph, wrapped between column `indent` and column 80. The caller has already
 * printed the first line up to `indent`.
 */
void help_paragraph(FILE *to, struct bytes text, size_t indent);

/*
 * Prints "  -o, --output=FILE  text". letter may be 0 and metavar NULL: there is none then.
 * optional: the option may be given without a value, which is shown as "--output[=FILE]".
 */
void help_option(FILE *to, char letter, const char *name, const char *metavar, bool optional,
                 const char *text);

#endif
