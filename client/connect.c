/* SPDX-License-Identifier: Apache-2.0 */
#include "connect.h"

#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * Milliseconds. A daemon that has not begun after BEGIN_MS is too busy, or stopped, and this
 * process does the work. SEND_MS is the most that a write to the socket may take.
 */
#define BEGIN_MS 5000
#define SEND_MS 5000

static void connect_request_free(struct proto_request **request)
{
    proto_request_free(*request);
}
#define cleanup_request __attribute__((cleanup(connect_request_free)))

/* ---- the request ----------------------------------------------------------------------- */

/* Copies a text into a memory file (memfd), for which the caller gets the descriptor. */
static int connect_text_fd(struct bytes text, int *ret_fd, struct failure *f)
{
    cleanup_fd int fd = memfd_create("ctx", MFD_CLOEXEC);
    int r = fd < 0 ? -errno : io_write_full(fd, text.at, text.len);
    if (r < 0)
        return fail_errno(f, r, "memory for the daemon");
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int connect_duplicate_fd(int fd, int *ret_fd, struct failure *f)
{
    *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return *ret_fd < 0 ? fail_errno(f, -errno, "a descriptor for the daemon") : 0;
}

/* Asks the kernel for the real path of the root. */
static int connect_root_path(int root_fd, struct arena *arena, struct bytes *ret,
                             struct failure *f)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", root_fd);
    ssize_t n = readlink(link, path, sizeof(path));
    if (n <= 0 || (size_t)n >= sizeof(path) || path[0] != '/')
        return fail(f, -ENOENT, "the root has no path that a daemon could watch");
    *ret = arena_copy(arena, bytes_at(path, (size_t)n));
    return 0;
}

/*
 * Makes a path absolute, because the daemon has another working directory. NULL and "-" leave
 * *ret empty.
 */
static int connect_absolute(const char *path, struct arena *arena, struct bytes *ret,
                            struct failure *f)
{
    char cwd[PATH_MAX];
    if (!path || !strcmp(path, "-"))
        return 0;
    if (path[0] == '/') {
        *ret = arena_copy(arena, bytes_of(path));
        return 0;
    }
    if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
        return fail(f, -ENOENT, "the working directory has no path");
    *ret = path_join(arena, bytes_of(cwd), bytes_of(path));
    return 0;
}

static int connect_add_texts(struct proto_request *request, const struct control *control,
                             struct failure *f)
{
    int r = connect_text_fd(control->dockerfile, &request->fds[PROTO_FD_DOCKERFILE], f);
    if (r == 0 && control->has_ignore)
        r = connect_text_fd(control->ignore, &request->fds[PROTO_FD_IGNORE], f);
    return r;
}

/*
 * The names and the stat of the control files are part of the request's text. Their contents
 * travel as file descriptors: connect_add_texts().
 */
static void connect_add_control(struct proto_request *request, const struct control *control)
{
    request->control.dockerfile_name = control->dockerfile_name;
    request->control.dockerfile_stat = control->dockerfile_stat;
    request->control.ignore_name = control->ignore_name;
    request->control.has_ignore = control->has_ignore;
    request->control.ignore_of_root = control->ignore_of_root;
}

static int connect_add_selection(struct proto_request *request, const struct connect_ask *ask,
                                 struct failure *f)
{
    const struct send_request *send = ask->send;
    request->send = *send;
    request->send.control = &request->control;
    request->root_name = send->root_name;
    proto_mount_namespace(&request->mount_ns_dev, &request->mount_ns_ino);
    connect_add_control(request, send->control);
    int r = connect_root_path(send->root_fd, &request->arena, &request->root_path, f);
    r = r < 0 ? r : connect_absolute(ask->file, &request->arena, &request->dockerfile_path, f);
    r = r < 0 ? r
              : connect_absolute(ask->ignore_file, &request->arena, &request->ignore_path, f);
    r = r < 0 ? r : connect_duplicate_fd(send->root_fd, &request->fds[PROTO_FD_ROOT], f);
    if (r == 0 && (ask->kind == PROTO_SEND || ask->kind == PROTO_DIGEST))
        r = connect_add_texts(request, send->control, f);
    return r;
}

static const char ended_text[] = "the daemon ended before it began";
static const char nobody_text[] = "no ctxd runs; ctx start begins one";

