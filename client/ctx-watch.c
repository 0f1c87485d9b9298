/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx watch -- CMD: runs CMD again whenever the digest of what the build reads has changed.
 *
 *     change seen -> no other for the debounce time -> digest -> differs from that of the run?
 *        again no change for that time, and the same digest -> run
 *
 * Changes are seen in two ways. ctxd says when the watch of the root has an event, and an
 * inotify of our own watches the control files. Without ctxd, or if ctxd can't see all changes,
 * the digest is taken every second. A change that the target doesn't read gives the same
 * digest, and CMD does not run.
 */
#include "ctx-watch.h"

#include "buildx-local.h"
#include "connect.h"
#include "ctx-child.h"
#include "ctx-digest.h"
#include "selection.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

/* Milliseconds without a change before a digest is taken: --debounce. */
#define DEBOUNCE_MS 100
/* Milliseconds between digests if changes can't be seen. */
#define SLOW_MS 1000
/* Milliseconds until the daemon answers a `wait` without a change. Then it is asked again, so
 * that a daemon that hangs, or was stopped, is noticed. */
#define WAIT_MS 7000
/* Milliseconds that it may be late with that answer. */
#define LATE_MS 3000
/* Milliseconds during which a daemon that did not answer is not asked. */
#define HUNG_MS 30000

const struct command_line watch_line = {
    .name = "ctx watch",
    .usage = "Usage: ctx watch [OPTION]... [PATH] -- CMD [ARG]...\n"
             "\n"
             "Runs CMD now, and again each time the files that the target reads have changed.\n"
             "Changes of other files, and of ignored ones, don't count. Ends with Ctrl-C.\n",
    .more = "\nExample:\n"
            "  ctx watch -- sh -c 'ctx-send -z | docker build -t app -'\n"
            "\n"
            "Exit status: 130 after Ctrl-C, 128 + its number after another signal, 1 failed,\n"
            "2 wrong usage.\n",
    .groups = {&group_which, &group_daemon, &group_watch},
    .path = true,
    .command = true,
};

struct watching {
    struct options *options;
    int signal_fd;
    int control_fd;   /* inotify of the control files; -1: none */
    char blind[160];  /* why control_fd can't see all changes; empty: it can */
    int wait_fd;      /* a `wait` that ctxd has not answered */
    uint64_t wait_ns; /* when ctxd must have answered it */
    uint64_t hung_ns; /* ctxd did not answer: it is not asked before this; 0: it did */
    bool slow;        /* the digest is taken every SLOW_MS */
    bool told_slow;   /* … and the user was told why */
    char told[sizeof(((struct failure *)0)->text)]; /* the last failure that was reported */
    uint64_t seq;                                   /* of the last answer to a `wait` */
    uint64_t due_ns;        /* when to take the next digest; 0: at the next change */
    bool looked;            /* `last` is set */
    struct sha256 last;     /* the digest that CMD was run for */
    struct sha256 seen;     /* the last digest; if it is not `last`, it may still change */
    bool pending;           /* run CMD again when it has ended */
    struct ctx_child child; /* CMD */
    int ended_by;           /* the signal that ends ctx watch; 0: none */
};

static void watching_say(const struct watching *w, const char *text)
{
    if (w->options->talk != TALK_QUIET)
        fprintf(stderr, "ctx watch: %s\n", text);
}

/* ---- seeing changes --------------------------------------------------------------------- */

/* Watches the directory of a file, or fallback_dir if file is NULL. */
static int watching_add_place(int fd, const char *file, const char *fallback_dir)
{
    char dir[PATH_MAX];
    struct bytes parent = file ? path_dir(bytes_of(file)) : bytes_of(fallback_dir);
    bool top = file && file[0] == '/' && parent.len == 0;
    snprintf(dir, sizeof(dir), "%.*s", BYTES_ARG(parent));
    int wd = inotify_add_watch(fd,
                               top      ? "/"
                               : dir[0] ? dir
                                        : ".",
                               IN_CLOSE_WRITE | IN_MOVE | IN_CREATE | IN_DELETE | IN_ATTRIB);
    return wd < 0 ? -errno : 0;
}

/*
 * Watches the directories of the Dockerfile and the ignore file. They may lie outside the
 * context, and an editor may replace the files.
 */
