/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer for HTTP, which the caller pulls. Its length and ETag come first, so every segment
 * must have been read once before the first byte is given. A daemon remembers what it found: if
 * nothing changed, no file is read for them. The ETag is
 *
 *     SHA-256( "ctxd-etag-1" NUL, codec, level, its library's version,
 *              SHA-256 of: the entries before the chunks, each chunk, the entries after them )
 *
 * When the bytes are pulled, each segment must have the same SHA-256 again before its bytes are
 * given (a large file: before those of its last part). If a file changed in between, the body
 * ends there, short of its length.
 */
#include "answer.h"
#include "writer.h"

#include <errno.h>

/* What was found when a chunk was read for the ETag. */
struct measure {
    uint64_t len; /* packed, if the stream is */
    struct sha256 sha;
};

struct body {
    const struct send_request *request;
    struct answer answer;
    struct send_stats stats;
    struct writer writer;
    struct measure before, after, *chunks; /* chunks: as in the plan */
    struct sha256 etag;
    uint64_t length;
    size_t *unknown;    /* while measuring: the index in the plan of each chunk that is read */
    size_t at;          /* while measuring: the index in `unknown` of the next chunk */
    uint64_t large_len; /* of the parts of a large file so far */
    struct sha256_state *parts; /* … and their SHA-256 */
    struct segment segment;     /* the one that is being pulled */
    bool pulling, has_segment;  /* segment is initialized; it was cut and not dropped yet */
    uint64_t given;             /* bytes of the segment that body_read() gave already */
};

/* ---- measuring ------------------------------------------------------------------------- */

static uint64_t body_segment_length(const struct writer *w, const struct segment *segment)
{
    return segment->stored.fd >= 0 ? segment->stored.packed_len
           : w->packing.codec      ? segment->packed.len
                                   : segment->plain.len;
}

/* Whether the chunk's measure is remembered, for this codec and level. */
static bool body_recall(const struct send_request *request, struct chunk *chunk,
                        struct measure *ret)
{
    pthread_mutex_lock(&chunk->lock);
    bool known = chunk->has_sha && chunk->has_packed && chunk->packed_codec == request->codec &&
                 chunk->packed_level == request->level;
    *ret = (struct measure){chunk->packed_len, chunk->sha};
    pthread_mutex_unlock(&chunk->lock);
    return known;
}

static void body_remember(const struct send_request *request, struct chunk *chunk,
                          const struct measure *is)
{
    pthread_mutex_lock(&chunk->lock);
    chunk->has_sha = chunk->has_packed = true;
    chunk->sha = is->sha;
    chunk->packed_len = is->len;
    chunk->packed_codec = request->codec;
    chunk->packed_level = request->level;
    pthread_mutex_unlock(&chunk->lock);
}

static bool body_segment_is_sure(const struct segment *segment)
{
    if (!segment->large.entry)
        return segment->sure;
    struct stat_identity is = stat_identity(&segment->large.st);
    return stat_identity_equal(&is, &segment->large.entry->node->id) &&
           content_is_sure(segment->large.fd) == CONTENT_SURE;
}

static int body_take_measure(struct writer *w, struct segment *segment, struct failure *f)
{
    struct body *body = w->taker;
    struct measure is = {body_segment_length(w, segment), segment->sha};
    (void)f;
    if (segment->literal) {
        *(segment->literal == &w->packing.plan->before ? &body->before : &body->after) = is;
        return 0;
    }
    struct chunk *chunk = segment->chunk;
    if (segment->large.entry) {
        chunk = segment->large.chunk;
        sha256_add(body->parts, bytes_at(is.sha.at, sizeof(is.sha.at)));
        body->large_len += is.len;
        if (!segment->tail)
            return 0;
        is = (struct measure){body->large_len, sha256_end(body->parts)};
        body->large_len = 0;
    }
    body->chunks[body->unknown[body->at++]] = is;
    if (body_segment_is_sure(segment))
        body_remember(body->request, chunk, &is);
    return 0;
}

/* Reads the unknown chunks of the plan, and the entries before and after the chunks. */
static int body_measure(struct body *body, struct failure *f)
{
    struct plan *plan = &body->answer.plan;
    struct chunks all = plan->chunks;
    struct chunks unknown = {.at = xcalloc(all.n + 1, sizeof(*unknown.at))};
    body->chunks = xcalloc(all.n + 1, sizeof(*body->chunks));
    body->unknown = xcalloc(all.n + 1, sizeof(*body->unknown));
    for (size_t i = 0; i < all.n; i++) {
        if (!all.at[i]->n || body_recall(body->request, all.at[i], &body->chunks[i]))
            continue;
        body->unknown[unknown.n] = i;
        unknown.at[unknown.n++] = all.at[i];
    }
    plan->chunks = unknown;
    struct writer w;
    writer_init(&w, body->request, plan, body->answer.pool, &body->stats);
    w.take = body_take_measure;
    w.taker = body;
    w.packing.want_sha = w.all_parts = true;
    int r = writer_run(&w, f);
    writer_release(&w);
    plan->chunks = all;
    free(unknown.at);
    body->at = 0;
    return r;
}

