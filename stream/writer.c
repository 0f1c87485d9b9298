/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan -> pieces -> descriptor. A piece is a chunk of the plan, a part of a large file, or what
 * goes around the chunks. Pieces are packed on the pool and written here, in order:
 *
 *     plan  --cut-->  piece 1 | piece 2 | piece 3 | …      at most `window` at once
 *                        |         |         |
 *                     read, check, compress on the pool
 *                        |         |         |
 *     out   <--write-----+---------+---------+             by the caller's thread
 *
 * Where a piece ends depends on the entries alone (chunks.c), so compressed bytes don't depend
 * on threads, nor on what a store had packed already.
 */
#include "stream-priv.h"

#include <errno.h>
#include <fcntl.h>

enum {
    BLOCK_BYTES = 128 << 10,     /* read and written while it is in the core's own cache */
    READ_AHEAD_BYTES = 16 << 20, /* keeps a cold disk's queue full */
};

/* ---- cutting: the caller's thread -------------------------------------------------- */

static int open_large(struct writer *w, struct chunk *chunk, struct failure *f)
{
    const struct plan *plan = w->plan;
    struct large_file large = {.chunk = chunk};
    chunk_entries(&plan->terms, plan->links, plan->tree, chunk, &large.own);
    large.entry = &large.own.at[0];
    struct bytes path = large.entry->path;
    int r = content_open(&w->source, path, &large.fd, &large.st, f);
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

static void close_large(struct large_file *large)
{
    if (large->fd >= 0)
        close(large->fd);
    arena_release(&large->own.arena);
    *large = (struct large_file){.fd = -1};
}

void writer_drop(struct piece *piece)
{
    if (piece->tail)
        close_large(&piece->large);
}

static void cut_part(struct writer *w, struct piece *piece)
{
    uint64_t left = (uint64_t)w->large.st.st_size - w->large.offset;
    piece->large = w->large;
    piece->whole = !w->codec && !w->all_parts;
    piece->len = left < CHUNK_BYTES || piece->whole ? (size_t)left : CHUNK_BYTES;
    piece->head = w->large.offset == 0;
    piece->tail = piece->len == left;
    w->large.offset += piece->len;
    if (piece->tail)
        w->large = (struct large_file){.fd = -1};
}

static void begin_piece(struct piece *piece)
{
    piece->large = (struct large_file){.fd = -1};
    piece->literal = NULL;
    piece->chunk = NULL;
    piece->stored = (struct stored){.fd = -1};
    piece->head = piece->tail = piece->whole = piece->done = piece->sure = false;
}

int writer_next(struct writer *w, struct piece *piece, struct failure *f)
{
    const struct plan *plan = w->plan;
    begin_piece(piece);
    if (w->large.entry)
        return cut_part(w, piece), 1;
    for (;; w->at++) {
        if (w->at == AT_END)
            return 0;
        if (w->at != AT_CHUNKS) {
            const struct entries *literal = w->at == AT_BEFORE ? &plan->before : &plan->behind;
            if (!literal->n)
                continue;
            piece->literal = literal;
            return w->at++, 1;
        }
        while (w->next < plan->chunks.n && !plan->chunks.at[w->next]->n)
            w->next++;
        if (w->next == plan->chunks.n)
            continue;
        struct chunk *chunk = plan->chunks.at[w->next++];
        if (!chunk->large) {
            piece->chunk = chunk;
            return 1;
        }
        int r = open_large(w, chunk, f);
        if (r < 0)
            return r;
        return cut_part(w, piece), 1;
    }
}

/* ---- writing: the caller's thread -------------------------------------------------- */

static int written(struct writer *w, int r, uint64_t len, struct failure *f)
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

static int write_out(struct writer *w, struct bytes bytes, struct failure *f)
{
    return written(w, out_write(w->out, bytes), bytes.len, f);
}

static void count(struct writer *w, uint64_t tar_bytes, size_t entries)
{
    struct send_progress *progress = w->request->progress;
    w->stats->tar_bytes += tar_bytes;
    if (!progress)
        return;
    atomic_fetch_add(&progress->bytes, tar_bytes);
    atomic_store(&progress->bytes_out, w->stats->out_bytes);
    atomic_fetch_add(&progress->entries, entries);
}

/*
 * Passes a large file on. One small block serves for all of it: read and written by the same
 * core it never leaves that core's cache, which doubles the rate of pieces read by others.
 */
static int write_large(struct writer *w, const struct large_file *large, struct failure *f)
{
    struct stat_identity id = stat_identity(&large->st);
    struct tar_header h = entry_header(&w->plan->terms, large->entry, &id);
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
            /* Before its last byte is out: all was read in one version, or the send fails. */
            r = content_check(large->fd, &large->st, large->entry->path, f);
            if (r == 0 && buf_add_zeros(&block, ustar_padding(id.size)) < 0)
                abort();
        }
        if (r == 0)
            r = write_out(w, buf_bytes(&block), f);
        w->inside_file = at < id.size || r < 0;
        if (r < 0)
            return r;
        count(w, block.len, at == id.size);
        buf_clear(&block);
    } while (at < id.size);
    return 0;
}

