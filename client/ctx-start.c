/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx-start.h"

#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>

extern char **environ;

/* Milliseconds for ctxd to answer. It needs a few; with a cold disk, a second. */
#define START_MS 10000
/* Milliseconds for ctxd to end. After nine seconds it ends whatever runs. */
#define STOP_MS 10000
/* In the directory of the socket. */
#define LOG_NAME "ctxd.log"

const struct command_line start_line = {
    .name = "ctx start",
    .usage = "Usage: ctx start [-- CTXD-OPTION...]\n"
             "\n"
             "Starts ctxd in the background, and waits until it answers. Does nothing if one\n"
             "runs already. The messages of ctxd go to ctxd.log beside its socket.\n",
    .more = "\nExample:\n"
            "  ctx start -- --idle-exit=3600 --max-cache=500M\n",
    .groups = {&group_plain},
    .command = true,
};

const struct command_line stop_line = {
    .name = "ctx stop",
    .usage = "Usage: ctx stop\n"
             "\n"
             "Ends ctxd, after the streams that it is sending. ctx-send then works without\n"
             "it.\n",
    .more = "",
    .groups = {&group_plain},
};

static int start_ask_status(struct proto_answer *answer, struct failure *f)
{
    return connect_ask(&(struct connect_ask){.kind = PROTO_STATUS}, NULL, answer, f);
}

static void start_sleep_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* Opens the lock file, whose lock a ctxd holds as long as it lives. -1: there is none. */
static int start_open_lock(void)
{
    char path[PROTO_PATH_MAX], lock[PROTO_PATH_MAX + 8];
    if (proto_socket_path(false, path, NULL) < 0)
        return -1;
    snprintf(lock, sizeof(lock), "%s.lock", path);
    return open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* ---- start ----------------------------------------------------------------------------- */

/* Finds ctxd in this program's own directory, so that it is of the same release. */
static int start_find_daemon(char path[PATH_MAX], struct failure *f)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct bytes dir = len > 0 ? path_dir(bytes_at(self, (size_t)len)) : BYTES("");
    int n = snprintf(path, PATH_MAX, "%.*s/ctxd", BYTES_ARG(dir));
    if (len <= 0 || n >= PATH_MAX || access(path, X_OK) < 0)
        return fail(f, -ENOENT, "the program ctxd is not beside ctx, in %s", QUOTE(dir));
    return 0;
}

/* The log lies beside the socket. Creates their directory, because ctxd does not run yet. */
static int start_log_path(char path[PATH_MAX], struct failure *f)
{
    char socket[PROTO_PATH_MAX];
    int r = proto_socket_path(true, socket, f);
    if (r < 0)
        return r;
    struct bytes dir = path_dir(bytes_of(socket));
    snprintf(path, PATH_MAX, "%.*s/" LOG_NAME, BYTES_ARG(dir));
    return 0;
}

/* Starts ctxd with its standard error in the log, which begins anew. */
static int start_spawn(char **words, const char *log, pid_t *ret_pid, struct failure *f)
{
    cleanup_fd int log_fd =
        open(log, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log_fd < 0)
        return fail_errno(f, -errno, "can't write %s", QUOTE(bytes_of(log)));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* ctxd keeps nothing of the terminal: no file descriptors, no session, no signals. */
    int r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    r = r ? r : posix_spawn_file_actions_adddup2(&actions, 0, 1);
    r = r ? r : posix_spawn_file_actions_adddup2(&actions, log_fd, 2);
    r = r ? r : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    r = r ? r : posix_spawn_file_actions_addchdir_np(&actions, "/");
    r = r ? r : posix_spawnattr_setsigdefault(&attributes, &all);
    r = r ? r : posix_spawnattr_setsigmask(&attributes, &none);
    r = r ? r
          : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETSIGMASK);
    r = r ? r : posix_spawn(ret_pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r ? fail_errno(f, -r, "can't start %s", QUOTE(bytes_of(words[0]))) : 0;
}

/* Fails with the last line that a daemon wrote to its log before it ended at once. */
static int start_ended_early(const char *log, int status, struct failure *f)
{
    cleanup_buf struct buf text = BUF(1 << 16);
    if (io_read_file(AT_FDCWD, log, &text) < 0 || text.len == 0)
        return fail(f, -ECHILD, "ctxd ended at once; %s is empty", QUOTE(bytes_of(log)));
    struct bytes said = utf8_trim(buf_bytes(&text)), rest = said, line, first = {0};
    /* A usage error has a second line, which says where to look. */
    while (bytes_next(&rest, '\n', &line))
        if (!bytes_starts(line, BYTES("Try: ")))
            first = line;
    first = bytes_starts(first, BYTES("ctxd: ")) ? bytes_from(first, 6) : first;
    return fail(f, status == 2 ? -EINVAL : -ECHILD, "ctxd ended at once: %.*s",
                BYTES_ARG(first));
}

