/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context as a response: the selection behind the token, read from disk anew each time; the
 * root at its path, whatever directory that is by now; then the body that body_open() plans.
 *
 * The reader sets the pace, so the lane is held while a block is made, and by a reader that
 * keeps up; the watchdog parks it where a reader doesn't.
 */
#include "http.h"

#include "lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* What goes to the socket at once, and lies in memory for each connection. */
#define BLOCK_BYTES (256u << 10)

struct http_answer {
    struct http *http;
    struct http_connection *at; /* under http->lock; NULL: it is gone */
    uint64_t began_ns;
    struct proto_request *request;
    struct root *root;
    struct lane *lane;
    struct send_hooks hooks;
    struct control control;
    struct dockerfile *dockerfile;
    struct body *body;

    pthread_mutex_t lock; /* of the lane being parked, and of reading */
    bool parked;
    uint64_t sent;
};

/* ---- its life ------------------------------------------------------------------------ */

static struct http_answer *answer_new(struct http_connection *at)
{
    struct http_answer *answer = xcalloc(1, sizeof(*answer));
    answer->http = at->http;
    answer->began_ns = clock_now_ns();
    pthread_mutex_init(&answer->lock, NULL);
    return answer;
}

static void answer_free(struct http_answer *answer)
{
    if (!answer)
        return;
    body_free(answer->body);
    dockerfile_free(answer->dockerfile);
    control_release(&answer->control);
    if (answer->lane)
        lane_leave(answer->lane);
    if (answer->root)
        root_put(answer->http->daemon, answer->root);
    proto_request_free(answer->request);
    pthread_mutex_destroy(&answer->lock);
    free(answer);
}

static void answer_free_p(struct http_answer **answer)
{
    answer_free(*answer);
}

static void attach(struct http_answer *answer, struct http_connection *at)
{
    pthread_mutex_lock(&answer->http->lock);
    answer->at = at;
    at->answer = answer;
    pthread_mutex_unlock(&answer->http->lock);
}

void http_answer_detach(struct http_answer *answer)
{
    answer->at->answer = NULL;
    answer->at = NULL;
}

bool http_answer_park(struct http_answer *answer)
{
    /* Locked: a block is being made, or the lane is waited for again. */
    if (pthread_mutex_trylock(&answer->lock) != 0)
        return true;
    if (!answer->parked)
        answer->hooks.stalled(answer->hooks.context, true);
    answer->parked = true;
    pthread_mutex_unlock(&answer->lock);
    return !lane_cancelled(answer->lane);
}

/* ---- what is asked for --------------------------------------------------------------- */

/* Why there is no body, as a status. */
static unsigned status_of(int r)
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

/* A selection that a release before this one kept may say what this one can't read. */
static int find_request(struct http_answer *answer, const struct http_path *path,
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
    *ret_status = status_of(r);
    return r;
}

/* A path of the request as the C string it was made from; NULL where it is empty. */
static const char *path_of(struct bytes path)
{
    return path.len ? (const char *)path.at : NULL;
}

static void set_codec(struct send_request *send, enum send_codec codec)
{
    /* The level belongs to the codec that was asked for: see url_make(). */
    if (codec == SEND_GZIP && send->codec != SEND_GZIP)
        send->level = SEND_GZIP_LEVEL;
    send->codec = codec;
}

static int open_body(struct http_answer *answer, enum send_codec codec, struct notes *notes,
                     struct failure *f)
{
    struct http *http = answer->http;
    struct proto_request *request = answer->request;
    struct send_request *send = &request->send;
    int r = lane_enter(http->daemon, &answer->lane, f);
    if (r < 0)
        return r;
    struct control_request files = {
        .root_fd = answer->root->fd,
        .root_name = answer->root->path,
        .dockerfile = path_of(request->dockerfile_path),
        .stdin_fd = -1,
        .ignore_file = path_of(request->ignore_path),
        .builder = send->builder,
    };
    r = control_load(&files, notes, &answer->control, f);
    if (r < 0)
        return r;
    r = dockerfile_parse(answer->control.dockerfile_name, answer->control.dockerfile,
                         &answer->dockerfile, f);
    if (r < 0)
        return r;
    send->root_fd = answer->root->fd;
    send->root_name = answer->root->path;
    send->control = &answer->control;
    send->dockerfile = answer->dockerfile;
    send->bare = request->bare;
    send->out_fd = -1;
    /* The lane's own end is asked for by http_answer_park(): it comes to parked ones alone. */
    answer->hooks = answer->lane->hooks;
    answer->hooks.cancel_fd = http->cancel_read;
    send->hooks = &answer->hooks;
    send->pool = answer->lane->pool;
    set_codec(send, codec);
    return body_open(send, answer->root->warm, notes, &answer->body, f);
}

