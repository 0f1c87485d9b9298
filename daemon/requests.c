/* SPDX-License-Identifier: Apache-2.0 */
/* What a lane does for a session, kind by kind; each a straight line of calls. */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* A client hands it over as soon as it is told to. */
#define OUTPUT_MS 5000

#define cleanup_dockerfile __attribute__((cleanup(dockerfile_free_p)))

static void dockerfile_free_p(struct dockerfile **df)
{
    dockerfile_free(*df);
}

void answer_declined(struct buf *line, enum proto_why why, const struct failure *f)
{
    struct proto_answer answer = {.kind = PROTO_DECLINED, .why = why, .failure = *f};
    int r = proto_answer_print(&answer, PROTO_SEND, line);
    if (r == 0)
        r = buf_add_byte(line, '\n');
    if (r < 0)
        buf_clear(line);
}

/* Puts the answer into work->line. One that is too long, the client finds by itself. */
static void say(struct work *work, const struct proto_answer *answer)
{
    int r = proto_answer_print(answer, work->kind, &work->line);
    if (r == 0)
        r = buf_add_byte(&work->line, '\n');
    if (r == 0)
        return;
    struct failure f = {0};
    fail(&f, r, "the answer has more than %u bytes", PROTO_ANSWER_MAX);
    buf_clear(&work->line);
    answer_declined(&work->line, PROTO_UNABLE, &f);
}

static void decline(struct work *work, enum proto_why why, const struct failure *f)
{
    count(&work->daemon->counters.declined, 1);
    log_event(LOG_INFO, "declined", "root=%s why=%s", LOG_VALUE(work->request->root_path),
              LOG_VALUE(bytes_of(f->text)));
    answer_declined(&work->line, why, f);
}

/*
 * From here on bytes may be written: a client that hears of the end without having heard this
 * can do the work itself.
 */
static int say_started(struct work *work, struct failure *f)
{
    struct bytes line = BYTES("{\"answer\":\"started\"}\n");
    if (proto_send_some(work->fd, line) != (ssize_t)line.len)
        return fail(f, -ECANCELED, "the client is gone");
    atomic_store(&work->started, true);
    return 0;
}

/* The same directory by the same path, seen from the same place. */
static int find_root(struct work *work, struct root **ret, struct failure *f)
{
    const struct proto_request *request = work->request;
    uint64_t dev, ino;
    proto_mount_namespace(&dev, &ino);
    if (dev != request->mount_ns_dev || ino != request->mount_ns_ino)
        return fail(f, -EXDEV, "the client is in another mount namespace");
    return root_get(work->daemon, request->fds[PROTO_FD_ROOT], request->root_path, ret, f);
}

/* The texts that came, and what they say. */
static int read_request(struct work *work, struct root *root, struct lane *lane,
                        struct dockerfile **ret_df, struct failure *f)
{
    struct proto_request *request = work->request;
    struct send_request *send = &request->send;
    assert(root);
    int r = proto_request_texts(request, f);
    if (r == 0)
        r = dockerfile_parse(request->control.dockerfile_name, request->control.dockerfile,
                             ret_df, f);
    send->root_fd = root->fd;
    send->dockerfile = *ret_df;
    send->progress = &work->progress;
    send->hooks = &lane->hooks;
    send->pool = lane->pool;
    return r;
}

static void count_stream(struct daemon *daemon, const struct send_stats *stats)
{
    struct counters *counters = &daemon->counters;
    count(&counters->bytes_out, stats->out_bytes);
    count(&counters->chunks, stats->n_chunks);
    count(&counters->chunks_hit, stats->n_stored);
}

/* Tells how it went; `answer` holds the notes and what was found. */
static void conclude(struct work *work, int r, struct proto_answer *answer)
{
    static const enum latency_kind kinds[PROTO_KINDS] = {[PROTO_SEND] = LATENCY_SEND,
                                                         [PROTO_DIGEST] = LATENCY_DIGEST,
                                                         [PROTO_URL] = LATENCY_URL};
    struct daemon *daemon = work->daemon;
    uint64_t took_ns = clock_now_ns() - work->began_ns;
    /* The total is known when the plan is made, before the first byte. */
    answer->untouched = atomic_load(&work->progress.entries_total) == 0;
    answer->kind = r < 0 ? PROTO_FAILED : PROTO_DONE;
    if (r == -ECANCELED)
        count(&daemon->counters.cancelled, 1);
    else if (r < 0)
        count(&daemon->counters.failed, 1);
    else
        daemon_count_latency(daemon, kinds[work->kind], took_ns);
    const struct failure *f = &answer->failure;
    if (r < 0)
        log_event(LOG_INFO, "failed", "root=%s ms=%llu bytes=%llu why=%s",
                  LOG_VALUE(work->request->root_path), (unsigned long long)took_ns / 1000000,
                  (unsigned long long)work->progress.bytes_out, LOG_VALUE(bytes_of(f->text)));
    else
        log_event(LOG_INFO, "answered",
                  "root=%s us=%llu bytes=%llu files=%llu stats=%llu chunks=%llu stored=%llu",
                  LOG_VALUE(work->request->root_path), (unsigned long long)took_ns / 1000,
                  (unsigned long long)answer->stats.out_bytes,
                  (unsigned long long)answer->stats.n_files,
                  (unsigned long long)answer->stats.n_stats,
                  (unsigned long long)answer->stats.n_chunks,
                  (unsigned long long)answer->stats.n_stored);
    say(work, answer);
}

/* The same pipe, opened anew by its name under /proc: its flags, as it came, are the client's,
 * too. Refused where another user made it (sudo -u me ctx-send | …). */