static void watching_open_control(struct watching *w)
{
    const struct options *options = w->options;
    bool stdin_file = options->file && !strcmp(options->file, "-");
    w->control_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int r = w->control_fd < 0 ? -errno : 0;
    if (r == 0)
        r = watching_add_place(w->control_fd, stdin_file ? NULL : options->file, options->path);
    if (r == 0)
        r = watching_add_place(w->control_fd, NULL, options->path);
    if (r == 0 && options->ignore_file)
        r = watching_add_place(w->control_fd, options->ignore_file, options->path);
    if (r < 0)
        snprintf(w->blind, sizeof(w->blind),
                 "the Dockerfile and the ignore file can't be watched: %s%s", strerror(-r),
                 r == -EMFILE   ? " (raise fs.inotify.max_user_instances)"
                 : r == -ENOSPC ? " (raise fs.inotify.max_user_watches)"
                                : "");
}

static bool watching_name_starts(struct bytes name, const char *file)
{
    struct bytes base = file ? path_name(bytes_of(file)) : BYTES("");
    return base.len && bytes_starts(name, base);
}

/*
 * Reads all events of control_fd. Tells whether one names a control file; other files of these
 * directories don't matter.
 */
static bool watching_control_changed(const struct watching *w)
{
    _Alignas(struct inotify_event) char block[16384];
    bool changed = false;
    for (;;) {
        ssize_t n = read(w->control_fd, block, sizeof(block));
        if (n <= 0)
            return changed;
        for (char *at = block; at < block + n;) {
            const struct inotify_event *event = (const void *)at;
            struct bytes name = bytes_of(event->len ? event->name : "");
            changed = changed || event->mask & IN_Q_OVERFLOW ||
                      bytes_ends(name, BYTES(".dockerignore")) ||
                      bytes_equal_nocase(name, BYTES("dockerfile")) ||
                      watching_name_starts(name, w->options->file) ||
                      watching_name_starts(name, w->options->ignore_file);
            at += sizeof(*event) + event->len;
        }
    }
}

static void watching_close_wait(struct watching *w)
{
    if (w->wait_fd >= 0)
        close(w->wait_fd);
    w->wait_fd = -1;
}

/* Changes can't be seen, for the reason given: takes a digest every SLOW_MS from now on. */
static void watching_by_the_clock(struct watching *w, const char *why)
{
    w->slow = true;
    if (!w->told_slow && w->options->daemon == DAEMON_AUTO) {
        char text[400];
        snprintf(text, sizeof(text), "looking every second: %.300s", why);
        watching_say(w, text);
    }
    w->told_slow = true;
}

/* ctxd takes connections and does not answer: it is left alone for a while. */
static void watching_note_hung(struct watching *w, const struct failure *f)
{
    if (connect_hung(f))
        w->hung_ns = clock_now_ns() + HUNG_MS * 1000000ull;
}

static int watching_begin_wait(struct watching *w, const struct selection *selection,
                               bool since_given, struct failure *f)
{
    struct send_request request;
    selection_request(selection, w->options, &request);
    struct connect_ask ask = {.kind = PROTO_WAIT,
                              .send = &request,
                              .since_given = since_given,
                              .since = w->seq,
                              .timeout_ms = WAIT_MS};
    watching_close_wait(w);
    if (w->options->daemon == DAEMON_NEVER)
        return fail(f, -ENOTCONN, "--daemon=never");
    if (clock_now_ns() < w->hung_ns)
        return fail(f, -ENOTCONN, "ctxd does not answer");
    w->hung_ns = 0;
    w->wait_ns = clock_now_ns() + (WAIT_MS + LATE_MS) * 1000000ull;
    return connect_begin(&ask, &w->wait_fd, f);
}

static int watching_read_wait(struct watching *w, struct proto_answer *answer,
                              struct failure *f)
{
    int r = connect_read(w->wait_fd, -1, NULL, answer, f);
    watching_close_wait(w);
    if (r < 0)
        watching_note_hung(w, f);
    if (r == 0 && answer->kind == PROTO_FAILED)
        r = fail(f, -ENOTCONN, "%s", answer->failure.text);
    return r;
}

/*
 * Asks ctxd for the number of the last event. Called before a digest, so that the `wait` after
 * it reports any event that the digest may have missed.
 */
static void watching_take_seq(struct watching *w, const struct selection *selection)
{
    struct failure f = {0};
    cleanup_answer struct proto_answer answer = {0};
    int r = watching_begin_wait(w, selection, false, &f);
    r = r < 0 ? r : watching_read_wait(w, &answer, &f);
    if (r < 0) {
        watching_by_the_clock(w, f.text);
    } else if (answer.slow) {
        watching_by_the_clock(
            w, "not every change of these files can be seen; ctx status says why");
    } else {
        w->slow = false;
        w->told_slow = w->told_slow && w->blind[0];
        w->seq = answer.seq;
    }
    if (w->blind[0])
        watching_by_the_clock(w, w->blind);
}

