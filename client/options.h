/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command lines of ctx-send and of the commands of ctx: what each takes, and what a parsed
 * one contains. A command line is a list of groups of options, and several may share a group.
 * The same tables (options.c) are parsed by (option-parse.h) and printed by --help
 * (option-help.h), and the tests check the man pages and the completions against them.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_OPTIONS_H
#define CTXD_OPTIONS_H

#include "stream.h"

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

/* What a program, or one of its commands, takes. */
struct command_line {
    const char *name;                              /* "ctx-send", "ctx digest" */
    const char *usage;                             /* what --help prints before the options */
    const char *more;                              /* … and after them */
    const struct option_group *groups[GROUPS_MAX]; /* up to the first NULL */
    bool path;                                     /* takes a PATH */
    bool command;                                  /* takes a command, after `--` */
    bool docker; /* its output goes to docker build: an option of docker's gets a hint */
};

extern const struct command_line send_line;
extern const struct option_group group_which, group_stream, group_daemon, group_plain,
    group_json, group_digest, group_url, group_watch;

/* A parsed command line. All zero is the default, but for path. */
struct options {
    struct arena arena; /* of args, of trusted, and of what the commands derive from them */
    enum options_action action;
    const char *path; /* as given; "." by default */

    const char *file;        /* NULL: the default; "-": standard input */
    const char *ignore_file; /* NULL: the default */
    struct bytes target;
    struct bytes platform;
    struct df_arg *args; /* each has a value: those without one are resolved or left out */
    size_t n_args, cap_args;
    bool args_final;
    enum send_builder builder;
    bool full;
    bool recipe;
    struct bytes recipe_ecos; /* names, separated by commas; empty: all */
    struct bytes *trusted;
    size_t n_trusted, cap_trusted;
    const char *base_config; /* "engine", "none" or a file; NULL: not given, nobody is asked */

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
    bool clear;                       /* of ctx watch, as the next two */
    enum options_change change;
    uint64_t debounce_ms; /* 0: not given */
    char **command;       /* what follows `--`, ending in NULL; NULL: none */
    enum options_stats stats;
    enum options_talk talk;
};

/*
 * Applies the environment to options that were not given: SOURCE_DATE_EPOCH, unless
 * --mtime was. A note says so. -EINVAL for a value that is not a time.
 */
int options_environment(struct options *options, struct notes *notes,
                        struct failure *f) must_use;

#endif
