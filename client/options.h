/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of ctx-send. One table (options.c) is what is parsed, what --help prints and
 * what the man page and the completions are checked against (tests/cli).
 *
 *     struct options options = {0};
 *     r = options_parse(argc, argv, notes, &options, &f);      -EINVAL: a usage error
 *     …
 *     options_release(&options);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_OPTIONS_H
#define CTXD_OPTIONS_H

#include "stream.h"

#include <stdio.h>

enum options_action { ACTION_SEND, ACTION_HELP, ACTION_VERSION };
enum options_stats { STATS_NONE, STATS_TEXT, STATS_JSON };
enum options_daemon { DAEMON_AUTO, DAEMON_NEVER, DAEMON_REQUIRE };
enum options_talk { TALK_NORMAL, TALK_QUIET, TALK_VERBOSE };

struct options {
    struct arena arena;
    enum options_action action;
    const char *path; /* as given, "." by default */

    const char *file;        /* NULL: the default; "-": standard input */
    const char *ignore_file; /* NULL: the default */
    struct bytes target;
    struct bytes platform;
    struct df_arg *args; /* resolved: each has a value */
    size_t n_args, cap_args;
    bool args_final;
    enum send_builder builder;
    bool full;
    struct bytes *trusted;
    size_t n_trusted, cap_trusted;
    const char *base_config; /* "engine", "none" or a file */

    const char *output; /* NULL: standard output */
    enum send_codec codec;
    int level;
    bool mtime_given;
    enum send_mtime mtime;
    int64_t mtime_seconds;
    enum send_dockerfile dockerfile_mode;
    uint64_t max_bytes, max_files;

    enum options_daemon daemon;
    enum options_stats stats;
    enum options_talk talk;
};

/*
 * Reads the command line, and of the environment: the values of `--build-arg NAME`, and
 * SOURCE_DATE_EPOCH where --mtime is not given. -EINVAL with a message that names the option
 * and what it takes. On failure *ret may be partly filled: release it all the same.
 */
int options_parse(int argc, char **argv, struct notes *notes, struct options *ret,
                  struct failure *f) must_use;
void options_release(struct options *options);

/* The whole of --help: 80 columns at most. */
void options_help(FILE *to);

#endif
