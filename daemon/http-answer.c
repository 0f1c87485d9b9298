/* SPDX-License-Identifier: Apache-2.0 */
#include "http-answer.h"

#include "http-connections.h"
#include "lanes.h"
#include "log.h"
#include "roots.h"
#include "thread-kind.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* Bytes that libmicrohttpd asks for at once, and keeps in memory for each connection. */
#define BLOCK_BYTES (256u << 10)

struct http_answer {
    struct http_sending sending; /* first: http_answer_of() */
    struct http *http;
    uint64_t began_ns;
    struct proto_request *request;
    struct root *root;
    struct lane *lane;
    struct dockerfile *dockerfile;
    struct body *body;

    pthread_mutex_t lock; /* guards parked, sent and reading the body */
    bool parked;
    uint64_t sent;
};

static struct http_answer *http_answer_of(struct http_sending *sending)
{
    return (struct http_answer *)sending;
}

/* ---- life cycle ---------------------------------------------------------------------- */

/* The watchdog calls this, with the lock of the connections held. */
static bool http_answer_park__with_lock(struct http_sending *sending)
{
    struct http_answer *answer = http_answer_of(sending);
    /* If it is locked, a block is being made, or the lane is waited for: nothing to park. */
    if (pthread_mutex_trylock(&answer->lock) != 0)
        return true;
    if (!answer->parked)
        answer->lane->hooks.stalled(answer->lane->hooks.context, true);
    answer->parked = true;
    pthread_mutex_unlock(&answer->lock);
    return !lane_cancelled(answer->lane);
}

static struct http_answer *http_answer_new(struct http *http)
{
    struct http_answer *answer = xcalloc(1, sizeof(*answer));
    answer->sending.park = http_answer_park__with_lock;
    answer->http = http;
    answer->began_ns = clock_now_ns();
    pthread_mutex_init(&answer->lock, NULL);
    return answer;
}

static void http_answer_free(struct http_answer *answer)
{
    if (!answer)
        return;
    body_free(answer->body);
    dockerfile_free(answer->dockerfile);
    if (answer->lane)
        lane_leave(answer->lane);
    if (answer->root)
        root_put(answer->http->daemon, answer->root);
    proto_request_free(answer->request);
    pthread_mutex_destroy(&answer->lock);
    free(answer);
}

static void http_answer_free_p(struct http_answer **answer)
{
    http_answer_free(*answer);
}

/* ---- what is asked for --------------------------------------------------------------- */

/* The status of a response that has no body because of error r. */
static unsigned http_answer_status(int r)
{
    switch (r) {
    case -EBUSY:
    case -ESHUTDOWN:
    case -ECANCELED:
    case -EMFILE:
    case -ENFILE:
        return 503;
    default:
        return 500;
    }
}

/* Finds the selection that the token stands for, and gets its root. An earlier release may have
 * kept a selection that this one can't read. */
static int http_answer_find(struct http_answer *answer, const struct http_path *path,
                            unsigned *ret_status, struct failure *f)
{
    cleanup_buf struct buf line = BUF(URLS_BYTES_MAX);
    int r = urls_find(answer->http->urls, &path->token, &line);
    *ret_status = 404;
    if (r < 0)
        return fail(f, r, "nothing is here: ctx url prints an address");
    *ret_status = 410;
    r = proto_request_parse(buf_bytes(&line), NULL, 0, true, &answer->request, f);
    if (r < 0)
        return fail_wrap(f, r,
                         "this address was made by another release, "
                         "ask ctx url for a new one");
    r = root_get(answer->http->daemon, -1, answer->request->root_path, &answer->root, f);
    if (r == -ENOENT || r == -ENOTDIR || r == -EXDEV)
        return fail_wrap(f, r, "the context is gone");
    *ret_status = http_answer_status(r);
    return r;
}