/* ---- the bytes ----------------------------------------------------------------------- */

static ssize_t read_block(struct http_answer *answer, uint64_t at, char *into, size_t len)
{
    assert(at == answer->sent);
    struct daemon *daemon = answer->http->daemon;
    struct failure f = {0};
    if (answer->parked)
        answer->hooks.stalled(answer->hooks.context, false);
    answer->parked = false;
    ssize_t n = lane_cancelled(answer->lane) ? fail(&f, -ECANCELED, "too many readers stall")
                                             : body_read(answer->body, into, len, &f);
    if (n <= 0) {
        /* Whoever takes the body sees it end before its length: that can't be used. */
        log_event(LOG_WARNING, "http-cut", "sent=%llu length=%llu error=%s",
                  (unsigned long long)at, (unsigned long long)body_length(answer->body),
                  LOG_VALUE(bytes_of(n < 0 ? f.text : "it ended early")));
        count(&daemon->counters.failed, 1);
        count(&answer->http->cut, 1);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    answer->sent += (uint64_t)n;
    count(&daemon->counters.bytes_out, (uint64_t)n);
    return n;
}

static void touch_connection(struct http_answer *answer)
{
    daemon_touch(answer->http->daemon);
    pthread_mutex_lock(&answer->http->lock);
    if (answer->at)
        atomic_store(&answer->at->since_ns, clock_now_ns());
    pthread_mutex_unlock(&answer->http->lock);
}

/* Thread: the connection's. While it runs the reader isn't late: we are. */
static ssize_t on_read(void *context, uint64_t at, char *into, size_t len)
{
    struct http_answer *answer = context;
    pthread_mutex_lock(&answer->lock);
    ssize_t n = read_block(answer, at, into, len);
    touch_connection(answer);
    pthread_mutex_unlock(&answer->lock);
    return n;
}

static void on_done(void *context)
{
    struct http_answer *answer = context;
    struct http *http = answer->http;
    uint64_t took_ns = clock_now_ns() - answer->began_ns, length = body_length(answer->body);
    pthread_mutex_lock(&http->lock);
    if (answer->at)
        http_answer_detach(answer);
    pthread_mutex_unlock(&http->lock);
    if (answer->sent == length)
        daemon_count_latency(http->daemon, LATENCY_HTTP_GET, took_ns);
    else
        count(&http->daemon->counters.cancelled, 1);
    log_event(LOG_INFO, "http-sent", "root=%s bytes=%llu of=%llu ms=%llu",
              LOG_VALUE(answer->root->path), (unsigned long long)answer->sent,
              (unsigned long long)length, (unsigned long long)(took_ns / 1000000));
    answer_free(answer);
}

/* ---- the response -------------------------------------------------------------------- */

struct condition {
    struct bytes etag;
    bool met;
};

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct condition *condition = context;
    (void)kind;
    if (value && bytes_equal_nocase(bytes_of(name), BYTES("If-None-Match")))
        condition->met = condition->met || http_none_match(bytes_of(value), condition->etag);
    return condition->met ? MHD_NO : MHD_YES;
}

/* Of a response without a body the length is told, and nothing read. */
static ssize_t read_nothing(void *context, uint64_t at, char *into, size_t len)
{
    (void)context, (void)at, (void)into, (void)len;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The client has it: neither it nor BuildKit in front of it asks for more. */
static enum MHD_Result say_unchanged(struct http_answer *answer,
                                     struct MHD_Connection *connection, const char *etag)
{
    struct daemon *daemon = answer->http->daemon;
    struct MHD_Response *response = MHD_create_response_from_callback(
        body_length(answer->body), 1, read_nothing, NULL, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "ETag", etag);
    count(&daemon->counters.http_not_modified, 1);
    daemon_count_latency(daemon, LATENCY_HTTP_UNCHANGED, clock_now_ns() - answer->began_ns);
    return http_queue(answer->http, connection, 304, response);
}

static void count_chunks(struct http_answer *answer)
{
    const struct send_stats *stats = body_stats(answer->body);
    count(&answer->http->daemon->counters.chunks, stats->n_chunks);
    count(&answer->http->daemon->counters.chunks_hit, stats->n_stored);
}

/* Takes *answer where its body will be read. */
static enum MHD_Result say_body(struct http_answer **answer, struct http_connection *at,
                                struct MHD_Connection *connection, const struct http_path *path,
                                const char *etag, bool head)
{
    struct http *http = at->http;
    uint64_t length = body_length((*answer)->body);
    struct MHD_Response *response;
    if (head) {
        response = MHD_create_response_from_callback(length, 1, read_nothing, NULL, NULL);
        daemon_count_latency(http->daemon, LATENCY_HTTP_HEAD,
                             clock_now_ns() - (*answer)->began_ns);
    } else {
        count_chunks(*answer);
        response =
            MHD_create_response_from_callback(length, BLOCK_BYTES, on_read, *answer, on_done);
        if (response)
            attach(steal(answer), at);
    }
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Content-Type",
                            path->codec == SEND_GZIP ? "application/gzip"
                                                     : "application/x-tar");
    MHD_add_response_header(response, "Accept-Ranges", "none");
    return http_queue(http, connection, 200, response);
}

