/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx-send: the context of a Docker build as a tar on standard output. Read main() upwards:
 * options, then send(): output, root, control files, base images, stream.
 */
#include "bases.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED };

#define cleanup_control __attribute__((cleanup(control_release)))

static void dockerfile_free_p(struct dockerfile **df)
{
    dockerfile_free(*df);
}

static bool looks_like_url(const char *path)
{
    return strstr(path, "://") || !strncmp(path, "git@", 4);
}

static int open_root(const char *path, struct failure *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int r = -errno;
    const char *shown = QUOTE(bytes_of(path));
    if (!strcmp(path, "-"))
        return fail(f, r,
                    "PATH is -: ctx-send reads a directory; docker build - takes a tar by "
                    "itself");
    if (looks_like_url(path))
        return fail(f, r,
                    "PATH is %s: ctx-send reads a directory; docker build takes a URL by "
                    "itself",
                    shown);
    if (r == -ENOTDIR)
        return fail(f, r, "PATH is %s, which is no directory; a Dockerfile is given with -f",
                    shown);
    return fail_errno(f, r, "can't open PATH %s", shown);
}

/* What the Dockerfile reads depends on base images that only somebody else knows. */
static int find_bases(const struct options *options, struct dockerfile *df,
                      struct df_request *reads, struct arena *arena, struct failure *f)
{
    struct bytes *names = NULL;
    struct df_base *bases = NULL;
    size_t n = 0;
    int r = dockerfile_bases(df, reads, &names, &n, f);
    if (r == 0 && n > 0)
        r = bases_find(options->base_config, names, n, arena, &bases, f);
    if (r == 0) {
        reads->bases = bases;
        reads->n_bases = bases ? n : 0;
    }
    return r;
}

static enum df_builder df_builder_of(enum send_builder builder)
{
    static const enum df_builder same[] = {
        [SEND_ANY] = DF_ANY, [SEND_BUILDKIT] = DF_BUILDKIT, [SEND_CLASSIC] = DF_CLASSIC};
    return same[builder];
}

static int run_watched(struct send_request *request, enum options_talk talk,
                       struct notes *notes, struct send_stats *stats, struct failure *f)
{
    struct send_progress counters = {0};
    request->progress = &counters;
    struct progress *shown = progress_start(&counters, talk != TALK_QUIET);
    int r = send_run(request, NULL, notes, stats, f);
    progress_end(shown);
    request->progress = NULL;
    return r;
}

static int send_context(struct options *options, struct notes *notes, struct send_stats *stats,
                        struct failure *f)
{
    /* First what costs nothing to refuse. */
    cleanup_output struct output out = OUTPUT;
    int r = output_open(&out, options->output, f);
    if (r < 0)
        return r;
    cleanup_fd int root_fd = open_root(options->path, f);
    if (root_fd < 0)
        return root_fd;
    struct bytes root_name = bytes_of(options->path);

    cleanup_control struct control control = {0};
    r = control_load(&(struct control_request){.root_fd = root_fd,
                                               .root_name = root_name,
                                               .dockerfile = options->file,
                                               .stdin_fd = STDIN_FILENO,
                                               .ignore_file = options->ignore_file,
                                               .builder = options->builder},
                     notes, &control, f);
    if (r < 0)
        return r;
    __attribute__((cleanup(dockerfile_free_p))) struct dockerfile *df = NULL;
    r = dockerfile_parse(control.dockerfile_name, control.dockerfile, &df, f);
    if (r < 0)
        return r;

    struct df_request reads = {.target = options->target,
                               .builder = df_builder_of(options->builder),
                               .args = options->args,
                               .n_args = options->n_args,
                               .args_final = options->args_final,
                               .platform = options->platform,
                               .trusted = options->trusted,
                               .n_trusted = options->n_trusted};
    r = find_bases(options, df, &reads, &options->arena, f);
    if (r < 0)
        return r;
    struct send_request request = {.root_fd = root_fd,
                                   .root_name = root_name,
                                   .control = &control,
                                   .dockerfile = df,
                                   .reads = reads,
                                   .builder = options->builder,
                                   .full = options->full,
                                   .mtime = options->mtime,
                                   .mtime_seconds = options->mtime_seconds,
                                   .dockerfile_mode = options->dockerfile_mode,
                                   .codec = options->codec,
                                   .level = options->level,
                                   .max_bytes = options->max_bytes,
                                   .max_files = options->max_files,
                                   .out_fd = out.fd};
    r = run_watched(&request, options->talk, notes, stats, f);
    return r < 0 ? r : output_publish(&out, f);
}

static enum exit_status run(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct send_stats stats = {0};
    if (options->daemon == DAEMON_REQUIRE) {
        fail(&f, -EOPNOTSUPP,
             "--daemon=require: this release has no daemon; leave it out, and "
             "ctx-send does the work itself");
        report_failure(&f);
        return EXIT_FAILED;
    }
    int r = send_context(options, notes, &stats, &f);
    report_notes(notes, options->talk);
    if (r < 0) {
        report_failure(&f);
        return r == SEND_REFUSED ? EXIT_REFUSED : r == -ENOTTY ? EXIT_USAGE : EXIT_FAILED;
    }
    report_stats(options, &stats, notes);
    return EXIT_DONE;
}

/* What goes to standard output is the answer, and must arrive. */
static enum exit_status print_answer(enum options_action action)
{
    if (action == ACTION_HELP)
        options_help(stdout);
    else
        printf("ctx-send %s\n", CTXD_VERSION);
    if (fflush(stdout) == EOF || ferror(stdout)) {
        struct failure f = {0};
        fail_errno(&f, -errno, "standard output");
        report_failure(&f);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* Were one of them closed, the root or the output would get its number, and messages with it.
 */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    struct failure f = {0};
    struct options options = {0};
    cleanup_notes struct notes notes = {0};
    enum exit_status status;
    hold_standard_descriptors();
    /* A reader that goes away is a failed write with a message, not a silent death. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (options_parse(argc, argv, &notes, &options, &f) < 0) {
        report_failure(&f);
        fputs("Try: ctx-send --help\n", stderr);
        status = EXIT_USAGE;
    } else if (options.action != ACTION_SEND) {
        status = print_answer(options.action);
    } else {
        status = run(&options, &notes);
    }
    options_release(&options);
    return (int)status;
}