static void http_answer_set_codec(struct send_request *send, enum send_codec codec)
{
    /* The level belongs to the codec that was asked for: see url_print_selection(). */
    if (codec == SEND_GZIP && send->codec != SEND_GZIP)
        send->level = SEND_GZIP_LEVEL;
    send->codec = codec;
}

static int http_answer_open(struct http_answer *answer, struct http_connection *at,
                            enum send_codec codec, struct notes *notes, struct failure *f)
{
    struct http *http = answer->http;
    struct proto_request *request = answer->request;
    struct send_request *send = &request->send;
    int r = lane_enter(http->daemon, &answer->lane, f);
    if (r < 0)
        return r;
    send->root_name = answer->root->path;
    r = proto_request_load(request, answer->root->fd, notes, &answer->dockerfile, f);
    if (r < 0)
        return r;
    send->bare = request->bare;
    send->out_fd = -1;
    send->hooks = &answer->lane->hooks;
    send->pool = answer->lane->pool;
    http_answer_set_codec(send, codec);
    http_connection_set_lane(at, answer->lane);
    r = body_open(send, answer->root->warm, notes, &answer->body, f);
    http_connection_set_lane(at, NULL);
    return r;
}

/* ---- the bytes ----------------------------------------------------------------------- */

static ssize_t http_answer_read(struct http_answer *answer, uint64_t at, char *into, size_t len)
{
    assert(at == answer->sent);
    struct daemon *daemon = answer->http->daemon;
    struct failure f = {0};
    if (answer->parked)
        answer->lane->hooks.stalled(answer->lane->hooks.context, false);
    answer->parked = false;
    ssize_t n = lane_cancelled(answer->lane) ? fail(&f, -ECANCELED, "it was cancelled")
                                             : body_read(answer->body, into, len, &f);
    if (n <= 0) {
        /* The reader sees the body end before its Content-Length, and can't use it. */
        log_event(LOG_WARNING, "http-cut", "sent=%llu length=%llu error=%s",
                  (unsigned long long)at, (unsigned long long)body_length(answer->body),
                  LOG_VALUE(bytes_of(n < 0 ? f.text : "it ended early")));
        count(&daemon->counters.failed, 1);
        count(&answer->http->counts.cut, 1);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    answer->sent += (uint64_t)n;
    count(&daemon->counters.bytes_out, (uint64_t)n);
    return n;
}

/* The reader is not late while this runs: we are. */
static ssize_t on_http_read(void *context, uint64_t at, char *into, size_t len)
{
    ASSERT_THREAD(THREAD_HTTP);
    struct http_answer *answer = context;
    pthread_mutex_lock(&answer->lock);
    ssize_t n = http_answer_read(answer, at, into, len);
    daemon_touch(answer->http->daemon);
    http_sending_progress(&answer->sending);
    pthread_mutex_unlock(&answer->lock);
    return n;
}

static void on_http_sent(void *context)
{
    struct http_answer *answer = context;
    struct http *http = answer->http;
    uint64_t took_ns = clock_now_ns() - answer->began_ns, length = body_length(answer->body);
    http_sending_end(&answer->sending);
    if (answer->sent == length)
        count_latency(&http->daemon->counters, LATENCY_HTTP_GET, took_ns);
    else
        count(&http->daemon->counters.cancelled, 1);
    log_event(LOG_INFO, "http-sent", "root=%s bytes=%llu of=%llu ms=%llu",
              LOG_VALUE(answer->root->path), (unsigned long long)answer->sent,
              (unsigned long long)length, (unsigned long long)(took_ns / 1000000));
    http_answer_free(answer);
}

/* ---- the response -------------------------------------------------------------------- */

struct condition {
    struct bytes etag;
    bool met;
};

static enum MHD_Result on_http_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct condition *condition = context;
    (void)kind;
    if (value && bytes_equal_nocase(bytes_of(name), BYTES("If-None-Match")))
        condition->met = condition->met || http_none_match(bytes_of(value), condition->etag);
    return condition->met ? MHD_NO : MHD_YES;
}

