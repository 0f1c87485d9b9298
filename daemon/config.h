/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of ctxd. One table (config.c): an option --max-roots is CTXD_MAX_ROOTS in the
 * environment and max-roots in the file; the command line comes before the environment, that
 * before the file.
 */
#ifndef CTXD_CONFIG_H
#define CTXD_CONFIG_H

#include "daemon-priv.h"

#include <stdio.h>

enum config_action { CONFIG_SERVE, CONFIG_HELP, CONFIG_VERSION };

/* -EINVAL: names the option, the variable or the file's line, and what it takes. */
int config_read(int argc, char **argv, struct config *ret, enum config_action *ret_action,
                struct failure *f) must_use;
void config_help(FILE *to);

#endif