static void body_add_measure(struct body *body, struct sha256_state *state,
                             const struct measure *is)
{
    sha256_add(state, bytes_at(is->sha.at, sizeof(is->sha.at)));
    body->length += is->len;
}

static void body_make_etag(struct body *body)
{
    const struct plan *plan = &body->answer.plan;
    const struct codec *codec = body->writer.packing.codec;
    struct sha256_state *state = sha256_new();
    int32_t level = codec ? body->request->level : 0;
    uint8_t le[] = {(uint8_t)body->request->codec, (uint8_t)level};
    sha256_add(state, bytes_at("ctxd-etag-1", sizeof("ctxd-etag-1")));
    sha256_add(state, bytes_at(le, sizeof(le)));
    if (codec)
        sha256_add(state, bytes_of(codec->version()));
    body_add_measure(body, state, &body->before);
    for (size_t i = 0; i < plan->chunks.n; i++)
        if (plan->chunks.at[i]->n)
            body_add_measure(body, state, &body->chunks[i]);
    body_add_measure(body, state, &body->after);
    body->etag = sha256_end(state);
    sha256_free(state);
}

int body_open(const struct send_request *request, struct warm *warm, struct notes *notes,
              struct body **ret, struct failure *f)
{
    struct body *body = xcalloc(1, sizeof(*body));
    body->request = request;
    body->parts = sha256_new();
    body->segment.stored.fd = -1; /* body_free() looks at it, even if nothing was pulled */
    int r = answer_make(request, warm, false, notes, &body->answer, &body->stats, f);
    if (r < 0) {
        sha256_free(body->parts);
        free(body);
        return r;
    }
    writer_init(&body->writer, request, &body->answer.plan, body->answer.pool, &body->stats);
    body->writer.packing.want_sha = body->writer.all_parts = true;
    r = body_measure(body, f);
    if (r < 0) {
        body_free(body);
        return r;
    }
    body_make_etag(body);
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

/* ---- pulling ---------------------------------------------------------------------------- */

static int body_changed(const struct segment *segment, struct failure *f)
{
    struct bytes path = segment->large.entry ? segment->large.entry->path
                        : segment->chunk     ? chunk_first(segment->chunk)
                                             : BYTES("the Dockerfile");
    return fail(f, -ESTALE, "%s, or an entry after it, changed while it was being sent",
                QUOTE(path));
}

/* Whether the segment is what the ETag was made of; of a large file, after its last part. */
static int body_check_segment(struct body *body, struct failure *f)
{
    const struct segment *segment = &body->segment;
    struct sha256 is = segment->sha;
    const struct measure *was;
    if (segment->literal) {
        was = segment->literal == &body->writer.packing.plan->before ? &body->before
                                                                     : &body->after;
    } else if (!segment->large.entry) {
        was = &body->chunks[body->writer.next - 1];
    } else {
        sha256_add(body->parts, bytes_at(is.at, sizeof(is.at)));
        if (!segment->tail)
            return 0;
        is = sha256_end(body->parts);
        was = &body->chunks[body->writer.next - 1];
    }
    return sha256_equal(&is, &was->sha) ? 0 : body_changed(segment, f);
}

static void body_drop_segment(struct body *body)
{
    if (body->segment.stored.fd >= 0)
        close(body->segment.stored.fd);
    body->segment.stored.fd = -1;
    if (body->has_segment)
        writer_drop(&body->segment);
    body->has_segment = false;
}

static int body_next_segment(struct body *body, struct failure *f)
{
    if (!body->pulling) {
        segment_init(&body->segment, &body->writer.packing);
        body->pulling = true;
    }
    body_drop_segment(body);
    int r = writer_next(&body->writer, &body->segment, f);
    if (r <= 0)
        return r;
    body->has_segment = true;
    body->given = 0;
    r = segment_pack(&body->segment, f);
    if (r == 0)
        r = body_check_segment(body, f);
    return r < 0 ? r : 1;
}

ssize_t body_read(struct body *body, void *at, size_t len, struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE | THREAD_HTTP);
    uint64_t left = 0;
    while (!left) {
        if (body->has_segment)
            left = body_segment_length(&body->writer, &body->segment) - body->given;
        if (left)
            break;
        int r = body_next_segment(body, f);
        if (r <= 0)
            return r;
    }
    size_t n = left < len ? (size_t)left : len;
    const struct segment *segment = &body->segment;
    if (segment->stored.fd >= 0) {
        ssize_t got = io_pread_full(segment->stored.fd, at, n,
                                    (off_t)(segment->stored.offset + body->given));
        if (got < 0 || (size_t)got != n)
            return fail_errno(f, got < 0 ? (int)got : -EIO, "can't read a packed chunk");
    } else {
        const struct buf *from =
            body->writer.packing.codec ? &segment->packed : &segment->plain;
        memcpy(at, from->at + body->given, n);
    }
    body->given += n;
    return (ssize_t)n;
}

void body_free(struct body *body)
{
    if (!body)
        return;
    body_drop_segment(body);
    if (body->pulling)
        segment_release(&body->segment);
    writer_release(&body->writer);
    sha256_free(body->parts);
    free(body->chunks);
    free(body->unknown);
    answer_release(&body->answer);
    free(body);
}