/* ---- the digest ------------------------------------------------------------------------- */

/* The options for one look, with an arena of its own; without ctxd if that does not answer. */
static struct options watching_options(const struct watching *w)
{
    struct options options = *w->options;
    options.arena = (struct arena){0};
    if (w->hung_ns && options.daemon == DAEMON_AUTO)
        options.daemon = DAEMON_NEVER;
    return options;
}

static int watching_look_with(struct watching *w, struct selection *selection,
                              struct options *options, struct sha256 *ret, struct failure *f)
{
    cleanup_notes struct notes notes = {0};
    struct ctx_digested digested = {0};
    int r = selection_open(selection, options, &notes, f);
    if (r < 0)
        return r;
    watching_take_seq(w, selection);
    if (w->hung_ns && options->daemon == DAEMON_AUTO)
        options->daemon = DAEMON_NEVER;
    r = ctx_digest_run(selection, options, &notes, &digested, f);
    if (r == 0)
        *ret = digested.digest->sha;
    ctx_digest_release(&digested);
    if (!w->looked) {
        buildx_note(selection, options, BUILDX_STREAM, &notes);
        report_notes(&notes, options->talk);
    }
    if (r == 0 && !w->slow && watching_begin_wait(w, selection, true, f) < 0)
        watching_by_the_clock(w, f->text);
    return r;
}

static int watching_look(struct watching *w, struct sha256 *ret, struct failure *f)
{
    struct options options = watching_options(w);
    cleanup_selection struct selection selection = SELECTION;
    int r = watching_look_with(w, &selection, &options, ret, f);
    arena_release(&options.arena);
    return r;
}

/* Nothing has changed: waits on, from the same event. false: a look must find out more. */
static bool watching_wait_on(struct watching *w)
{
    struct failure f = {0};
    struct options options = watching_options(w);
    cleanup_notes struct notes notes = {0};
    cleanup_selection struct selection selection = SELECTION;
    int r = selection_open(&selection, &options, &notes, &f);
    r = r < 0 ? r : watching_begin_wait(w, &selection, true, &f);
    arena_release(&options.arena);
    return r == 0;
}

static uint64_t watching_after_ms(uint64_t ms)
{
    return clock_now_ns() + ms * 1000000;
}

static void watching_look_later(struct watching *w)
{
    w->due_ns = watching_after_ms(w->options->debounce_ms);
}

static void watching_run_command(struct watching *w)
{
    struct failure f = {0};
    w->pending = false;
    /* Leave the first line empty. Docker's display begins by moving the cursor up and down
     * again; in the first line it can't move up, and the progress line of ctx-send stays. */
    if (w->options->clear && isatty(STDERR_FILENO))
        fputs("\033[H\033[2J\033[3J\n", stderr);
    if (ctx_child_start(&w->child, w->options->command, &f) < 0)
        report_failure(&f);
}

/*
 * Runs CMD for a digest, which is the first one or was the same twice. If CMD still runs, it is
 * run again after its end.
 */
static void watching_changed(struct watching *w, const struct sha256 *sha)
{
    w->last = w->seen = *sha;
    w->looked = true;
    if (!w->child.pid) {
        watching_run_command(w);
        return;
    }
    w->pending = true;
    if (w->options->change == CHANGE_RESTART)
        ctx_child_end(&w->child);
}

static int watching_look_and_decide(struct watching *w, struct failure *f)
{
    struct sha256 sha;
    struct failure why = {0};
    w->due_ns = 0;
    int r = watching_look(w, &sha, &why);
    if (r < 0 && !w->looked) {
        *f = why;
        return r;
    }
    if (r < 0) {
        /* Perhaps a file is just being edited. Try again soon, and report the failure once. */
        if (strcmp(w->told, why.text) != 0)
            report_failure(&why);
        memcpy(w->told, why.text, sizeof(w->told));
        w->slow = true;
        w->due_ns = watching_after_ms(SLOW_MS);
        return 0;
    }
    w->told[0] = 0;
    if (!w->looked) {
        watching_changed(w, &sha);
    } else if (sha256_equal(&sha, &w->last)) {
        w->seen = w->last;
    } else if (sha256_equal(&sha, &w->seen)) {
        watching_changed(w, &sha);
    } else {
        w->seen = sha;
        watching_look_later(w);
    }
    if (w->slow && !w->due_ns)
        w->due_ns = watching_after_ms(SLOW_MS);
    return 0;
}

