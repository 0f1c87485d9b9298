/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan -> segments -> descriptor. The caller's thread cuts and writes the segments, in order;
 * the pool packs them (pack.c):
 *
 *     plan  --cut-->  segment 1 | segment 2 | segment 3 | …      at most `window` at once
 *                         |           |           |
 *                     read, check, compress: on the pool
 *                         |           |           |
 *     out   <--write------+-----------+-----------+
 *
 * The end of a segment depends on the entries alone (chunks.c). So the compressed bytes depend
 * neither on the threads, nor on what a store had packed before.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>

enum {
    BLOCK_BYTES = 128 << 10,     /* stays in the core's own cache between read and write */
    READ_AHEAD_BYTES = 16 << 20, /* enough to keep the queue of a cold disk full */
};

/* ---- cutting: the caller's thread -------------------------------------------------- */

static int writer_open_large(struct writer *w, struct chunk *chunk, struct failure *f)
{
    const struct plan *plan = w->packing.plan;
    struct large_file large = {.chunk = chunk};
    chunk_entries(&plan->terms, plan->links, plan->tree, chunk, &large.own);
    large.entry = &large.own.at[0];
    struct bytes path = large.entry->path;
    int r = content_open(&w->packing.source, path, &large.fd, &large.st, f);
    if (r == 0 && plan->fixed_sizes &&
        (uint64_t)large.st.st_size != large.entry->node->id.size) {
        close(large.fd);
        r = fail(f, -ESTALE,
                 "%s changed its size while the context was being sent; run it again",
                 QUOTE(path));
    }
    if (r < 0) {
        arena_release(&large.own.arena);
        return r;
    }
    posix_fadvise(large.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    posix_fadvise(large.fd, 0, READ_AHEAD_BYTES, POSIX_FADV_WILLNEED);
    w->large = large;
    return 0;
}

static void writer_close_large(struct large_file *large)
{
    if (large->fd >= 0)
        close(large->fd);
    arena_release(&large->own.arena);
    *large = (struct large_file){.fd = -1};
}

void writer_drop(struct segment *segment)
{
    if (segment->tail)
        writer_close_large(&segment->large);
}

static void writer_cut_part(struct writer *w, struct segment *segment)
{
    uint64_t left = (uint64_t)w->large.st.st_size - w->large.offset;
    segment->large = w->large;
    segment->whole = !w->packing.codec && !w->all_parts;
    segment->len = left < CHUNK_BYTES || segment->whole ? (size_t)left : CHUNK_BYTES;
    segment->head = w->large.offset == 0;
    segment->tail = segment->len == left;
    w->large.offset += segment->len;
    if (segment->tail)
        w->large = (struct large_file){.fd = -1};
}

static void writer_clear_segment(struct segment *segment)
{
    segment->large = (struct large_file){.fd = -1};
    segment->literal = NULL;
    segment->chunk = NULL;
    segment->stored = (struct stored){.fd = -1};
    segment->head = segment->tail = segment->whole = segment->done = segment->sure =
        segment->unlearnt = false;
}

int writer_next(struct writer *w, struct segment *segment, struct failure *f)
{
    const struct plan *plan = w->packing.plan;
    writer_clear_segment(segment);
    if (w->large.entry)
        return writer_cut_part(w, segment), 1;
    for (;; w->at++) {
        if (w->at == AT_END)
            return 0;
        if (w->at != AT_CHUNKS) {
            const struct entries *literal = w->at == AT_BEFORE ? &plan->before : &plan->after;
            if (!literal->n)
                continue;
            segment->literal = literal;
            return w->at++, 1;
        }
        while (w->next < plan->chunks.n && !plan->chunks.at[w->next]->n)
            w->next++;
        if (w->next == plan->chunks.n)
            continue;
        struct chunk *chunk = plan->chunks.at[w->next++];
        if (!chunk->large) {
            segment->chunk = chunk;
            return 1;
        }
        int r = writer_open_large(w, chunk, f);
        if (r < 0)
            return r;
        return writer_cut_part(w, segment), 1;
    }
}

/* ---- writing: the caller's thread -------------------------------------------------- */

static int writer_written(struct writer *w, int r, uint64_t len, struct failure *f)
{
    if (r == -EPIPE)
        return fail(f, r, "the reader of the stream closed it early");
    if (r == -ECANCELED)
        return fail(f, r, "the client went away");
    if (r < 0)
        return fail_errno(f, r, "can't write the stream");
    w->stats->out_bytes += len;
    return 0;
}

static int writer_put(struct writer *w, struct bytes bytes, struct failure *f)
{
    return writer_written(w, out_write(w->out, bytes), bytes.len, f);
}

static void writer_count(struct writer *w, uint64_t tar_bytes, size_t entries)
{
    struct send_progress *progress = w->packing.request->progress;
    w->stats->tar_bytes += tar_bytes;
    if (!progress)
        return;
    atomic_fetch_add(&progress->bytes, tar_bytes);
    atomic_store(&progress->bytes_out, w->stats->out_bytes);
    atomic_fetch_add(&progress->entries, entries);
}

/*
 * Passes a large file on, through one small block. As one core reads and writes it, the block
 * never leaves that core's cache; this doubles the rate of segments that the pool reads.
 */
static int writer_pass_large(struct writer *w, const struct large_file *large,
                             struct failure *f)
{
    struct stat_identity id = stat_identity(&large->st);
    struct tar_header h = entry_header(&w->packing.plan->terms, large->entry, &id);
    cleanup_buf struct buf block = BUF(BLOCK_BYTES + 2 * TAR_HEADER_MAX);
    if (buf_reserve(&block, block.max) < 0)
        abort();
    tar_add_header(&block, &h);
    uint64_t at = 0;
    do {
        size_t want = id.size - at < BLOCK_BYTES ? (size_t)(id.size - at) : BLOCK_BYTES;
        if (at % READ_AHEAD_BYTES == 0)
            posix_fadvise(large->fd, (off_t)(at + READ_AHEAD_BYTES), READ_AHEAD_BYTES,
                          POSIX_FADV_WILLNEED);
        ssize_t n = io_pread_full(large->fd, block.at + block.len, want, (off_t)at);
        if (n < 0)
            return fail_errno(f, (int)n, "can't read %s", QUOTE(large->entry->path));
        if ((size_t)n != want)
            return fail(f, -ESTALE, "%s shrank while it was being sent; run it again",
                        QUOTE(large->entry->path));
        block.len += want;
        at += want;
        int r = 0;
        if (at == id.size) {
            /* Before the last byte is written: if there were two versions, the send fails. */
            r = content_check(large->fd, &large->st, large->entry->path, f);
            if (r == 0 && buf_add_zeros(&block, ustar_padding(id.size)) < 0)
                abort();
        }
        if (r == 0)
            r = writer_put(w, buf_bytes(&block), f);
        w->inside_file = at < id.size || r < 0;
        if (r < 0)
            return r;
        writer_count(w, block.len, at == id.size);
        buf_clear(&block);
    } while (at < id.size);
    return 0;
}

/* Waits until the pool has packed a segment; packs others meanwhile. */
static int writer_await(struct writer *w, struct segment *segment, struct failure *f)
{
    pthread_mutex_lock(&w->packing.lock);
    while (!segment->done) {
        pthread_mutex_unlock(&w->packing.lock);
        bool helped = pool_help(w->pool);
        pthread_mutex_lock(&w->packing.lock);
        if (!helped && !segment->done)
            pthread_cond_wait(&w->packing.done, &w->packing.lock);
    }
    pthread_mutex_unlock(&w->packing.lock);
    if (segment->result < 0 && f)
        *f = segment->failure;
    return segment->result;
}

/* Writes a segment to the descriptor. */
static int writer_take_out(struct writer *w, struct segment *segment, struct failure *f)
{
    const struct stored *stored = &segment->stored;
    int r;
    if (stored->fd >= 0)
        r = writer_written(w, out_pass(w->out, stored->fd, stored->offset, stored->packed_len),
                           stored->packed_len, f);
    else
        r = writer_put(w, buf_bytes(w->packing.codec ? &segment->packed : &segment->plain), f);
    if (r < 0)
        return r;
    w->stats->n_stored += stored->fd >= 0;
    w->stats->n_unlearnt += segment->unlearnt;
    writer_count(w, stored->fd >= 0 ? stored->plain_len : segment->plain.len,
                 segment->large.entry ? segment->tail
                 : segment->chunk     ? segment->chunk->n
                                      : segment->literal->n);
    return 0;
}

static int writer_finish_segment(struct writer *w, struct segment *segment, struct failure *f)
{
    if (segment->whole)
        return writer_pass_large(w, &segment->large, f);
    int r = writer_await(w, segment, f);
    /* As in writer_pass_large(): check a large file before its last byte is written. */
    if (r == 0 && segment->tail)
        r = content_check(segment->large.fd, &segment->large.st, segment->large.entry->path, f);
    if (r == 0)
        r = w->take(w, segment, f);
    if (segment->stored.fd >= 0)
        close(segment->stored.fd);
    segment->stored.fd = -1;
    return r;
}

/*
 * Ends a stream that failed so that no reader accepts it. Between entries it appends junk in
 * header position; inside a file (a large one, the inner tar) nothing, so that the file is
 * short; to a packed stream junk after the last whole segment.
 */
static void writer_poison(struct writer *w)
{
    if (w->stats->out_bytes == 0)
        return;
    cleanup_buf struct buf junk = BUF(16 * USTAR_BLOCK);
    if (w->packing.codec) {
        if (buf_add_bytes(&junk, w->packing.codec->poison) < 0)
            abort();
    } else if (!w->inside_file && !w->packing.plan->fixed_sizes) {
        tar_add_poison(&junk);
    }
    /* If this can't be written, the stream is cut short, which is as good. */
    if (out_write(w->out, buf_bytes(&junk)) < 0)
        return;
}

void writer_init(struct writer *w, const struct send_request *request, const struct plan *plan,
                 struct pool *pool, struct send_stats *stats)
{
    *w = (struct writer){
        .packing = {.request = request,
                    .plan = plan,
                    .codec = codec_of(request->codec),
                    .pool = pool,
                    .source = {request->root_fd, request->control->ignore_name,
                               plan->tree->clock_ns},
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .done = PTHREAD_COND_INITIALIZER},
        .pool = pool,
        .stats = stats,
        .large = {.fd = -1},
    };
}

/* The segments that are cut, and given to the pool, but not written yet. */
struct ring {
    struct segment *at;
    size_t n, cut, written;
    int more; /* the last result of writer_next(): 1, 0 at the plan's end, <0 failed */
    struct failure
        failure; /* of writer_next(); reported after the segments before are written */
};

static struct segment *ring_segment(const struct ring *ring, size_t i)
{
    return &ring->at[i % ring->n];
}

/* Cuts enough segments to keep every thread busy, and no more, because memory that is reused
 * stays in the cache. */
static void ring_fill(struct writer *w, struct ring *ring)
{
    size_t window = 2 * pool_width(w->pool) + 2;
    if (window > ring->n)
        window = ring->n;
    while (ring->more > 0 && ring->cut - ring->written < window) {
        struct segment *segment = ring_segment(ring, ring->cut);
        ring->more = writer_next(w, segment, &ring->failure);
        if (ring->more <= 0)
            return;
        if (!segment->whole)
            pool_add_last(w->pool, &segment->job);
        ring->cut++;
    }
}

/* Waits for the pool and drops the segments that are not written. */
static void ring_abandon(struct writer *w, struct ring *ring)
{
    atomic_store(&w->packing.cancelled, true);
    pool_drain(w->pool);
    for (; ring->written < ring->cut; ring->written++)
        writer_drop(ring_segment(ring, ring->written));
}

static int ring_write(struct writer *w, struct ring *ring, struct failure *f)
{
    int r = 0;
    for (;;) {
        r = pool_check(w->pool, f);
        if (r < 0)
            break;
        ring_fill(w, ring);
        if (ring->cut == ring->written)
            break;
        struct segment *segment = ring_segment(ring, ring->written);
        r = writer_finish_segment(w, segment, f);
        if (r < 0)
            break;
        ring->written++;
        writer_drop(segment);
    }
    if (r == 0 && ring->more < 0) {
        r = ring->more;
        if (f)
            *f = ring->failure;
    }
    if (r < 0)
        ring_abandon(w, ring);
    return r;
}

int writer_run(struct writer *w, struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE | THREAD_HTTP | THREAD_LEARNER); /* it waits for the pool */
    struct ring ring = {.n = 2 * pool_threads(w->pool) + 2, .more = 1};
    ring.at = xcalloc(ring.n, sizeof(*ring.at));
    for (size_t i = 0; i < ring.n; i++)
        segment_init(&ring.at[i], &w->packing);
    int r = ring_write(w, &ring, f);
    for (size_t i = 0; i < ring.n; i++)
        segment_release(&ring.at[i]);
    free(ring.at);
    return r;
}

void writer_release(struct writer *w)
{
    if (w->large.entry)
        writer_close_large(&w->large);
    pthread_mutex_destroy(&w->packing.lock);
    pthread_cond_destroy(&w->packing.done);
}

int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f)
{
    struct writer w;
    struct out out;
    writer_init(&w, request, plan, pool, stats);
    out_open(&out, request);
    w.out = &out;
    w.take = writer_take_out;
    int r = writer_run(&w, f);
    if (r < 0 && r != -EPIPE && r != -ECANCELED)
        writer_poison(&w);
    writer_release(&w);
    return r;
}