/* Tells whether some ctxd holds the lock. */
static bool start_is_served(void)
{
    cleanup_fd int fd = start_open_lock();
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

/*
 * The process that answers. If two users of `ctx start` race, that is not always the process
 * that this one started.
 */
static long long start_pid_of(const struct proto_answer *answer)
{
    cleanup_values struct values pool = {0};
    struct value *status;
    if (json_read(&pool, BYTES("status"), answer->status, &status, NULL) < 0)
        return 0;
    return value_number(value_get(status, "pid"));
}

static int start_await_answer(pid_t pid, const char *log, long long *ret_pid, struct failure *f)
{
    uint64_t until_ns = clock_now_ns() + START_MS * 1000000ull;
    bool ended = false;
    int status = 0;
    for (;;) {
        cleanup_answer struct proto_answer answer = {0};
        if (start_ask_status(&answer, f) == 0) {
            *ret_pid = start_pid_of(&answer);
            return 0;
        }
        if (!ended)
            ended = waitpid(pid, &status, WNOHANG) == pid;
        /* If another ctxd was quicker, ours ended, and the other is the one to wait for. */
        if (ended && !start_is_served())
            return start_ended_early(log, WIFEXITED(status) ? WEXITSTATUS(status) : -1, f);
        if (clock_now_ns() > until_ns)
            return fail(f, -ETIMEDOUT,
                        "ctxd, process %d, does not answer; see %s. Of a socket that its "
                        "configuration names, clients are told by CTXD_SOCKET",
                        (int)pid, QUOTE(bytes_of(log)));
        start_sleep_ms(10);
    }
}

enum exit_status ctx_start(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    char path[PATH_MAX], log[PATH_MAX];
    (void)notes;
    {
        cleanup_answer struct proto_answer answer = {0};
        if (start_ask_status(&answer, &f) == 0) {
            puts("ctxd runs already");
            return report_flush();
        }
    }
    size_t n = 0;
    for (; options->command && options->command[n]; n++)
        if (bytes_starts(bytes_of(options->command[n]), BYTES("--socket"))) {
            fail(&f, -EINVAL, "set CTXD_SOCKET instead of --socket: clients look there, too");
            report_failure(&f);
            return EXIT_USAGE;
        }
    char **words = ARENA_ARRAY(&options->arena, n + 2, char *);
    words[0] = path;
    for (size_t i = 0; i < n; i++)
        words[i + 1] = options->command[i];
    pid_t pid = 0;
    long long serving = 0;
    int r = start_find_daemon(path, &f);
    r = r < 0 ? r : start_log_path(log, &f);
    r = r < 0 ? r : start_spawn(words, log, &pid, &f);
    r = r < 0 ? r : start_await_answer(pid, log, &serving, &f);
    if (r < 0) {
        report_failure(&f);
        return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    printf("ctxd runs, process %lld\n", serving);
    return report_flush();
}

/* ---- stop ------------------------------------------------------------------------------ */

/* Whether some ctxd holds the lock, and it may be process `pid` (0: any). */
static bool stop_is_locked(int lock_fd, int pid)
{
    char text[32] = {0};
    uint64_t holder;
    if (flock(lock_fd, LOCK_SH | LOCK_NB) == 0) {
        flock(lock_fd, LOCK_UN);
        return false;
    }
    ssize_t n = pread(lock_fd, text, sizeof(text) - 1, 0);
    struct bytes line = bytes_head(bytes_of(text), strcspn(text, "\n"));
    /* Another one may have begun since; before it has written its number, there is none. */
    return n <= 0 || !pid || number_parse(line, &holder) < 0 || holder == (uint64_t)pid;
}

/* ctxd releases its lock last. With a socket from systemd there is no lock. */
static int stop_await_end(int pid, struct failure *f)
{
    cleanup_fd int fd = start_open_lock();
    uint64_t until_ns = clock_now_ns() + STOP_MS * 1000000ull;
    while (fd >= 0 && stop_is_locked(fd, pid)) {
        if (clock_now_ns() > until_ns)
            return fail(f, -ETIMEDOUT, "ctxd, process %d, has not ended within ten seconds",
                        pid);
        start_sleep_ms(5);
    }
    return 0;
}

enum exit_status ctx_stop(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct connect_ask ask = {.kind = PROTO_STOP};
    cleanup_answer struct proto_answer answer = {0};
    cleanup_fd int fd = -1;
    (void)options, (void)notes;
    int pid = 0, r = connect_begin(&ask, &fd, &f);
    if (r == 0) {
        pid = connect_pid(fd);
        r = connect_read(fd, -1, NULL, &answer, &f);
    }
    if (r < 0 && connect_nobody(&f)) {
        puts("no ctxd runs");
        return report_flush();
    }
    /* One that was about to end closed the connection: another `ctx stop` was quicker. */
    if (r < 0 && connect_ended(&f))
        r = 0;
    r = r < 0 ? r : stop_await_end(pid, &f);
    if (r < 0)
        return report_failed(&f);
    puts("ctxd has ended");
    return report_flush();
}
