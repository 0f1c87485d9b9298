/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command lines of ctx-send and of ctx's commands. Each is a list of groups of options; a
 * group (options.c) may belong to several. They are what is parsed, what --help prints and what
 * the man pages and the completions are checked against (tests/cli).
 *
 *     struct options options = {0};
 *     r = options_parse(&send_line, argc, argv, notes, &options, &f);  -EINVAL: a usage error
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
enum options_change { CHANGE_QUEUE, CHANGE_RESTART };

struct option;

struct option_group {
    const char *heading;
    const struct option *at;
    size_t n;
};

enum { GROUPS_MAX = 4 };

/* What one program, or one command of one, takes. */
struct command_line {
    const char *name;  /* "ctx-send", "ctx digest" */
    const char *usage; /* all that --help says before and behind the options */
    const char *more;
    const struct option_group *groups[GROUPS_MAX]; /* up to the first NULL */
    bool path;                                     /* a PATH may be given */
    bool command;                                  /* … and behind `--` a command */
    bool docker; /* it stands before docker build: a hint for its options */
};

extern const struct command_line send_line;
extern const struct option_group group_which, group_stream, group_daemon, group_plain,
    group_json, group_digest, group_url, group_watch;

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
    bool recipe;
    struct bytes recipe_ecos; /* empty: all */
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
    bool verify;
    bool json, per_instruction, bare; /* of ctx */
    bool clear;                       /* of ctx watch */
    enum options_change change;
    uint64_t debounce_ms;
    char **command; /* ends in NULL; NULL: none */
    enum options_stats stats;
    enum options_talk talk;
};

/*
 * Reads the command line, and of the environment: the values of `--build-arg NAME`, and
 * SOURCE_DATE_EPOCH where --mtime is not given. -EINVAL with a message that names the option
 * and what it takes. On failure *ret may be partly filled: release it all the same.
 */
int options_parse(const struct command_line *line, int argc, char **argv, struct notes *notes,
                  struct options *ret, struct failure *f) must_use;
void options_release(struct options *options);

/* The whole of --help: 80 columns at most. */
void options_help(const struct command_line *line, FILE *to);

#endif
