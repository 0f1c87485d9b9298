/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the daemon, makes the same answer here from nothing, and shows how the two differ. */
#include "torture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define STREAM_MAX (SIZE_MAX / 2)
#define BLOCK 512

struct ask {
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

/* Chooses a random request. -errno: none can be made now, neither here nor by the daemon. */
static int ask_begin(struct world *w, struct ask *ask, struct failure *f)
{
    static const char *const targets[] = {"", "", "a"};
    *ask = (struct ask){0};
    struct control_request files = {
        .root_fd = w->root, .root_name = bytes_of(w->root_path), .stdin_fd = -1};
    int r = control_load(&files, NULL, &ask->control, f);
    r = r < 0 ? r
              : dockerfile_load(ask->control.dockerfile_name, ask->control.dockerfile, &ask->df,
                                f);
    ask->request = (struct send_request){.root_fd = w->root,
                                         .root_name = bytes_of(w->root_path),
                                         .control = &ask->control,
                                         .dockerfile = ask->df,
                                         .full = below(4) == 0,
                                         .recipe = below(5) == 0,
                                         .out_fd = -1,
                                         .pool = w->pool};
    ask->request.reads.target = bytes_of(targets[below(ARRAY_SIZE(targets))]);
    if (below(10) == 0)
        ask->request.mtime = SEND_MTIME_FIXED;
    return r;
}

static void ask_end(struct ask *ask)
{
    dockerfile_free(ask->df);
    control_release(&ask->control);
}

/* ---- a stream from the daemon, and from nothing ----------------------------------- */

struct pull {
    int fd;
    struct buf *into;
};

static void *pull(void *context)
{
    struct pull *p = context;
    (void)!io_read_rest(p->fd, p->into);
    return NULL;
}

/* Gets the daemon's stream: through a pipe, as for `docker build -`, or into a file, as with
 * -o. */
static int from_daemon(const struct send_request *request, struct buf *out,
                       struct send_stats *stats, struct failure *f)
{
    struct send_request mine = *request;
    struct connect_ask ask = {.kind = PROTO_SEND, .send = &mine};
    cleanup_answer struct proto_answer answer = {0};
    bool to_file = below(8) == 0;
    int ends[2] = {-1, -1};
    pthread_t reader;
    struct pull p = {.into = out};
    if (to_file ? (ends[1] = memfd_create("stream", MFD_CLOEXEC)) < 0
                : pipe2(ends, O_CLOEXEC) < 0)
        abort();
    mine.out_fd = ends[1];
    p.fd = ends[0];
    if (!to_file && pthread_create(&reader, NULL, pull, &p) != 0)
        abort();
    int r = connect_ask(&ask, NULL, &answer, f);
    if (to_file && (lseek(ends[1], 0, SEEK_SET) < 0 || io_read_rest(ends[1], out) < 0))
        abort();
    close(ends[1]);
    if (!to_file) {
        pthread_join(reader, NULL);
        close(ends[0]);
    }
    if (r == 0 && answer.kind == PROTO_FAILED) {
        *f = answer.failure;
        r = f->code;
    }
    *stats = answer.stats;
    return r;
}

static int from_nothing(const struct send_request *request, struct buf *out,
                        struct send_stats *stats, struct failure *f)
{
    struct send_request mine = *request;
    cleanup_fd int fd = memfd_create("stream", MFD_CLOEXEC);
    mine.out_fd = fd;
    int r = send_run(&mine, NULL, NULL, stats, f);
    if (lseek(fd, 0, SEEK_SET) < 0 || io_read_rest(fd, out) < 0)
        abort();
    return r;
}

/* ---- what differs ----------------------------------------------------------------- */

static size_t first_difference(struct bytes a, struct bytes b)
{
    size_t at = 0;
    while (at < a.len && at < b.len && a.at[at] == b.at[at])
        at++;
    return at;
}

/* Shows the entry that offset `at` of a plain tar lies in. A path that is too long for the
 * header is in the entry before. */
static void show_entry(const char *whose, struct bytes tar, size_t at)
{
    size_t entry = 0, next = 0;
    uint64_t size = 0;
    while (next <= at && next + BLOCK <= tar.len && tar.at[next]) {
        entry = next;
        size = 0;
        for (size_t i = 124; i < 135; i++)
            size = size * 8 + (tar.at[entry + i] & 7u);
        next += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    if (entry + BLOCK > tar.len) {
        printf("# %s has %zu bytes\n", whose, tar.len);
        return;
    }
    const uint8_t *h = tar.at + entry;
    if (bytes_starts(bytes_at(h, BLOCK), BYTES("ctx.tar\0")) && at >= entry + BLOCK) {
        show_entry(whose, bytes_from(tar, entry + BLOCK), at - entry - BLOCK);
        return;
    }
    printf("# %s: %s, type %c, mode %.7s, mtime %.11s, %llu bytes, link %s; differs at %zd of "
           "its content\n",
           whose, QUOTE(bytes_at(h, strnlen((const char *)h, 100))), h[156], h + 100, h + 136,
           (unsigned long long)size,
           QUOTE(bytes_at(h + 157, strnlen((const char *)h + 157, 100))),
           (ssize_t)(at - entry) - BLOCK);
}

static bool complain(struct world *w, const char *how, const struct ask *ask)
{
    static const char *const codecs[] = {"tar", "gzip", "zstd"};
    printf("# %s: seed %llu, operation %llu, answer %llu: not what is made from nothing\n", how,
           (unsigned long long)w->seed, (unsigned long long)w->n_operations,
           (unsigned long long)w->n_answers);
    if (ask)
        printf(
            "# asked: target %s, %s, full %d, recipe %d, verify %d, fixed mtime %d, Dockerfile "
            "%s\n",
            QUOTE(ask->request.reads.target), codecs[ask->request.codec], ask->request.full,
            ask->request.recipe, ask->request.verify, ask->request.mtime == SEND_MTIME_FIXED,
            QUOTE(ask->control.dockerfile));
    show_last(w);
    return false;
}

/* Keeps a stream for people: the directory of a run that failed is not removed. */
static void keep(const struct world *w, const char *name, struct bytes bytes)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", w->top, name);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)!io_write_full(fd, bytes.at, bytes.len);
}

static bool complain_bytes(struct world *w, const char *how, const struct ask *ask,
                           struct bytes warm, struct bytes cold)
{
    size_t at = first_difference(warm, cold);
    /* Of a tar in a tar, the header's length of the inner one differs first: skip it. */
    if (at < BLOCK && warm.len > BLOCK && cold.len > BLOCK)
        at = BLOCK + first_difference(bytes_from(warm, BLOCK), bytes_from(cold, BLOCK));
    keep(w, "warm", warm);
    keep(w, "cold", cold);
    printf("# %zu bytes from the daemon, %zu from nothing, equal up to %zu\n", warm.len,
           cold.len, at);
    if (ask->request.codec == SEND_TAR) {
        show_entry("the daemon", warm, at);
        show_entry("from nothing", cold, at);
    }
    return complain(w, how, ask);
}

static bool same_counts(const struct send_stats *a, const struct send_stats *b)
{
    return a->n_files == b->n_files && a->n_dirs == b->n_dirs && a->n_links == b->n_links &&
           a->n_hardlinks == b->n_hardlinks && a->n_skipped == b->n_skipped &&
           a->content_bytes == b->content_bytes && a->tar_bytes == b->tar_bytes;
}

/* ---- answers ---------------------------------------------------------------------- */

static void show_counts(const char *whose, const struct send_stats *s)
{
    printf(
        "# %s: %ju files, %ju directories, %ju links, %ju hard links, %ju skipped, %ju and %ju "
        "bytes\n",
        whose, (uintmax_t)s->n_files, (uintmax_t)s->n_dirs, (uintmax_t)s->n_links,
        (uintmax_t)s->n_hardlinks, (uintmax_t)s->n_skipped, (uintmax_t)s->content_bytes,
        (uintmax_t)s->tar_bytes);
}

static bool streams_agree(struct world *w, const struct ask *ask)
{
    cleanup_buf struct buf warm = BUF(STREAM_MAX), cold = BUF(STREAM_MAX);
    struct send_stats warm_stats = {0}, cold_stats = {0};
    struct failure warm_f = {0}, cold_f = {0};
    w->n_answers++;
    int r = from_daemon(&ask->request, &warm, &warm_stats, &warm_f);
    int cold_r = from_nothing(&ask->request, &cold, &cold_stats, &cold_f);
    if (r != cold_r) {
        printf("# the daemon: %d %s; from nothing: %d %s\n", r, warm_f.text, cold_r,
               cold_f.text);
        return complain(w, "a failure", ask);
    }
    w->failed = r < 0;
    if (r < 0 && getenv("SHOW_FAILURES"))
        printf("# both fail: %s\n", cold_f.text);
    if (r < 0)
        return true;
    if (!bytes_equal(buf_bytes(&warm), buf_bytes(&cold)))
        return complain_bytes(w, "a stream", ask, buf_bytes(&warm), buf_bytes(&cold));
    if (same_counts(&warm_stats, &cold_stats))
        return true;
    show_counts("the daemon", &warm_stats);
    show_counts("from nothing", &cold_stats);
    return complain(w, "the counts", ask);
}

bool answers_agree(struct world *w, bool verify)
{
    struct ask ask;
    struct failure f = {0};
    int r = ask_begin(w, &ask, &f);
    ask.request.verify = verify;
    w->failed = r < 0;
    bool ok = r < 0 || streams_agree(w, &ask);
    ask_end(&ask);
    return ok;
}

static bool packed_agree(struct world *w)
{
    struct ask ask;
    struct failure f = {0};
    int r = ask_begin(w, &ask, &f);
    ask.request.codec = below(4) ? SEND_GZIP : SEND_ZSTD;
    ask.request.level = 1;
    bool ok = r < 0 || streams_agree(w, &ask);
    ask_end(&ask);
    return ok;
}

static bool digests_agree(struct world *w)
{
    struct ask ask;
    struct failure f = {0};
    struct digest_answer cold;
    cleanup_answer struct proto_answer answer = {0};
    bool ok = true;
    if (ask_begin(w, &ask, &f) == 0) {
        struct connect_ask question = {
            .kind = PROTO_DIGEST, .send = &ask.request, .per_instruction = true};
        int r = connect_ask(&question, NULL, &answer, &f);
        r = r == 0 && answer.kind == PROTO_FAILED ? answer.failure.code : r;
        int cold_r = digest_run(&ask.request, NULL, true, NULL, &cold, &f);
        ok = r == cold_r;
        if (ok && r == 0) {
            ok = sha256_equal(&answer.digest.sha, &cold.sha) &&
                 answer.digest.n_lines == cold.n_lines;
            for (size_t i = 0; ok && i < cold.n_lines; i++)
                ok = sha256_equal(&answer.digest.lines[i].sha, &cold.lines[i].sha);
        }
        if (cold_r == 0)
            digest_release(&cold);
        if (!ok)
            printf("# the daemon: %d; from nothing: %d %s\n", r, cold_r, f.text);
        ok = ok || complain(w, "a digest", &ask);
    }
    ask_end(&ask);
    return ok;
}

/* ---- HTTP ------------------------------------------------------------------------- */

/* Connects to http://127.0.0.1:PORT/…; returns the connection and the path. */
static int dial(struct bytes url, struct bytes *ret_path)
{
    uint64_t port = 0;
    struct bytes rest = bytes_from(url, strlen("http://127.0.0.1:"));
    size_t slash = bytes_find(rest, '/');
    if (number_parse(bytes_head(rest, slash), &port) < 0)
        return -EINVAL;
    *ret_path = bytes_from(rest, slash);
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : steal_fd(&fd);
}

/* Gets a URL. Returns the status, or -errno; *ret_body is what follows the headers. */
static int get(struct bytes url, struct url *known, struct buf *reply, struct bytes *ret_body)
{
    char request[1024];
    struct bytes path = {0};
    cleanup_fd int fd = dial(url, &path);
    int n = snprintf(request, sizeof(request),
                     "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s%s%s\r\n",
                     BYTES_ARG(path), known->etag[0] ? "If-None-Match: " : "", known->etag,
                     known->etag[0] ? "\r\n" : "");
    if (fd < 0 || io_write_full(fd, request, (size_t)n) < 0 || io_read_rest(fd, reply) < 0)
        return -EIO;
    struct bytes rest = buf_bytes(reply), line, word;
    uint64_t status = 0;
    bytes_next(&rest, '\n', &line);
    bytes_next(&line, ' ', &word);
    bytes_next(&line, ' ', &word);
    if (number_parse(word, &status) < 0)
        return -EBADMSG;
    while (bytes_next(&rest, '\n', &line) && line.len > 1)
        if (status == 200 && bytes_starts(line, BYTES("ETag: ")))
            snprintf(known->etag, sizeof(known->etag), "%.*s",
                     BYTES_ARG(bytes_from(bytes_head(line, line.len - 1), 6)));
    *ret_body = rest;
    return (int)status;
}

static bool http_agrees(struct world *w)
{
    struct ask ask;
    struct failure f = {0};
    if (ask_begin(w, &ask, &f) < 0) {
        ask_end(&ask);
        return true;
    }
    uint32_t which = below(URLS_MAX);
    ask.request.full = which == 1;
    ask.request.reads.target = BYTES("");
    ask.request.mtime = SEND_MTIME_KEEP;
    struct url *known = &w->urls[which];
    cleanup_answer struct proto_answer answer = {0};
    cleanup_buf struct buf cold = BUF(STREAM_MAX), reply = BUF(STREAM_MAX);
    struct send_stats stats;
    struct bytes body = {0};
    struct sha256 sha;
    struct connect_ask question = {.kind = PROTO_URL, .send = &ask.request};
    int r = connect_ask(&question, NULL, &answer, &f), status = 0;
    int cold_r = from_nothing(&ask.request, &cold, &stats, &f);
    bool ok = r == 0 && answer.kind == PROTO_DONE;
    if (ok) {
        sha = sha256(buf_bytes(&cold));
        status = get(answer.url, known, &reply, &body);
        if (cold_r < 0)
            ok = status >= 400;
        else if (status == 304)
            ok = sha256_equal(&sha, &known->sha);
        else
            ok = status == 200 && bytes_equal(body, buf_bytes(&cold));
        known->sha = status == 200 ? sha : known->sha;
    }
    if (!ok) {
        printf("# %d %s, by HTTP %d, from nothing %d\n", r, f.text, status, cold_r);
        complain_bytes(w, "HTTP", &ask, body, buf_bytes(&cold));
    }
    ask_end(&ask);
    return ok;
}

bool other_answers_agree(struct world *w)
{
    return digests_agree(w) && packed_agree(w) && http_agrees(w);
}

void ask_in_vain(struct world *w)
{
    struct ask ask;
    struct failure f = {0};
    cleanup_buf struct buf out = BUF(STREAM_MAX);
    struct send_stats stats;
    if (ask_begin(w, &ask, &f) == 0)
        (void)!from_daemon(&ask.request, &out, &stats, &f);
    ask_end(&ask);
}

uint64_t status_number(const char *key)
{
    cleanup_answer struct proto_answer answer = {0};
    struct failure f = {0};
    char name[64];
    uint64_t number;
    snprintf(name, sizeof(name), "\"%s\":", key);
    if (connect_ask(&(struct connect_ask){.kind = PROTO_STATUS}, NULL, &answer, &f) < 0)
        return UINT64_MAX;
    struct bytes rest = answer.status;
    uint64_t sum = 0;
    bool found = false;
    const uint8_t *at;
    while ((at = memmem(rest.at, rest.len, name, strlen(name)))) {
        rest = bytes_from(rest, (size_t)(at - rest.at) + strlen(name));
        size_t n = 0;
        while (n < rest.len && rest.at[n] >= '0' && rest.at[n] <= '9')
            n++;
        if (number_parse(bytes_head(rest, n), &number) < 0)
            return UINT64_MAX;
        sum += number;
        found = true;
    }
    return found ? sum : UINT64_MAX;
}