/* A response without a body has a length all the same, but nothing of it is read. */
static ssize_t on_http_read_nothing(void *context, uint64_t at, char *into, size_t len)
{
    (void)context, (void)at, (void)into, (void)len;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* 304: the client has the body already. */
static enum MHD_Result http_answer_unchanged(struct http_answer *answer,
                                             struct MHD_Connection *connection,
                                             const char *etag)
{
    struct daemon *daemon = answer->http->daemon;
    struct MHD_Response *response = MHD_create_response_from_callback(
        body_length(answer->body), 1, on_http_read_nothing, NULL, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "ETag", etag);
    count(&daemon->counters.http_not_modified, 1);
    count_latency(&daemon->counters, LATENCY_HTTP_UNCHANGED, clock_now_ns() - answer->began_ns);
    return http_queue(&answer->http->counts, connection, 304, response);
}

static void http_answer_count_chunks(struct http_answer *answer)
{
    const struct send_stats *stats = body_stats(answer->body);
    count(&answer->http->daemon->counters.chunks, stats->n_chunks);
    count(&answer->http->daemon->counters.chunks_hit, stats->n_stored);
}

/* 200. Takes *answer if its body will be read. */
static enum MHD_Result http_answer_body(struct http_answer **answer, struct http_connection *at,
                                        struct MHD_Connection *connection,
                                        const struct http_path *path, const char *etag,
                                        bool head)
{
    struct http *http = (*answer)->http;
    uint64_t length = body_length((*answer)->body);
    struct MHD_Response *response;
    if (head) {
        response =
            MHD_create_response_from_callback(length, 1, on_http_read_nothing, NULL, NULL);
        count_latency(&http->daemon->counters, LATENCY_HTTP_HEAD,
                      clock_now_ns() - (*answer)->began_ns);
    } else {
        http_answer_count_chunks(*answer);
        response = MHD_create_response_from_callback(length, BLOCK_BYTES, on_http_read, *answer,
                                                     on_http_sent);
        if (response)
            http_sending_begin(&steal(answer)->sending, at);
    }
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Content-Type",
                            path->codec == SEND_GZIP ? "application/gzip"
                                                     : "application/x-tar");
    MHD_add_response_header(response, "Accept-Ranges", "none");
    return http_queue(&http->counts, connection, 200, response);
}

static void http_answer_log_notes(const struct http_answer *answer, const struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        if (notes->at[i].level == NOTE_WARNING)
            log_event(LOG_DEBUG, "http-warning", "root=%s text=%s",
                      LOG_VALUE(answer->root->path), LOG_VALUE(notes->at[i].text));
}

enum MHD_Result http_answer_context(struct http *http, struct http_connection *at,
                                    struct MHD_Connection *connection,
                                    const struct http_path *path, bool head)
{
    ASSERT_THREAD(THREAD_HTTP);
    __attribute__((cleanup(http_answer_free_p))) struct http_answer *answer =
        http_answer_new(http);
    cleanup_notes struct notes notes = {0};
    struct failure f = {0};
    unsigned status = 0;
    int r = http_answer_find(answer, path, &status, &f);
    if (r == 0) {
        r = http_answer_open(answer, at, path->codec, &notes, &f);
        status = http_answer_status(r);
        http_answer_log_notes(answer, &notes);
    }
    if (r < 0) {
        if (status >= 500)
            count(&http->daemon->counters.failed, 1);
        log_event(LOG_INFO, "http-refused", "status=%u error=%s", status,
                  LOG_VALUE(bytes_of(f.text)));
        return http_say(&http->counts, connection, status, "%s", f.text);
    }
    char etag[HTTP_ETAG_LEN + 1];
    http_etag(body_etag(answer->body), etag);
    struct condition condition = {.etag = bytes_of(etag)};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_http_header, &condition);
    if (condition.met)
        return http_answer_unchanged(answer, connection, etag);
    return http_answer_body(&answer, at, connection, path, etag, head);
}
