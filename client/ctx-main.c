/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx COMMAND: controls ctxd, and tells what a build would read. Each command has a file of its
 * own; the table below lists them all.
 */
#include "ctx-digest.h"
#include "ctx-start.h"
#include "ctx-status.h"
#include "ctx-watch.h"
#include "option-help.h"
#include "option-parse.h"

#include <errno.h>
#include <signal.h>

struct ctx_command {
    const char *name;
    const char *help; /* one line, for `ctx --help` */
    const struct command_line *line;
    enum exit_status (*run)(struct options *options, struct notes *notes);
};

static const struct ctx_command commands[] = {
    {"start", "Start ctxd in the background.", &start_line, ctx_start},
    {"stop", "End it, after the streams that it is sending.", &stop_line, ctx_stop},
    {"status", "Show what it watches, keeps and does.", &status_line, ctx_status},
    {"digest", "Print one hash of all that a build would read.", &digest_line, ctx_digest},
    {"url", "Print an address that docker build takes as its context.", &url_line, ctx_url},
    {"watch", "Run a command each time what a build would read has changed.", &watch_line,
     ctx_watch},
};

static void ctx_print_help(FILE *to)
{
    fputs("Usage: ctx COMMAND [OPTION]...\n"
          "\n"
          "Tells what a Docker build would read of its context, at once if ctxd runs.\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fputs("\n"
          "  ctx COMMAND --help   the options of a command\n"
          "  ctx --version        the version\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage. More: man ctx\n",
          to);
}

static const struct ctx_command *ctx_find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* Reports a usage error. command is NULL if there is none. */
static enum exit_status ctx_usage(const struct failure *f, const char *command)
{
    report_failure(f);
    fprintf(stderr, "Try: ctx%s%s --help\n", command ? " " : "", command ? command : "");
    return EXIT_USAGE;
}

/* argv[0] is the command's name. */
static enum exit_status ctx_run_command(const struct ctx_command *command, int argc,
                                        char **argv)
{
    struct options options = {0};
    struct failure f = {0};
    cleanup_notes struct notes notes = {0};
    enum exit_status status;
    report_program(command->line->name);
    if (options_parse(command->line, argc, argv, &notes, &options, &f) < 0) {
        status = ctx_usage(&f, command->name);
    } else if (options.action == ACTION_HELP) {
        options_help(command->line, stdout);
        status = report_flush();
    } else {
        status = command->run(&options, &notes);
    }
    options_release(&options);
    return status;
}

int main(int argc, char **argv)
{
    struct failure f = {0};
    io_hold_standard();
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    report_program("ctx");
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word) {
        fail(&f, -EINVAL, "a command is missing");
        return (int)ctx_usage(&f, NULL);
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        ctx_print_help(stdout);
        return (int)report_flush();
    }
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
        printf("ctx %s\n", CTXD_VERSION);
        return (int)report_flush();
    }
    const struct ctx_command *command = ctx_find_command(word);
    if (!command) {
        fail(&f, -EINVAL, "%s: no such %s", QUOTE(bytes_of(word)),
             word[0] == '-' ? "option" : "command");
        return (int)ctx_usage(&f, NULL);
    }
    return (int)ctx_run_command(command, argc - 1, argv + 1);
}