bool connect_nobody(const struct failure *f)
{
    return strcmp(f->text, nobody_text) == 0;
}

int connect_begin(const struct connect_ask *ask, int *ret_fd, struct failure *f)
{
    cleanup_request struct proto_request *request = proto_request_new();
    char path[PROTO_PATH_MAX];
    cleanup_fd int fd = -1;
    /* Connect first, because that tells at once if no daemon runs. */
    int r = proto_socket_path(false, path, f);
    r = r < 0 ? r : proto_connect(path, &fd, f);
    if (r < 0)
        goto nobody;
    request->kind = ask->kind;
    request->version = bytes_of(proto_version);
    request->build = bytes_of(proto_build);
    request->progress = ask->progress;
    request->per_instruction = ask->per_instruction;
    request->bare = ask->bare;
    request->since_given = ask->since_given;
    request->since = ask->since;
    request->timeout_ms = ask->timeout_ms;
    r = ask->send ? connect_add_selection(request, ask, f) : 0;
    r = r < 0 ? r : proto_send_request(fd, request, SEND_MS, f);
    if (r < 0)
        goto nobody;
    *ret_fd = steal_fd(&fd);
    return 0;
nobody:
    if (r == -ENOENT || r == -ECONNREFUSED)
        return fail(f, -ENOTCONN, "%s", nobody_text);
    /* It was about to end, and closed the connection. */
    if (r == -EPIPE || r == -ECONNRESET)
        return fail(f, -ENOTCONN, "%s", ended_text);
    if (f)
        f->code = -ENOTCONN;
    return -ENOTCONN;
}

/* ---- the answer ------------------------------------------------------------------------ */

static void connect_show_progress(const struct proto_progress *from, struct send_progress *to)
{
    if (!to)
        return;
    atomic_store(&to->entries, from->entries);
    atomic_store(&to->bytes, from->bytes);
    atomic_store(&to->bytes_out, from->bytes_out);
    atomic_store(&to->bytes_total, from->bytes_total);
    atomic_store(&to->entries_total, from->entries_total);
}

struct reading {
    int fd;
    int out_fd;         /* of the stream; -1: none */
    struct relay relay; /* what the daemon is given when it begins, and the way to out_fd */
    struct proto_inbox inbox;
    bool started, handed_over;
    uint64_t deadline_ns; /* for the daemon to begin */
};

/* Waits for something to read. -ETIMEDOUT: the daemon did not begin in time. */
static int connect_wait_readable(const struct reading *reading)
{
    for (;;) {
        uint64_t now = clock_now_ns();
        if (!reading->started && now >= reading->deadline_ns)
            return -ETIMEDOUT;
        int ms = reading->started ? -1 : (int)((reading->deadline_ns - now + 999999) / 1000000);
        struct pollfd one = {.fd = reading->fd, .events = POLLIN};
        int n = poll(&one, 1, ms);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

bool connect_ended(const struct failure *f)
{
    return strcmp(f->text, ended_text) == 0;
}

static const char hung_text[] = "did not begin within 5 seconds";

bool connect_hung(const struct failure *f)
{
    return strstr(f->text, hung_text);
}

int connect_pid(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    char path[64];
    cleanup_buf struct buf name = BUF(64);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
        return 0;
    /* Of a socket that was given to ctxd, the peer is the process that made it. */
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)peer.pid);
    return io_read_file(AT_FDCWD, path, &name) == 0 &&
                   bytes_equal(buf_bytes(&name), BYTES("ctxd\n"))
               ? (int)peer.pid
               : 0;
}

/* Says what to do with a daemon that takes connections and does nothing else. */
static int connect_fail_hung(const struct reading *reading, struct failure *f)
{
    int pid = connect_pid(reading->fd);
    if (!pid)
        return fail(f, -ENOTCONN, "the daemon %s", hung_text);
    return fail(f, -ENOTCONN,
                "ctxd, process %d, %s: it is busy, stopped (kill -CONT %d lets it go on), or "
                "hangs (kill -KILL %d)",
                pid, hung_text, pid, pid);
}

static int connect_lost(const struct reading *reading, int r, struct failure *f)
{
    if (reading->handed_over)
        return fail(f, -EPIPE,
                    "the daemon ended in the middle; try again, or with --no-daemon");
    if (r == -ETIMEDOUT)
        return connect_fail_hung(reading, f);
    return fail(f, -ENOTCONN, "%s", ended_text);
}