/* ---- the loop --------------------------------------------------------------------------- */

static void watching_child_ended(struct watching *w)
{
    char text[160];
    if (!ctx_child_reap(&w->child, text, sizeof(text)))
        return;
    watching_say(w, text);
    if (w->pending && !w->ended_by)
        watching_run_command(w);
}

static void watching_take_signals(struct watching *w)
{
    struct signalfd_siginfo info;
    while (read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        w->ended_by = (int)info.ssi_signo;
        ctx_child_signal(&w->child, w->ended_by);
    }
    watching_child_ended(w);
}

static void watching_take_wait(struct watching *w)
{
    struct failure f = {0};
    cleanup_answer struct proto_answer answer = {0};
    int r = watching_read_wait(w, &answer, &f);
    if (r < 0)
        watching_by_the_clock(w, f.text);
    else if (!answer.changed && !answer.slow && answer.seq == w->seq && watching_wait_on(w))
        return;
    watching_look_later(w);
}

/* The wait was not answered in time: goes on without ctxd. */
static void watching_give_up_wait(struct watching *w)
{
    watching_close_wait(w);
    w->hung_ns = clock_now_ns() + HUNG_MS * 1000000ull;
    watching_by_the_clock(w, "ctxd does not answer: it is stopped, or hangs");
    watching_look_later(w);
}

static int watching_until_next_ms(const struct watching *w)
{
    uint64_t next_ns = w->due_ns && !w->ended_by ? w->due_ns : UINT64_MAX,
             now_ns = clock_now_ns();
    if (w->child.kill_ns && w->child.kill_ns < next_ns)
        next_ns = w->child.kill_ns;
    if (w->wait_fd >= 0 && !w->due_ns && w->wait_ns < next_ns)
        next_ns = w->wait_ns;
    if (next_ns == UINT64_MAX)
        return -1;
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + 999999) / 1000000);
}

static int watching_step(struct watching *w, struct failure *f)
{
    struct pollfd fds[] = {
        {.fd = w->signal_fd, .events = POLLIN},
        {.fd = w->control_fd, .events = POLLIN},
        /* A digest that is due asks ctxd again, so the old wait need not be read. */
        {.fd = w->due_ns ? -1 : w->wait_fd, .events = POLLIN},
    };
    if (poll(fds, ARRAY_SIZE(fds), watching_until_next_ms(w)) < 0 && errno != EINTR)
        return fail_errno(f, -errno, "poll");
    if (fds[0].revents)
        watching_take_signals(w);
    if (fds[1].revents && watching_control_changed(w) && (!w->due_ns || w->slow))
        watching_look_later(w);
    if (fds[2].revents)
        watching_take_wait(w);
    else if (fds[2].fd >= 0 && clock_now_ns() >= w->wait_ns)
        watching_give_up_wait(w);
    ctx_child_tick(&w->child);
    if (w->due_ns && w->due_ns <= clock_now_ns() && !w->ended_by)
        return watching_look_and_decide(w, f);
    return 0;
}

static int watching_until_signal(struct watching *w, struct failure *f)
{
    int r = watching_look_and_decide(w, f);
    while (r == 0 && !(w->ended_by && !w->child.pid))
        r = watching_step(w, f);
    return r;
}

enum exit_status ctx_watch(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct watching w = {.options = options, .wait_fd = -1};
    sigset_t signals;
    (void)notes;
    if (!options->command || !options->command[0]) {
        fail(&f, -EINVAL, "a command is missing: ctx watch [PATH] -- CMD");
        report_failure(&f);
        return EXIT_USAGE;
    }
    if (options->file && !strcmp(options->file, "-")) {
        fail(&f, -EINVAL, "--file=-: standard input is read once; give a file");
        report_failure(&f);
        return EXIT_USAGE;
    }
    if (!options->debounce_ms)
        options->debounce_ms = DEBOUNCE_MS;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    /* CMD has a process group of its own, so a terminal that closes signals only ctx watch,
     * which passes the signal on. Under nohup SIGHUP is ignored and stays so. */
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    w.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    watching_open_control(&w);
    int r = watching_until_signal(&w, &f);
    watching_close_wait(&w);
    close(w.signal_fd);
    if (w.control_fd >= 0)
        close(w.control_fd);
    if (r < 0)
        return report_failed(&f);
    return (enum exit_status)(128 + w.ended_by);
}
