/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "log.h"
#include "requests.h"
#include "thread-kind.h"
#include "wake.h"
#include "watch.h"

#include <errno.h>

/* Milliseconds for a request to arrive. Clients send it as soon as they are connected. */
#define READ_MS 10000
/* Milliseconds for the client to take its answer. Most answers fit in the socket's buffer. */
#define WRITE_MS 30000
/* Milliseconds that `wait` waits if the client names no time. */
#define WAIT_DEFAULT_MS 60000

enum session_state { READING, WORKING, WAITING, WRITING, CLOSED };

struct sessions {
    struct daemon *daemon;
    uv_loop_t *uv;
    struct polls *polls;
    struct session *first;
    size_t n;
};

struct session {
    struct sessions *sessions;
    uv_poll_t poll;
    int fd;
    enum session_state state;
    bool gone;    /* the client is gone, or cut off: close it when the lane has finished */
    bool ticking; /* it asked wake_tick() for ticks */
    uint64_t deadline_ns; /* READING, WAITING, WRITING */
    struct proto_inbox inbox;
    struct request_job *job; /* WORKING */
    struct root *root;       /* WAITING */
    uint64_t since;          /* WAITING: the number of the last event the client knows of */
    struct buf out;          /* WRITING */
    size_t written;
    struct proto_progress shown; /* the progress that was told last */
    bool progress;               /* the client wants progress */
    struct session *next, *previous;
};

static void on_session_poll(uv_poll_t *handle, int status, int events);

struct sessions *sessions_new(struct daemon *daemon, uv_loop_t *uv, struct polls *polls)
{
    struct sessions *sessions = xcalloc(1, sizeof(*sessions));
    *sessions = (struct sessions){.daemon = daemon, .uv = uv, .polls = polls};
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    free(sessions);
}

size_t sessions_count(const struct sessions *sessions)
{
    return sessions->n;
}

static void on_session_closed(uv_handle_t *handle)
{
    struct session *session = handle->data;
    close(session->fd);
    proto_inbox_release(&session->inbox);
    buf_release(&session->out);
    free(session);
}

static void session_want_ticks(struct session *session, bool wanted)
{
    if (session->ticking != wanted)
        wake_tick(session->sessions->daemon->wake, wanted);
    session->ticking = wanted;
}

static void session_close(struct session *session)
{
    struct sessions *sessions = session->sessions;
    session->gone = true;
    if (session->job) {
        /* The lane uses the descriptor, and session_finished() the session. */
        lane_job_cancel(&session->job->lane_job);
        uv_poll_stop(&session->poll);
        return;
    }
    if (session->state == CLOSED)
        return;
    if (session->root)
        polls_forget(sessions->polls, steal(&session->root), session);
    session->state = CLOSED;
    session_want_ticks(session, false);
    *(session->previous ? &session->previous->next : &sessions->first) = session->next;
    if (session->next)
        session->next->previous = session->previous;
    sessions->n--;
    daemon_touch(sessions->daemon);
    /* There is a place for another connection; or no session is left, and the loop may end. */
    wake_up(sessions->daemon->wake);
    uv_close((uv_handle_t *)&session->poll, on_session_closed);
}

/* ---- writing --------------------------------------------------------------------------- */

static void session_write(struct session *session)
{
    while (session->written < session->out.len) {
        ssize_t n = proto_send_some(session->fd,
                                    bytes_from(buf_bytes(&session->out), session->written));
        if (n == -EAGAIN) {
            uv_poll_start(&session->poll, UV_WRITABLE | UV_DISCONNECT, on_session_poll);
            return;
        }
        if (n < 0)
            break;
        session->written += (size_t)n;
    }
    session_close(session);
}

static void session_begin_writing(struct session *session)
{
    session->state = WRITING;
    session->deadline_ns = clock_now_ns() + WRITE_MS * 1000000ull;
    session_want_ticks(session, true);
    session_write(session);
}

static void session_decline(struct session *session, enum proto_why why,
                            const struct failure *f)
{
    count(&session->sessions->daemon->counters.declined, 1);
    log_event(LOG_INFO, "declined", "why=%s", LOG_VALUE(bytes_of(f->text)));
    request_print_declined(&session->out, why, f);
    session_begin_writing(session);
}