static void log_notes(const struct http_answer *answer, const struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        if (notes->at[i].level == NOTE_WARNING)
            log_event(LOG_DEBUG, "http-warning", "root=%s text=%s",
                      LOG_VALUE(answer->root->path), LOG_VALUE(notes->at[i].text));
}

enum MHD_Result http_answer_context(struct http_connection *at,
                                    struct MHD_Connection *connection,
                                    const struct http_path *path, bool head)
{
    __attribute__((cleanup(answer_free_p))) struct http_answer *answer = answer_new(at);
    cleanup_notes struct notes notes = {0};
    struct failure f = {0};
    unsigned status = 0;
    int r = find_request(answer, path, &status, &f);
    if (r == 0) {
        r = open_body(answer, path->codec, &notes, &f);
        status = status_of(r);
        log_notes(answer, &notes);
    }
    if (r < 0) {
        if (status >= 500)
            count(&at->http->daemon->counters.failed, 1);
        log_event(LOG_INFO, "http-refused", "status=%u error=%s", status,
                  LOG_VALUE(bytes_of(f.text)));
        return http_say(at->http, connection, status, "%s", f.text);
    }
    char etag[HTTP_ETAG_LEN + 1];
    http_etag(body_etag(answer->body), etag);
    struct condition condition = {.etag = bytes_of(etag)};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &condition);
    if (condition.met)
        return say_unchanged(answer, connection, etag);
    return say_body(&answer, at, connection, path, etag, head);
}

/* ---- addresses ----------------------------------------------------------------------- */

/*
 * The line that names a selection: of all that was asked, what decides the bytes. Not who asked
 * (release, mount namespace, the name that was typed), nor what is read anew for each answer.
 * Plain and gzip share an address.
 */
static int print_selection(const struct root *root, const struct proto_request *request,
                           struct buf *line, struct failure *f)
{
    struct proto_request selection = *request;
    const struct send_request *asked = &request->send;
    selection.version = selection.build = BYTES("");
    selection.kind = PROTO_URL;
    selection.root_path = selection.root_name = root->path;
    selection.mount_ns_dev = selection.mount_ns_ino = 0;
    selection.control = (struct control){0};
    selection.progress = selection.per_instruction = selection.since_given = false;
    selection.since = selection.timeout_ms = 0;
    selection.send.codec = SEND_GZIP;
    selection.send.level = asked->codec == SEND_GZIP ? asked->level : SEND_GZIP_LEVEL;
    for (size_t i = 0; i < PROTO_FDS; i++)
        selection.fds[i] = -1;
    return proto_request_print(&selection, line, f);
}

int url_make(struct daemon *daemon, struct root *root, const struct proto_request *request,
             char url[URL_LEN_MAX], struct failure *f)
{
    if (!daemon->http)
        return fail(f, -EOPNOTSUPP, "the daemon serves no HTTP: %s",
                    daemon->http_failure.code ? daemon->http_failure.text
                                              : "start it without --http=off");
    if (request->send.codec == SEND_ZSTD)
        return fail(f, -EINVAL, "no builder takes zstd from an address: use gzip, or none");
    cleanup_buf struct buf line = BUF(PROTO_REQUEST_MAX);
    struct url_token token;
    char text[URL_TOKEN_HEX + 1];
    int r = print_selection(root, request, &line, f);
    if (r == 0)
        r = urls_token(daemon->http->urls, buf_bytes(&line), &token, f);
    if (r < 0)
        return r;
    url_token_text(&token, text);
    snprintf(url, URL_LEN_MAX, "http://%s/%s/context.tar%s", http_address(daemon), text,
             request->send.codec == SEND_GZIP ? ".gz" : "");
    return 0;
}
