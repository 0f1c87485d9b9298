/* SPDX-License-Identifier: Apache-2.0 */
/* Prints --help from an option table. Thread: any. */
#ifndef CTXD_OPTION_HELP_H
#define CTXD_OPTION_HELP_H

#include "options.h"

#include <stdio.h>

/* The whole text of --help, in 80 columns at most. */
void options_help(const struct command_line *line, FILE *to);

#endif