static void session_answer_stop(struct session *session)
{
    struct proto_answer answer = {.kind = PROTO_DONE};
    int r = proto_answer_print(&answer, PROTO_STOP, &session->out);
    r = r < 0 ? r : buf_add_byte(&session->out, '\n');
    log_event(LOG_INFO, "stop", r < 0 ? "unsaid=true" : NULL);
    session_begin_writing(session);
    wake_end(session->sessions->daemon->wake);
}

/* ---- waiting for a change --------------------------------------------------------------- */

static void session_answer_wait(struct session *session, uint64_t seq, bool changed, bool slow)
{
    struct proto_answer answer = {
        .kind = PROTO_DONE, .seq = seq, .changed = changed, .slow = slow};
    int r = proto_answer_print(&answer, PROTO_WAIT, &session->out);
    r = r < 0 ? r : buf_add_byte(&session->out, '\n');
    if (session->root)
        polls_forget(session->sessions->polls, steal(&session->root), session);
    if (r < 0)
        session_close(session);
    else
        session_begin_writing(session);
}

static void on_session_changed(void *context, uint64_t seq)
{
    session_answer_wait(context, seq, true, false);
}

static void session_begin_waiting(struct session *session, const struct request_job *job)
{
    const struct proto_request *request = job->request;
    struct watch_stats stats = {0};
    uint64_t seq = 0, ms = request->timeout_ms ? request->timeout_ms : WAIT_DEFAULT_MS;
    session->root = job->root;
    session->since = request->since;
    session->state = WAITING;
    if (session->root->watch)
        watch_stats(session->root->watch, &stats);
    if (!session->root->watch || stats.slow[0] ||
        !polls_can_wait(session->sessions->polls, session->root)) {
        session_answer_wait(session, 0, false, true);
        return;
    }
    if (!request->since_given) {
        session_answer_wait(session, stats.n_events, false, false);
        return;
    }
    session->deadline_ns = clock_now_ns() + ms * 1000000;
    session_want_ticks(session, true);
    if (polls_wait(session->root, request->since, on_session_changed, session, &seq))
        session_answer_wait(session, seq, true, false);
}

/* ---- working --------------------------------------------------------------------------- */

/* The lane has finished with the job, and with the session's descriptor. */
static void session_finished(struct session *session, struct request_job *job)
{
    struct daemon *daemon = session->sessions->daemon;
    session->job = NULL;
    if (session->gone && job->root)
        root_put(daemon, steal(&job->root));
    if (session->gone) {
        session_close(session);
    } else if (job->root) {
        session_begin_waiting(session, job);
    } else {
        buf_release(&session->out);
        session->out = job->line;
        job->line = BUF(0);
        session_begin_writing(session);
    }
    request_job_free(job);
}

static void session_begin_work(struct session *session, struct proto_request *request)
{
    struct daemon *daemon = session->sessions->daemon;
    session->state = WORKING;
    session->progress = request->progress;
    session->job = request_job_new(daemon, session, session->fd, request, session_finished);
    int r = wake_ending(daemon->wake) ? -ESHUTDOWN
                                      : lane_job_submit(daemon, &session->job->lane_job);
    if (r < 0) {
        struct failure f = {0};
        request_job_free(steal(&session->job));
        fail_errno(&f, r, "no lane for the request");
        session_decline(session,
                        r == -EBUSY       ? PROTO_BUSY
                        : r == -ESHUTDOWN ? PROTO_ENDING
                                          : PROTO_UNABLE,
                        &f);
        return;
    }
    session_want_ticks(session, session->progress);
    /* What the client of `send` sends now, its output, is for the lane to receive. */
    if (session->job->kind == PROTO_SEND)
        uv_poll_start(&session->poll, UV_DISCONNECT, on_session_poll);
}

/* If the client doesn't read, the line is dropped: the next one says more. */
static void session_tell_progress(struct session *session)
{
    const struct send_progress *at = &session->job->progress;
    struct proto_answer answer = {.kind = PROTO_PROGRESS,
                                  .progress = {.entries = at->entries,
                                               .entries_total = at->entries_total,
                                               .bytes = at->bytes,
                                               .bytes_total = at->bytes_total,
                                               .bytes_out = at->bytes_out}};
    if (!session->job->started ||
        memcmp(&answer.progress, &session->shown, sizeof(answer.progress)) == 0)
        return;
    session->shown = answer.progress;
    cleanup_buf struct buf line = BUF(4096);
    if (proto_answer_print(&answer, PROTO_SEND, &line) < 0 || buf_add_byte(&line, '\n') < 0)
        return;
    ssize_t n = proto_send_some(session->fd, buf_bytes(&line));
    /* After a part of a line, nothing that follows could be read. */
    if (n >= 0 && (size_t)n < line.len)
        session_close(session);
}