static int open_pipe(int fd, int *ret_fd, struct failure *f)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    *ret_fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return *ret_fd < 0 ? fail_errno(f, -errno, "the output can't be waited for") : 0;
}

/*
 * Only what can be written to without ever being held up: a non-blocking pipe, for which the
 * lane waits in poll(), files and /dev/null, which take all. For all else, sockets and
 * terminals, the client does the work itself.
 */
static int make_patient(int *fd, struct failure *f)
{
    struct stat st;
    if (fstat(*fd, &st) < 0)
        return fail_errno(f, -errno, "the output");
    if (S_ISFIFO(st.st_mode)) {
        cleanup_fd int given = *fd;
        return open_pipe(given, fd, f);
    }
    bool null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
    return S_ISREG(st.st_mode) || null
               ? 0
               : fail(f, -EOPNOTSUPP, "the output is neither a pipe nor a file");
}

/* The output, and with it the right to write to it. */
static int take_output(struct work *work, const struct lane *lane, struct failure *f)
{
    int r = say_started(work, f);
    if (r < 0)
        return r;
    r = proto_receive_output(work->fd, lane->hooks.cancel_fd, OUTPUT_MS, &work->out_fd);
    if (r < 0)
        return fail_errno(f, r, "no output came from the client");
    r = make_patient(&work->out_fd, f);
    work->request->send.out_fd = work->out_fd;
    return r;
}

static void do_send(struct work *work, struct lane *lane, struct root *root)
{
    struct proto_answer answer = {0};
    cleanup_dockerfile struct dockerfile *df = NULL;
    int r = read_request(work, root, lane, &df, &answer.failure);
    r = r < 0 ? r : take_output(work, lane, &answer.failure);
    if (r == 0)
        r = send_run(&work->request->send, root->warm, &answer.notes, &answer.stats,
                     &answer.failure);
    if (r == 0)
        count_stream(work->daemon, &answer.stats);
    conclude(work, r, &answer);
    proto_answer_release(&answer);
}

static void do_digest(struct work *work, struct lane *lane, struct root *root)
{
    struct proto_answer answer = {0};
    cleanup_dockerfile struct dockerfile *df = NULL;
    int r = read_request(work, root, lane, &df, &answer.failure);
    r = r < 0 ? r : say_started(work, &answer.failure);
    if (r == 0)
        r = digest_run(&work->request->send, root->warm, work->request->per_instruction,
                       &answer.notes, &answer.digest, &answer.failure);
    conclude(work, r, &answer);
    if (r == 0)
        digest_release(&answer.digest);
    proto_answer_release(&answer);
}

static void do_url(struct work *work, struct root *root)
{
    char url[URL_LEN_MAX];
    struct proto_answer answer = {.kind = PROTO_DONE};
    int r = say_started(work, &answer.failure);
    if (r == 0)
        r = url_make(work->daemon, root, work->request, url, &answer.failure);
    answer.url = r < 0 ? BYTES("") : bytes_of(url);
    conclude(work, r, &answer);
    proto_answer_release(&answer);
}

static void do_work(struct lane_job *job, struct lane *lane)
{
    struct work *work = (struct work *)job;
    struct failure f = {0};
    struct root *root = NULL;
    if (lane_cancelled(lane)) {
        count(&work->daemon->counters.cancelled, 1);
        return;
    }
    if (work->kind == PROTO_STATUS) {
        answer_status(work->daemon, &work->line);
        return;
    }
    int r = find_root(work, &root, &f);
    if (r < 0) {
        decline(work, r == -EXDEV ? PROTO_FOREIGN : PROTO_UNABLE, &f);
        return;
    }
    switch (work->kind) {
    case PROTO_SEND:
        do_send(work, lane, root);
        break;
    case PROTO_DIGEST:
        do_digest(work, lane, root);
        break;
    case PROTO_URL:
        do_url(work, root);
        break;
    case PROTO_WAIT:
        work->root = root;
        return;
    case PROTO_STATUS:
    case PROTO_STOP:
        break;
    }
    root_put(work->daemon, root);
}

static void work_done(struct lane_job *job)
{
    struct work *work = (struct work *)job;
    struct loop *loop = work->daemon->loop;
    /* Now, so that the stream's reader sees its end when the client says that it is done. */
    if (work->kind != PROTO_WAIT)
        proto_request_free(steal(&work->request));
    if (work->out_fd >= 0)
        close(steal_fd(&work->out_fd));
    pthread_mutex_lock(&loop->lock);
    work->next = loop->done;
    loop->done = work;
    /* Under the lock: once the loop has it, the loop may end. */
    uv_async_send(&loop->woken);
    pthread_mutex_unlock(&loop->lock);
}

struct work *work_new(struct session *session, int fd, struct daemon *daemon,
                      struct proto_request *request)
{
    struct work *work = xcalloc(1, sizeof(*work));
    /* `ctx status` is asked when all lanes are busy; to wait is no work. */
    bool quick = request->kind == PROTO_STATUS || request->kind == PROTO_WAIT;
    work->job = (struct lane_job){.work = do_work, .done = work_done, .quick = quick};
    work->daemon = daemon;
    work->session = session;
    work->fd = fd;
    work->out_fd = -1;
    work->request = request;
    work->kind = request->kind;
    work->line = BUF(PROTO_ANSWER_MAX + 1);
    work->began_ns = clock_now_ns();
    return work;
}

void work_free(struct work *work)
{
    proto_request_free(work->request);
    lane_job_release(&work->job);
    buf_release(&work->line);
    free(work);
}
