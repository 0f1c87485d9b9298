/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include "learner.h"
#include "log.h"
#include "status.h"
#include "thread-kind.h"
#include "url.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* Milliseconds until the client's output must have come: it sends it as soon as it has read
 * `started`. */
#define OUTPUT_MS 5000

/* Chunks (a thousand small files) that a stream learns itself: what a few edits change. It
 * takes two to three times as long as only to pass them on. */
#define LEARN_MAX 16

#define cleanup_dockerfile __attribute__((cleanup(request_free_dockerfile)))

static void request_free_dockerfile(struct dockerfile **df)
{
    dockerfile_free(*df);
}

static struct request_job *request_job_of(struct lane_job *job)
{
    return (struct request_job *)job;
}

void request_print_declined(struct buf *line, enum proto_why why, const struct failure *f)
{
    struct proto_answer answer = {.kind = PROTO_DECLINED, .why = why, .failure = *f};
    int r = proto_answer_print(&answer, PROTO_SEND, line);
    if (r == 0)
        r = buf_add_byte(line, '\n');
    if (r < 0)
        buf_clear(line);
}

/* Puts the answer into job->line; if it is too long, tells the client to do the work. */
static void request_answer(struct request_job *job, const struct proto_answer *answer)
{
    int r = proto_answer_print(answer, job->kind, &job->line);
    if (r == 0)
        r = buf_add_byte(&job->line, '\n');
    if (r == 0)
        return;
    struct failure f = {0};
    fail(&f, r, "the answer has more than %u bytes", PROTO_ANSWER_MAX);
    buf_clear(&job->line);
    request_print_declined(&job->line, PROTO_UNABLE, &f);
}

static void request_decline(struct request_job *job, enum proto_why why,
                            const struct failure *f)
{
    count(&job->daemon->counters.declined, 1);
    log_event(LOG_INFO, "declined", "root=%s why=%s", LOG_VALUE(job->request->root_path),
              LOG_VALUE(bytes_of(f->text)));
    request_print_declined(&job->line, why, f);
}

/*
 * Tells the client that bytes may be written from here on. If the daemon ends before the client
 * has read this, the client can still do the work itself.
 */
static int request_say_started(struct request_job *job, struct failure *f)
{
    struct bytes line = BYTES("{\"answer\":\"started\"}\n");
    if (proto_send_some(job->fd, line) != (ssize_t)line.len)
        return fail(f, -ECANCELED, "the client is gone");
    atomic_store(&job->started, true);
    return 0;
}

/* Gets the root: the same directory by the same path, in the client's mount namespace. */
static int request_find_root(struct request_job *job, struct root **ret, struct failure *f)
{
    const struct proto_request *request = job->request;
    uint64_t dev, ino;
    proto_mount_namespace(&dev, &ino);
    if (dev != request->mount_ns_dev || ino != request->mount_ns_ino)
        return fail(f, -EXDEV, "the client is in another mount namespace");
    return root_get(job->daemon, request->fds[PROTO_FD_ROOT], request->root_path, ret, f);
}

/* Reads the Dockerfile and the ignore file that came with the request, and completes
 * request->send with them, the root and the lane. */
static int request_read(struct request_job *job, struct root *root, struct lane *lane,
                        struct dockerfile **ret_df, struct failure *f)
{
    struct proto_request *request = job->request;
    struct send_request *send = &request->send;
    assert(root);
    int r = proto_request_load(request, root->fd, NULL, ret_df, f);
    send->progress = &job->progress;
    send->learn_max = LEARN_MAX;
    send->hooks = &lane->hooks;
    send->pool = lane->pool;
    return r;
}

static void request_count_stream(struct daemon *daemon, const struct send_stats *stats)
{
    struct counters *counters = &daemon->counters;
    count(&counters->bytes_out, stats->out_bytes);
    count(&counters->chunks, stats->n_chunks);
    count(&counters->chunks_hit, stats->n_stored);
}