/* ---- reading --------------------------------------------------------------------------- */

static void session_take_request(struct session *session, struct bytes line)
{
    struct failure f = {0};
    struct proto_request *request = NULL;
    size_t n = session->inbox.n_fds;
    session->inbox.n_fds = 0;
    int r = proto_request_parse(line, session->inbox.fds, n, false, &request, &f);
    if (r < 0) {
        session_decline(session, r == -EPROTONOSUPPORT ? PROTO_VERSION : PROTO_UNABLE, &f);
        return;
    }
    count(&session->sessions->daemon->counters.requests[request->kind], 1);
    log_event(LOG_DEBUG, "request", "kind=%u root=%s", request->kind,
              LOG_VALUE(request->root_path));
    if (request->kind != PROTO_STOP) {
        session_begin_work(session, request);
        return;
    }
    proto_request_free(request);
    session_answer_stop(session);
}

static void session_read(struct session *session)
{
    struct bytes line;
    struct failure f = {0};
    int r = proto_receive(session->fd, &session->inbox);
    if (r == -EAGAIN)
        return;
    if (r == -E2BIG || r == -EBADMSG) {
        fail(&f, r,
             r == -E2BIG ? "a request of more than %d bytes" : "more than %d descriptors",
             r == -E2BIG ? (int)PROTO_REQUEST_MAX : PROTO_FDS);
        session_decline(session, PROTO_UNABLE, &f);
    } else if (r <= 0 || session->state != READING) {
        /* The client is gone, or sends more than a request. */
        session_close(session);
    } else if (proto_next_line(&session->inbox, &line)) {
        session_take_request(session, line);
    }
}

static void on_session_poll(uv_poll_t *handle, int status, int events)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct session *session = handle->data;
    if (status < 0 || (events & UV_DISCONNECT && !(events & UV_READABLE))) {
        session_close(session);
    } else if (session->state == WRITING) {
        session_write(session);
    } else {
        session_read(session);
    }
}

void session_begin(struct sessions *sessions, int fd)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct session *session = xcalloc(1, sizeof(*session));
    session->sessions = sessions;
    session->fd = fd;
    session->inbox = PROTO_INBOX(PROTO_REQUEST_MAX);
    session->out = BUF(PROTO_ANSWER_MAX + 1);
    session->deadline_ns = clock_now_ns() + READ_MS * 1000000ull;
    if (uv_poll_init(sessions->uv, &session->poll, fd) < 0) {
        close(fd);
        free(session);
        return;
    }
    session->poll.data = session;
    session->next = sessions->first;
    if (session->next)
        session->next->previous = session;
    sessions->first = session;
    sessions->n++;
    session_want_ticks(session, true);
    uv_poll_start(&session->poll, UV_READABLE | UV_DISCONNECT, on_session_poll);
}

/* ---- all of them ------------------------------------------------------------------------- */

static void session_tick(struct session *session, uint64_t now_ns)
{
    uint64_t seq;
    if (session->state == WORKING) {
        if (session->progress && !session->gone)
            session_tell_progress(session);
    } else if (session->state == WAITING && polls_moved(session->root, session->since, &seq)) {
        session_answer_wait(session, seq, true, false);
    } else if (now_ns < session->deadline_ns) {
        return;
    } else if (session->state == WAITING) {
        session_answer_wait(session, session->since, false, false);
    } else {
        session_close(session);
    }
}

void sessions_tick(struct sessions *sessions, uint64_t now_ns)
{
    ASSERT_THREAD(THREAD_LOOP);
    for (struct session *session = sessions->first, *next; session; session = next) {
        next = session->next;
        session_tick(session, now_ns);
    }
}

void sessions_end(struct sessions *sessions, bool hard)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct failure f = {0};
    fail(&f, -ESHUTDOWN, "the daemon ends");
    for (struct session *session = sessions->first, *next; session; session = next) {
        next = session->next;
        if (hard || session->state == READING) {
            session_close(session);
        } else if (session->state == WAITING) {
            polls_forget(sessions->polls, steal(&session->root), session);
            session_decline(session, PROTO_ENDING, &f);
        }
    }
}