/*
 * The daemon has begun: gives it the output. Not earlier, because a daemon that hangs with the
 * output open would keep the reader of the stream from ever seeing its end.
 */
static int connect_hand_over(struct reading *reading)
{
    reading->started = true;
    if (reading->out_fd < 0)
        return 0;
    int r = relay_begin(&reading->relay, reading->out_fd, NULL);
    r = r < 0 ? r : proto_send(reading->fd, BYTES("{}"), &reading->relay.give, 1, SEND_MS);
    relay_given(&reading->relay);
    reading->handed_over = r == 0;
    return r;
}

/* Handles one line. 1: it is the answer that ends the request. */
static int connect_take_line(struct reading *reading, struct bytes line,
                             struct send_progress *progress, struct proto_answer *ret,
                             struct failure *f)
{
    int r = proto_answer_parse(line, ret, f);
    if (r < 0)
        return fail_wrap(f, reading->handed_over ? -EPIPE : -ENOTCONN, "no answer");
    switch (ret->kind) {
    case PROTO_STARTED:
        r = connect_hand_over(reading);
        break;
    case PROTO_PROGRESS:
        connect_show_progress(&ret->progress, progress);
        break;
    case PROTO_DECLINED:
        fail(f, -ENOTCONN, "%s", ret->failure.text);
        proto_answer_release(ret);
        return -ENOTCONN;
    case PROTO_DONE:
    case PROTO_FAILED:
        return 1;
    }
    proto_answer_release(ret);
    return r < 0 ? connect_lost(reading, r, f) : 0;
}

static int connect_read_answer(struct reading *reading, struct send_progress *progress,
                               struct proto_answer *ret, struct failure *f)
{
    struct bytes line;
    for (;;) {
        while (proto_next_line(&reading->inbox, &line)) {
            int r = connect_take_line(reading, line, progress, ret, f);
            if (r != 0)
                return r < 0 ? r : 0;
        }
        int r = connect_wait_readable(reading);
        r = r < 0 ? r : proto_receive(reading->fd, &reading->inbox);
        if (r <= 0)
            return connect_lost(reading, r, f);
    }
}

/*
 * All that the daemon wrote must be in the output before this process goes on. If the output
 * could not be written, that is the result, whatever the daemon says of a pipe that closed.
 */
static int connect_end_relay(struct reading *reading, int r, struct proto_answer *ret,
                             struct failure *f)
{
    struct failure why = {0};
    if (r < 0) /* it may still write */
        shutdown(reading->fd, SHUT_RDWR);
    int end = relay_end(&reading->relay, &why);
    if (end == 0)
        return r;
    if (r == 0) {
        ret->kind = PROTO_FAILED;
        ret->failure = why;
        ret->untouched = false;
    } else if (f) {
        *f = why;
    }
    return r < 0 ? -EPIPE : 0;
}

int connect_read(int fd, int out_fd, struct send_progress *progress, struct proto_answer *ret,
                 struct failure *f)
{
    struct reading reading = {.fd = fd,
                              .out_fd = out_fd,
                              .relay = RELAY,
                              .inbox = PROTO_INBOX(PROTO_ANSWER_MAX),
                              .deadline_ns = clock_now_ns() + BEGIN_MS * 1000000ull};
    int r = connect_read_answer(&reading, progress, ret, f);
    proto_inbox_release(&reading.inbox);
    return connect_end_relay(&reading, r, ret, f);
}

int connect_ask(const struct connect_ask *ask, struct send_progress *progress,
                struct proto_answer *ret, struct failure *f)
{
    cleanup_fd int fd = -1;
    int r = connect_begin(ask, &fd, f);
    int out_fd = ask->kind == PROTO_SEND ? ask->send->out_fd : -1;
    return r < 0 ? r : connect_read(fd, out_fd, progress, ret, f);
}

void connect_take_notes(const struct proto_answer *answer, struct notes *notes)
{
    for (size_t i = 0; i < answer->notes.n; i++)
        notes_add(notes, answer->notes.at[i].level, "%.*s",
                  BYTES_ARG(answer->notes.at[i].text));
    notes->dropped += answer->notes.dropped;
}