/* Waits for a piece, packing others meanwhile. */
static int await_piece(struct writer *w, struct piece *piece, struct failure *f)
{
    pthread_mutex_lock(&w->lock);
    while (!piece->done) {
        pthread_mutex_unlock(&w->lock);
        bool helped = pool_help(w->pool);
        pthread_mutex_lock(&w->lock);
        if (!helped && !piece->done)
            pthread_cond_wait(&w->done, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    if (piece->result < 0 && f)
        *f = piece->failure;
    return piece->result;
}

/* To the descriptor. */
static int take_out(struct writer *w, struct piece *piece, struct failure *f)
{
    const struct stored *stored = &piece->stored;
    int r;
    if (stored->fd >= 0)
        r = written(w, out_pass(w->out, stored->fd, stored->offset, stored->packed_len),
                    stored->packed_len, f);
    else
        r = write_out(w, buf_bytes(w->codec ? &piece->packed : &piece->plain), f);
    if (r < 0)
        return r;
    w->stats->n_stored += stored->fd >= 0;
    count(w, stored->fd >= 0 ? stored->plain_len : piece->plain.len,
          piece->large.entry ? piece->tail
          : piece->chunk     ? piece->chunk->n
                             : piece->literal->n);
    return 0;
}

static int finish_piece(struct writer *w, struct piece *piece, struct failure *f)
{
    if (piece->whole)
        return write_large(w, &piece->large, f);
    int r = await_piece(w, piece, f);
    /* As in write_large(): before the last byte of a large file, the check. */
    if (r == 0 && piece->tail)
        r = content_check(piece->large.fd, &piece->large.st, piece->large.entry->path, f);
    if (r == 0)
        r = w->take(w, piece, f);
    if (piece->stored.fd >= 0)
        close(piece->stored.fd);
    piece->stored.fd = -1;
    return r;
}

/*
 * Ends a stream that failed so that nothing accepts it. Between entries junk in header
 * position; inside a file (a large one, the inner tar) it is just cut; packed: junk behind
 * whole pieces.
 */
static void poison(struct writer *w)
{
    if (w->stats->out_bytes == 0)
        return;
    cleanup_buf struct buf junk = BUF(16 * USTAR_BLOCK);
    if (w->codec) {
        if (buf_add_bytes(&junk, w->codec->poison) < 0)
            abort();
    } else if (!w->inside_file && !w->plan->fixed_sizes) {
        tar_add_poison(&junk);
    }
    /* The stream already failed: what can't be written is cut, which is as good. */
    if (out_write(w->out, buf_bytes(&junk)) < 0)
        return;
}

void writer_init(struct writer *w, const struct send_request *request, const struct plan *plan,
                 struct pool *pool, struct send_stats *stats)
{
    *w = (struct writer){
        .request = request,
        .plan = plan,
        .pool = pool,
        .stats = stats,
        .codec = codec_of(request->codec),
        .source = {request->root_fd, request->control->ignore_name, plan->tree->clock_ns},
        .large = {.fd = -1},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .done = PTHREAD_COND_INITIALIZER,
    };
}

/* The pieces under way: of those cut and handed to the pool, the written ones are out. */
struct ring {
    struct piece *at;
    size_t n, cut, written;
    int more; /* what writer_next() said last: 1, 0 at the plan's end, <0 failed */
    struct failure failure; /* of that; told once the pieces before it are out */
};

static struct piece *ring_piece(const struct ring *ring, size_t i)
{
    return &ring->at[i % ring->n];
}

/* Wide enough to keep every thread busy, no wider: memory that is reused stays cached. */
static void fill_ring(struct writer *w, struct ring *ring)
{
    size_t window = 2 * pool_width(w->pool) + 2;
    if (window > ring->n)
        window = ring->n;
    while (ring->more > 0 && ring->cut - ring->written < window) {
        struct piece *piece = ring_piece(ring, ring->cut);
        ring->more = writer_next(w, piece, &ring->failure);
        if (ring->more <= 0)
            return;
        if (!piece->whole)
            pool_add_last(w->pool, &piece->job);
        ring->cut++;
    }
}

/* Waits for the pool and closes what unwritten pieces hold. */
static void abandon_ring(struct writer *w, struct ring *ring)
{
    atomic_store(&w->cancelled, true);
    pool_drain(w->pool);
    for (; ring->written < ring->cut; ring->written++)
        writer_drop(ring_piece(ring, ring->written));
}

static int write_pieces(struct writer *w, struct ring *ring, struct failure *f)
{
    int r = 0;
    for (;;) {
        fill_ring(w, ring);
        if (ring->cut == ring->written)
            break;
        struct piece *piece = ring_piece(ring, ring->written);
        r = finish_piece(w, piece, f);
        if (r < 0)
            break;
        ring->written++;
        writer_drop(piece);
    }
    if (r == 0 && ring->more < 0) {
        r = ring->more;
        if (f)
            *f = ring->failure;
    }
    if (r < 0)
        abandon_ring(w, ring);
    return r;
}

int writer_run(struct writer *w, struct failure *f)
{
    struct ring ring = {.n = 2 * pool_threads(w->pool) + 2, .more = 1};
    ring.at = xcalloc(ring.n, sizeof(*ring.at));
    for (size_t i = 0; i < ring.n; i++)
        piece_init(&ring.at[i], w);
    int r = write_pieces(w, &ring, f);
    for (size_t i = 0; i < ring.n; i++)
        piece_release(&ring.at[i]);
    free(ring.at);
    return r;
}

void writer_release(struct writer *w)
{
    if (w->large.entry)
        close_large(&w->large);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->done);
}

int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f)
{
    struct writer w;
    struct out out;
    writer_init(&w, request, plan, pool, stats);
    out_open(&out, request);
    w.out = &out;
    w.take = take_out;
    int r = writer_run(&w, f);
    if (r < 0 && r != -EPIPE && r != -ECANCELED)
        poison(&w);
    writer_release(&w);
    return r;
}
