/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fakes.h"

#include "http.h"
#include "lanes.h"
#include "learner.h"
#include "log.h"
#include "roots.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

/* ---- bodies -------------------------------------------------------------------------- */

struct body {
    uint64_t length, fail_at, at;
    uint8_t seed;
    struct sha256 etag;
    struct send_stats stats;
};

static uint64_t option(struct bytes target, struct bytes name, uint64_t otherwise)
{
    struct bytes word;
    uint64_t n;
    while (bytes_next(&target, ',', &word))
        if (bytes_starts(word, name) && number_parse(bytes_from(word, name.len), &n) == 0)
            return n;
    return otherwise;
}

int body_open(const struct send_request *request, struct warm *warm, struct notes *notes,
              struct body **ret, struct failure *f)
{
    struct bytes target = request->reads.target;
    (void)warm;
    if (bytes_equal(target, BYTES("refuse")))
        return fail(f, -EACCES, "can't read \"secret\": add it to the ignore file");
    struct pollfd end = {.fd = request->hooks->cancel_fd};
    if (poll(&end, 1, (int)option(target, BYTES("slow="), 0)) > 0)
        return fail(f, -ECANCELED, "cancelled");
    notes_add(notes, NOTE_WARNING, "made up");
    struct body *body = xcalloc(1, sizeof(*body));
    struct sha256_state *state = sha256_new();
    sha256_add(state, request->control->dockerfile);
    sha256_add(state, target);
    sha256_add(state, bytes_at(&request->codec, sizeof(request->codec)));
    sha256_add(state, bytes_at(&request->level, sizeof(request->level)));
    sha256_add(state, bytes_at(&request->bare, sizeof(request->bare)));
    body->etag = sha256_end(state);
    sha256_free(state);
    body->length = option(target, BYTES("size="), 1000);
    body->fail_at = option(target, BYTES("fail="), UINT64_MAX);
    body->seed = body->etag.at[0];
    body->stats.n_chunks = 3;
    body->stats.n_stored = 2;
    *ret = body;
    return 0;
}

uint64_t body_length(const struct body *body)
{
    return body->length;
}

const struct sha256 *body_etag(const struct body *body)
{
    return &body->etag;
}

const struct send_stats *body_stats(const struct body *body)
{
    return &body->stats;
}

/* Byte i is the low byte of 31 i + the first byte of the ETag. */
ssize_t body_read(struct body *body, void *at, size_t len, struct failure *f)
{
    uint8_t *into = at;
    uint64_t end = body->length < body->fail_at ? body->length : body->fail_at;
    if (body->at >= body->fail_at)
        return fail(f, -ESTALE, "\"a\" changed while it was sent");
    if (len > end - body->at)
        len = (size_t)(end - body->at);
    for (size_t i = 0; i < len; i++)
        into[i] = (uint8_t)((body->at + i) * 31 + body->seed);
    body->at += len;
    return (ssize_t)len;
}

void body_free(struct body *body)
{
    free(body);
}

/* ---- the daemon ---------------------------------------------------------------------- */

int root_get(struct daemon *daemon, int root_fd, struct bytes real_path, struct root **ret,
             struct failure *f)
{
    (void)daemon, (void)root_fd;
    struct root *root = xcalloc(1, sizeof(*root));
    root->fd = open((const char *)real_path.at, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0) {
        int r = -errno;
        free(root);
        return fail_errno(f, r, "%s", QUOTE(real_path));
    }
    char *path = xcalloc(1, real_path.len + 1);
    memcpy(path, real_path.at, real_path.len);
    root->path = bytes_at(path, real_path.len);
    *ret = root;
    return 0;
}

void root_put(struct daemon *daemon, struct root *root)
{
    (void)daemon;
    close(root->fd);
    free((void *)(uintptr_t)root->path.at);
    free(root);
}

size_t learner_count(struct daemon *daemon)
{
    (void)daemon;
    return 0;
}

void roots_each(struct daemon *daemon, void (*tell)(void *context, struct root *root),
                void *context)
{
    struct root root = {.path = BYTES("/made/up"), .watch = (struct watch *)daemon};
    tell(context, &root);
}

void warm_stats(struct warm *warm, struct warm_stats *ret)
{
    (void)warm;
    *ret = (struct warm_stats){
        .n_views = 2, .n_entries = 300, .bytes = 4000, .n_dirty = 6, .n_dirty_total = 9};
}

void watch_stats(struct watch *watch, struct watch_stats *ret)
{
    (void)watch;
    *ret = (struct watch_stats){
        .n_watches = 50, .queued_bytes = 64, .n_overflows = 1, .bytes = 600};
}

void store_stats(struct store *store, struct store_stats *ret)
{
    (void)store;
    *ret = (struct store_stats){.bytes = 7000, .hits = 8};
}

struct daemon *fake_new(const struct fake_setup *setup)
{
    struct daemon *daemon = xcalloc(1, sizeof(*daemon));
    daemon->config.http_port = setup->port;
    daemon->config.lanes = setup->lanes;
    daemon->config.max_clients = setup->clients;
    daemon->http_fd = -1;
    daemon->began_ns = clock_now_ns();
    log_set_level(setup->quiet ? LOG_ERROR : LOG_DEBUG);
    hashdb_open(setup->directory, NULL, &daemon->hashes);
    daemon->lanes = lanes_new(daemon);
    return daemon;
}

void fake_free(struct daemon *daemon)
{
    lanes_end(daemon);
    http_stop(daemon);
    lanes_free(daemon->lanes);
    hashdb_close(daemon->hashes);
    free(daemon);
}

struct proto_request *fake_request(const char *root, const char *target, enum send_codec codec,
                                   int level, bool bare)
{
    struct proto_request *request = proto_request_new();
    struct arena *arena = &request->arena;
    request->version = bytes_of(proto_version);
    request->build = bytes_of(proto_build);
    request->kind = PROTO_URL;
    request->root_path = arena_copy(arena, bytes_of(root));
    request->root_name = BYTES(".");
    request->mount_ns_dev = 4;
    request->mount_ns_ino = 4026531840;
    request->send.reads.target = arena_copy(arena, bytes_of(target));
    request->send.codec = codec;
    request->send.level = level;
    request->bare = bare;
    return request;
}
