/* SPDX-License-Identifier: Apache-2.0 */
/* What --help prints of an option, the same for every program of ours. Thread: any. */
#ifndef CTXD_HELP_TEXT_H
#define CTXD_HELP_TEXT_H

#include "bytes.h"

#include <stdio.h>

/* A paragraph of words between column `indent`, where the first line stands already, and 80. */
void help_paragraph(FILE *to, struct bytes text, size_t indent);

/* "  -o, --output=FILE  text"; letter 0 and metavar NULL: none. optional: its value is. */
void help_option(FILE *to, char letter, const char *name, const char *metavar, bool optional,
                 const char *text);

#endif