/* Counts, logs and answers. *answer contains the notes and the result; r: 0 or -errno. */
static void request_conclude(struct request_job *job, int r, struct proto_answer *answer)
{
    static const enum latency_kind kinds[PROTO_KINDS] = {[PROTO_SEND] = LATENCY_SEND,
                                                         [PROTO_DIGEST] = LATENCY_DIGEST,
                                                         [PROTO_URL] = LATENCY_URL};
    struct daemon *daemon = job->daemon;
    uint64_t took_ns = clock_now_ns() - job->began_ns;
    /* The plan sets the total before the first byte is written. */
    answer->untouched = atomic_load(&job->progress.entries_total) == 0;
    answer->kind = r < 0 ? PROTO_FAILED : PROTO_DONE;
    if (r == -ECANCELED)
        count(&daemon->counters.cancelled, 1);
    else if (r < 0)
        count(&daemon->counters.failed, 1);
    else
        count_latency(&daemon->counters, kinds[job->kind], took_ns);
    const struct failure *f = &answer->failure;
    if (r < 0)
        log_event(LOG_INFO, "failed", "root=%s ms=%llu bytes=%llu why=%s",
                  LOG_VALUE(job->request->root_path), (unsigned long long)took_ns / 1000000,
                  (unsigned long long)job->progress.bytes_out, LOG_VALUE(bytes_of(f->text)));
    else
        log_event(LOG_INFO, "answered",
                  "root=%s us=%llu bytes=%llu files=%llu stats=%llu chunks=%llu stored=%llu",
                  LOG_VALUE(job->request->root_path), (unsigned long long)took_ns / 1000,
                  (unsigned long long)answer->stats.out_bytes,
                  (unsigned long long)answer->stats.n_files,
                  (unsigned long long)answer->stats.n_stats,
                  (unsigned long long)answer->stats.n_chunks,
                  (unsigned long long)answer->stats.n_stored);
    request_answer(job, answer);
}

/* Opens the same pipe anew by its name under /proc, because the flags of the descriptor that we
 * received are shared with the client. The kernel refuses if another user made the pipe
 * (sudo -u me ctx-send | …). */
static int request_open_pipe(int fd, int *ret_fd, struct failure *f)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    *ret_fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return *ret_fd < 0 ? fail_errno(f, -errno, "the output can't be waited for") : 0;
}

/*
 * Accepts only an output to which a write never blocks, and does no harm after the client's
 * death: a non-blocking pipe, for which the lane waits in poll(); /dev/null, or a file that has
 * no name (-o), which take everything. To other files, and to sockets and terminals, clients
 * pass the bytes on by themselves (client/relay.h). Replaces *fd if it opens a pipe anew.
 */
static int request_check_output(int *fd, struct failure *f)
{
    struct stat st;
    if (fstat(*fd, &st) < 0)
        return fail_errno(f, -errno, "the output");
    if (S_ISFIFO(st.st_mode)) {
        cleanup_fd int given = *fd;
        return request_open_pipe(given, fd, f);
    }
    bool null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
    bool unnamed = S_ISREG(st.st_mode) && st.st_nlink == 0;
    return unnamed || null
               ? 0
               : fail(f, -EOPNOTSUPP, "the output is no pipe and no file without a name");
}

/* Receives the client's output, and with it the right to write to it. */
static int request_take_output(struct request_job *job, const struct lane *lane,
                               struct failure *f)
{
    int r = request_say_started(job, f);
    if (r < 0)
        return r;
    r = proto_receive_output(job->fd, lane->hooks.cancel_fd, OUTPUT_MS, &job->out_fd);
    if (r < 0)
        return fail_errno(f, r, "no output came from the client");
    r = request_check_output(&job->out_fd, f);
    job->request->send.out_fd = job->out_fd;
    return r;
}

static void request_send(struct request_job *job, struct lane *lane, struct root *root)
{
    struct proto_answer answer = {0};
    cleanup_dockerfile struct dockerfile *df = NULL;
    int r = request_read(job, root, lane, &df, &answer.failure);
    r = r < 0 ? r : request_take_output(job, lane, &answer.failure);
    if (r == 0)
        r = send_run(&job->request->send, root->warm, &answer.notes, &answer.stats,
                     &answer.failure);
    if (r == 0)
        request_count_stream(job->daemon, &answer.stats);
    request_conclude(job, r, &answer);
    if (r == 0 && answer.stats.n_unlearnt)
        learner_add(job->daemon, root, steal(&job->request), steal(&df));
    proto_answer_release(&answer);
}

