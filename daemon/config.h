/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of ctxd. config.c has one table of them: a setting max-roots is the option
 * --max-roots, the environment variable CTXD_MAX_ROOTS and the line max-roots=… in the
 * configuration file. The command line overrides the environment, and the environment overrides
 * the file.
 */
#ifndef CTXD_CONFIG_H
#define CTXD_CONFIG_H

#include "proto.h"

#include <limits.h>
#include <stdio.h>

#define HTTP_OFF (-1)
#define HTTP_CHOSEN 0 /* ctxd chooses a free port and keeps it over restarts */

struct config {
    char socket[PROTO_PATH_MAX];
    char cache_dir[PATH_MAX];
    char config_file[PATH_MAX]; /* empty: no file was read */
    uint64_t lanes;             /* requests that work at once */
    uint64_t max_clients;       /* connections of the socket; and as many of HTTP */
    uint64_t max_watches;       /* inotify watches of one root */
    uint64_t max_cache_bytes;   /* of the chunk store */
    uint64_t max_roots;         /* trees that are watched */
    uint64_t forget_s;    /* a tree that nobody asks for is watched this long; 0: for ever */
    uint64_t idle_exit_s; /* 0: never */
    uint64_t audit_s;     /* from one audit of a root to the next; 0: no audits */
    int64_t http_port;    /* or HTTP_OFF, HTTP_CHOSEN */
    unsigned log_level;   /* enum log_level */
};

enum config_action { CONFIG_SERVE, CONFIG_HELP, CONFIG_VERSION };

/*
 * Reads the settings from all places. -EINVAL: the failure names the option, the variable or
 * the line of the file, and what it takes. -errno of reading the file. The paths that no place
 * sets stay empty.
 */
int config_read(int argc, char **argv, struct config *ret, enum config_action *ret_action,
                struct failure *f) must_use;
/* Sets the paths that are empty, and makes the private directory of the socket. -EPERM: it is
 * another user's, or open to others; or -errno of making it. */
int config_find_paths(struct config *config, struct failure *f) must_use;
/* Prints the text of --help. */
void config_help(FILE *to);

#endif
