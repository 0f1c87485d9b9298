/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx-send: writes the context of a Docker build to standard output, as a tar. Read from main()
 * at the end upwards: it parses the options, and send_context() opens the output and the
 * selection and has a daemon, or this process, write the stream.
 */
#include "buildx-local.h"
#include "connect.h"
#include "option-help.h"
#include "option-parse.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "selection.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/*
 * Tells whether a failure of the daemon ends the send. It does if this process would fail in
 * the same way, or if bytes were written that can't be discarded.
 */
static bool send_is_final(const struct proto_answer *answer, struct output *out)
{
    int code = answer->failure.code;
    if (code == SEND_REFUSED || code == -EINVAL)
        return true;
    return !answer->untouched && !output_rewind(out);
}

/*
 * Has a running daemon send. true: the send is over, and *ret_result is its result. false:
 * nothing is written, *f says why, and the caller may send.
 */
static bool send_by_daemon(struct send_request *request, struct output *out, bool progress,
                           struct notes *notes, struct send_stats *stats, int *ret_result,
                           struct failure *f)
{
    struct connect_ask ask = {.kind = PROTO_SEND, .send = request, .progress = progress};
    cleanup_answer struct proto_answer answer = {0};
    int r = connect_ask(&ask, request->progress, &answer, f);
    if (r < 0) {
        *ret_result = r;
        return r == -EPIPE && !output_rewind(out);
    }
    if (answer.kind == PROTO_FAILED) {
        *f = answer.failure;
        *ret_result = f->code;
        if (!send_is_final(&answer, out))
            return false;
    }
    connect_take_notes(&answer, notes);
    *stats = answer.stats;
    if (answer.kind == PROTO_DONE)
        *ret_result = 0;
    return true;
}

static int send_either_way(const struct options *options, struct send_request *request,
                           struct output *out, bool progress, struct notes *notes,
                           struct send_stats *stats, struct failure *f)
{
    int r = 0;
    if (options->daemon != DAEMON_NEVER &&
        send_by_daemon(request, out, progress, notes, stats, &r, f))
        return r;
    if (options->daemon == DAEMON_REQUIRE)
        return fail_wrap(f, r, "--daemon=require");
    if (options->daemon == DAEMON_AUTO)
        notes_add(notes, NOTE_INFO, "done without ctxd: %s", f->text);
    return send_run(request, NULL, notes, stats, f);
}

static int send_context(struct options *options, struct notes *notes, struct send_stats *stats,
                        struct failure *f)
{
    /* Open the output first, because refusing a terminal costs nothing. */
    cleanup_output struct output out = OUTPUT;
    cleanup_selection struct selection selection = SELECTION;
    struct send_progress counters = {0};
    struct send_request request;
    int r = output_open(&out, options->output, f);
    r = r < 0 ? r : selection_open(&selection, options, notes, f);
    if (r < 0)
        return r;
    buildx_note(&selection, options, BUILDX_STREAM, notes);
    selection_request(&selection, options, &request);
    request.out_fd = out.fd;
    request.progress = &counters;
    struct progress *shown = progress_start(&counters, options->talk != TALK_QUIET);
    r = send_either_way(options, &request, &out, shown, notes, stats, f);
    progress_end(shown);
    return r < 0 ? r : output_publish(&out, f);
}

static enum exit_status send_and_report(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct send_stats stats = {0};
    int r = send_context(options, notes, &stats, &f);
    report_notes(notes, options->talk);
    if (r < 0) {
        report_failure(&f);
        return r == SEND_REFUSED ? EXIT_REFUSED : r == -ENOTTY ? EXIT_USAGE : EXIT_FAILED;
    }
    report_stats(options, &stats, notes);
    return EXIT_DONE;
}

static enum exit_status send_print_answer(enum options_action action)
{
    if (action == ACTION_HELP)
        options_help(&send_line, stdout);
    else
        printf("ctx-send %s\n", CTXD_VERSION);
    return report_flush();
}

int main(int argc, char **argv)
{
    struct failure f = {0};
    struct options options = {0};
    cleanup_notes struct notes notes = {0};
    enum exit_status status;
    io_hold_standard();
    /* If the reader ends, the write fails with a message, in place of a silent SIGPIPE. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN},
              NULL); /* ulimit -f: the same */
    if (options_parse(&send_line, argc, argv, &notes, &options, &f) < 0) {
        report_failure(&f);
        fputs("Try: ctx-send --help\n", stderr);
        status = EXIT_USAGE;
    } else if (options.action != ACTION_SEND) {
        status = send_print_answer(options.action);
    } else {
        status = send_and_report(&options, &notes);
    }
    options_release(&options);
    return (int)status;
}
