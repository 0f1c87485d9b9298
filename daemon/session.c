/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, which brings one request. Thread: loop, all of it.
 *
 *     READING -> WORKING -> WRITING -> closed
 *                   `-> WAITING -´                a client that goes away: cancelled, closed
 */
#include "loop.h"
#include "watch.h"

#include <errno.h>

/* A client sends its request at once. */
#define READ_MS 10000
/* Its answer lies in the socket's buffer; a longer one must be taken off. */
#define WRITE_MS 30000
#define WAIT_DEFAULT_MS 60000

enum session_state { READING, WORKING, WAITING, WRITING, CLOSED };

struct session {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    enum session_state state;
    bool gone; /* the client; closed when the lane is done */
    bool ticking;
    uint64_t deadline_ns; /* READING, WAITING, WRITING */
    struct proto_inbox inbox;
    struct work *work;
    struct root *root; /* WAITING */
    uint64_t since;    /* WAITING */
    struct buf out;    /* WRITING */
    size_t written;
    struct proto_progress shown; /* as last told */
    bool progress;
    struct session *next, *previous;
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_closed(uv_handle_t *handle)
{
    struct session *session = handle->data;
    close(session->fd);
    proto_inbox_release(&session->inbox);
    buf_release(&session->out);
    free(session);
}

static void tick(struct session *session, bool wanted)
{
    if (session->ticking != wanted)
        loop_tick(session->loop, wanted);
    session->ticking = wanted;
}

static void session_close(struct session *session)
{
    struct loop *loop = session->loop;
    session->gone = true;
    if (session->work) {
        /* The lane has the descriptor, and our address. */
        lane_job_cancel(&session->work->job);
        uv_poll_stop(&session->poll);
        return;
    }
    if (session->state == CLOSED)
        return;
    if (session->root)
        polls_forget(loop, session, steal(&session->root));
    session->state = CLOSED;
    tick(session, false);
    *(session->previous ? &session->previous->next : &loop->sessions) = session->next;
    if (session->next)
        session->next->previous = session->previous;
    loop->n_sessions--;
    daemon_touch(loop->daemon);
    loop_session_closed(loop);
    uv_close((uv_handle_t *)&session->poll, on_closed);
}

/* ---- writing --------------------------------------------------------------------------- */

static void write_out(struct session *session)
{
    while (session->written < session->out.len) {
        ssize_t n = proto_send_some(session->fd,
                                    bytes_from(buf_bytes(&session->out), session->written));
        if (n == -EAGAIN) {
            uv_poll_start(&session->poll, UV_WRITABLE | UV_DISCONNECT, on_poll);
            return;
        }
        if (n < 0)
            break;
        session->written += (size_t)n;
    }
    session_close(session);
}

static void begin_writing(struct session *session)
{
    session->state = WRITING;
    session->deadline_ns = clock_now_ns() + WRITE_MS * 1000000ull;
    tick(session, true);
    write_out(session);
}

static void decline(struct session *session, enum proto_why why, const struct failure *f)
{
    count(&session->loop->daemon->counters.declined, 1);
    log_event(LOG_INFO, "declined", "why=%s", LOG_VALUE(bytes_of(f->text)));
    answer_declined(&session->out, why, f);
    begin_writing(session);
}

static void answer_stop(struct session *session)
{
    struct proto_answer answer = {.kind = PROTO_DONE};
    int r = proto_answer_print(&answer, PROTO_STOP, &session->out);
    r = r < 0 ? r : buf_add_byte(&session->out, '\n');
    log_event(LOG_INFO, "stop", r < 0 ? "unsaid=true" : NULL);
    begin_writing(session);
    loop_end(session->loop);
}

/* ---- waiting for a change --------------------------------------------------------------- */

static void answer_wait(struct session *session, uint64_t seq, bool changed, bool slow)
{
    struct proto_answer answer = {
        .kind = PROTO_DONE, .seq = seq, .changed = changed, .slow = slow};
    int r = proto_answer_print(&answer, PROTO_WAIT, &session->out);
    r = r < 0 ? r : buf_add_byte(&session->out, '\n');
    if (session->root)
        polls_forget(session->loop, session, steal(&session->root));
    if (r < 0)
        session_close(session);
    else
        begin_writing(session);
}

void session_changed(struct session *session, uint64_t seq)
{
    answer_wait(session, seq, true, false);
}

static void begin_waiting(struct session *session, const struct work *work)
{
    const struct proto_request *request = work->request;
    struct watch_stats stats = {0};
    uint64_t seq = 0, ms = request->timeout_ms ? request->timeout_ms : WAIT_DEFAULT_MS;
    session->root = work->root;
    session->since = request->since;
    session->state = WAITING;
    if (session->root->watch)
        watch_stats(session->root->watch, &stats);
    if (!session->root->watch || stats.slow[0]) {
        answer_wait(session, 0, false, true);
        return;
    }
    if (!request->since_given) {
        answer_wait(session, stats.n_events, false, false);
        return;
    }
    session->deadline_ns = clock_now_ns() + ms * 1000000;
    tick(session, true);
    if (polls_wait(session->loop, session, session->root, request->since, &seq))
        answer_wait(session, seq, true, false);
}

/* ---- working --------------------------------------------------------------------------- */

static void begin_work(struct session *session, struct proto_request *request)
{
    struct loop *loop = session->loop;
    session->state = WORKING;
    session->progress = request->progress;
    session->work = work_new(session, session->fd, loop->daemon, request);
    int r = loop->ending ? -ESHUTDOWN : lane_job_submit(loop->daemon, &session->work->job);
    if (r < 0) {
        struct failure f = {0};
        work_free(steal(&session->work));
        fail_errno(&f, r, "no lane for the request");
        decline(session,
                r == -EBUSY       ? PROTO_BUSY
                : r == -ESHUTDOWN ? PROTO_ENDING
                                  : PROTO_UNABLE,
                &f);
        return;
    }
    tick(session, session->progress);
    /* What comes now is for the lane to read. */
    if (session->work->kind == PROTO_SEND)
        uv_poll_start(&session->poll, UV_DISCONNECT, on_poll);
}

void session_finished(struct work *work)
{
    struct session *session = work->session;
    struct loop *loop = session->loop;
    session->work = NULL;
    if (session->gone && work->root)
        root_put(loop->daemon, steal(&work->root));
    if (session->gone) {
        session_close(session);
    } else if (work->root) {
        begin_waiting(session, work);
    } else {
        buf_release(&session->out);
        session->out = work->line;
        work->line = BUF(0);
        begin_writing(session);
    }
    work_free(work);
}

/* Dropped where the client doesn't read: the next one says more. */
static void tell_progress(struct session *session)
{
    const struct send_progress *at = &session->work->progress;
    struct proto_answer answer = {.kind = PROTO_PROGRESS,
                                  .progress = {.entries = at->entries,
                                               .entries_total = at->entries_total,
                                               .bytes = at->bytes,
                                               .bytes_total = at->bytes_total,
                                               .bytes_out = at->bytes_out}};
    if (!session->work->started ||
        memcmp(&answer.progress, &session->shown, sizeof(answer.progress)) == 0)
        return;
    session->shown = answer.progress;
    cleanup_buf struct buf line = BUF(4096);
    if (proto_answer_print(&answer, PROTO_SEND, &line) < 0 || buf_add_byte(&line, '\n') < 0)
        return;
    ssize_t n = proto_send_some(session->fd, buf_bytes(&line));
    /* A part of a line would spoil what follows. */
    if (n >= 0 && (size_t)n < line.len)
        session_close(session);
}

/* ---- reading --------------------------------------------------------------------------- */

static void take_request(struct session *session, struct bytes line)
{
    struct loop *loop = session->loop;
    struct failure f = {0};
    struct proto_request *request = NULL;
    size_t n = session->inbox.n_fds;
    session->inbox.n_fds = 0;
    int r = proto_request_parse(line, session->inbox.fds, n, false, &request, &f);
    if (r < 0) {
        decline(session, r == -EPROTONOSUPPORT ? PROTO_VERSION : PROTO_UNABLE, &f);
        return;
    }
    count(&loop->daemon->counters.requests[request->kind], 1);
    log_event(LOG_DEBUG, "request", "kind=%u root=%s", request->kind,
              LOG_VALUE(request->root_path));
    if (request->kind != PROTO_STOP) {
        begin_work(session, request);
        return;
    }
    proto_request_free(request);
    answer_stop(session);
}

static void read_more(struct session *session)
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
        decline(session, PROTO_UNABLE, &f);
    } else if (r <= 0 || session->state != READING) {
        /* Gone, or talking on where there is nothing to say. */
        session_close(session);
    } else if (proto_next_line(&session->inbox, &line)) {
        take_request(session, line);
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct session *session = handle->data;
    if (status < 0 || (events & UV_DISCONNECT && !(events & UV_READABLE))) {
        session_close(session);
    } else if (session->state == WRITING) {
        write_out(session);
    } else {
        read_more(session);
    }
}

void session_begin(struct loop *loop, int fd)
{
    struct session *session = xcalloc(1, sizeof(*session));
    session->loop = loop;
    session->fd = fd;
    session->inbox = PROTO_INBOX(PROTO_REQUEST_MAX);
    session->out = BUF(PROTO_ANSWER_MAX + 1);
    session->deadline_ns = clock_now_ns() + READ_MS * 1000000ull;
    if (uv_poll_init(&loop->uv, &session->poll, fd) < 0) {
        close(fd);
        free(session);
        return;
    }
    session->poll.data = session;
    session->next = loop->sessions;
    if (session->next)
        session->next->previous = session;
    loop->sessions = session;
    loop->n_sessions++;
    tick(session, true);
    uv_poll_start(&session->poll, UV_READABLE | UV_DISCONNECT, on_poll);
}

/* ---- all of them ------------------------------------------------------------------------- */

static void session_tick(struct session *session, uint64_t now_ns)
{
    uint64_t seq;
    if (session->state == WORKING) {
        if (session->progress && !session->gone)
            tell_progress(session);
    } else if (session->state == WAITING && polls_moved(session->root, session->since, &seq)) {
        answer_wait(session, seq, true, false);
    } else if (now_ns < session->deadline_ns) {
        return;
    } else if (session->state == WAITING) {
        answer_wait(session, session->since, false, false);
    } else {
        session_close(session);
    }
}

void sessions_tick(struct loop *loop, uint64_t now_ns)
{
    for (struct session *session = loop->sessions, *next; session; session = next) {
        next = session->next;
        session_tick(session, now_ns);
    }
}

void sessions_end(struct loop *loop, bool hard)
{
    struct failure f = {0};
    fail(&f, -ESHUTDOWN, "the daemon ends");
    for (struct session *session = loop->sessions, *next; session; session = next) {
        next = session->next;
        if (hard || session->state == READING) {
            session_close(session);
        } else if (session->state == WAITING) {
            polls_forget(loop, session, steal(&session->root));
            decline(session, PROTO_ENDING, &f);
        }
    }
}