static void request_digest(struct request_job *job, struct lane *lane, struct root *root)
{
    struct proto_answer answer = {0};
    cleanup_dockerfile struct dockerfile *df = NULL;
    int r = request_read(job, root, lane, &df, &answer.failure);
    r = r < 0 ? r : request_say_started(job, &answer.failure);
    if (r == 0)
        r = digest_run(&job->request->send, root->warm, job->request->per_instruction,
                       &answer.notes, &answer.digest, &answer.failure);
    request_conclude(job, r, &answer);
    if (r == 0)
        digest_release(&answer.digest);
    proto_answer_release(&answer);
}

static void request_url(struct request_job *job, struct root *root)
{
    char url[URL_LEN_MAX];
    struct proto_answer answer = {.kind = PROTO_DONE};
    int r = request_say_started(job, &answer.failure);
    if (r == 0)
        r = url_make(job->daemon, root, job->request, url, &answer.failure);
    answer.url = r < 0 ? BYTES("") : bytes_of(url);
    request_conclude(job, r, &answer);
    proto_answer_release(&answer);
}

static void request_run(struct lane_job *lane_job, struct lane *lane)
{
    ASSERT_THREAD(THREAD_LANE);
    struct request_job *job = request_job_of(lane_job);
    struct failure f = {0};
    struct root *root = NULL;
    if (lane_cancelled(lane)) {
        count(&job->daemon->counters.cancelled, 1);
        return;
    }
    if (job->kind == PROTO_STATUS) {
        status_answer(job->daemon, &job->line);
        return;
    }
    int r = request_find_root(job, &root, &f);
    if (r < 0) {
        request_decline(job, r == -EXDEV ? PROTO_FOREIGN : PROTO_UNABLE, &f);
        return;
    }
    switch (job->kind) {
    case PROTO_SEND:
        request_send(job, lane, root);
        break;
    case PROTO_DIGEST:
        request_digest(job, lane, root);
        break;
    case PROTO_URL:
        request_url(job, root);
        break;
    case PROTO_WAIT:
        job->root = root;
        return;
    case PROTO_STATUS:
    case PROTO_STOP:
        break;
    }
    root_put(job->daemon, root);
}

static void request_done(struct lane_job *lane_job)
{
    ASSERT_THREAD(THREAD_LANE);
    struct request_job *job = request_job_of(lane_job);
    /* Closed here, before the client reads that the stream is done: the reader of the stream
     * must see its end by then. */
    if (job->kind != PROTO_WAIT)
        proto_request_free(steal(&job->request));
    if (job->out_fd >= 0)
        close(steal_fd(&job->out_fd));
    wake_done(job->daemon->wake, &job->item);
}

/* ---- the loop's side --------------------------------------------------------------------- */

static void on_request_done(void *context)
{
    struct request_job *job = context;
    job->finished(job->session, job);
}

struct request_job *request_job_new(struct daemon *daemon, struct session *session, int fd,
                                    struct proto_request *request,
                                    void (*finished)(struct session *session,
                                                     struct request_job *job))
{
    ASSERT_THREAD(THREAD_LOOP);
    struct request_job *job = xcalloc(1, sizeof(*job));
    /* `status` must answer also when all lanes are taken, and `wait` only looks up a root. */
    bool quick = request->kind == PROTO_STATUS || request->kind == PROTO_WAIT;
    job->lane_job = (struct lane_job){.run = request_run, .done = request_done, .quick = quick};
    job->item = (struct wake_item){.call = on_request_done, .context = job};
    job->daemon = daemon;
    job->session = session;
    job->finished = finished;
    job->fd = fd;
    job->out_fd = -1;
    job->request = request;
    job->kind = request->kind;
    job->line = BUF(PROTO_ANSWER_MAX + 1);
    job->began_ns = clock_now_ns();
    return job;
}

void request_job_free(struct request_job *job)
{
    ASSERT_THREAD(THREAD_LOOP);
    proto_request_free(job->request);
    lane_job_release(&job->lane_job);
    buf_release(&job->line);
    free(job);
}
