/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan -> pieces -> descriptor. Pieces are packed on the pool and written here, in order:
 *
 *     plan  --cut-->  piece 1 | piece 2 | piece 3 | …      at most `window` at once
 *                        |         |         |
 *                     read, check, compress on the pool
 *                        |         |         |
 *     out   <--write-----+---------+---------+             by the caller's thread
 *
 * Where a piece ends depends on the entries alone, so compressed bytes don't depend on threads:
 * a batch of entries ends behind a path whose hash has six zero bits, or past PIECE_BYTES; a
 * large file is cut every PIECE_BYTES. (An edit moves few boundaries: what a chunk store will
 * need.)
 */
#include "stream-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

enum {
    PIPE_BYTES = 1 << 20,        /* the most an unprivileged process may ask for */
    BLOCK_BYTES = 128 << 10,     /* read and written while it is in the core's own cache */
    READ_AHEAD_BYTES = 16 << 20, /* keeps a cold disk's queue full */
};

/* ---- cutting: the caller's thread -------------------------------------------------- */

static uint64_t content_size(const struct writer *w, const struct entry *e)
{
    return e->kind == ENTRY_RAW ? e->text.len : entry_header(w->request, e, NULL).size;
}

static bool is_large(const struct writer *w, const struct entry *e)
{
    return e->kind == ENTRY_NODE && content_size(w, e) > PIECE_BYTES;
}

static int open_large(struct writer *w, const struct entry *e, struct failure *f)
{
    struct large_file large = {.entry = e};
    int r = content_open(&w->source, e->path, &large.fd, &large.st, f);
    if (r < 0)
        return r;
    if (w->plan->fixed_sizes && (uint64_t)large.st.st_size != e->node->id.size) {
        close(large.fd);
        return fail(f, -ESTALE,
                    "%s changed its size while the context was being sent; run it "
                    "again",
                    QUOTE(e->path));
    }
    posix_fadvise(large.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    posix_fadvise(large.fd, 0, READ_AHEAD_BYTES, POSIX_FADV_WILLNEED);
    w->large = large;
    return 0;
}

/* Describes the next piece. 1: there is one, 0: the plan is done, <0 failed. */
static int cut_piece(struct writer *w, struct piece *piece, struct failure *f)
{
    const struct plan *plan = w->plan;
    piece->large = (struct large_file){.fd = -1};
    piece->head = piece->tail = piece->whole = false;
    if (!w->large.entry) {
        if (w->next == plan->n)
            return 0;
        if (is_large(w, &plan->at[w->next])) {
            int r = open_large(w, &plan->at[w->next], f);
            if (r < 0)
                return r;
            w->next++;
        }
    }
    if (w->large.entry) {
        uint64_t left = (uint64_t)w->large.st.st_size - w->large.offset;
        piece->large = w->large;
        piece->whole = !w->codec;
        piece->len = left < PIECE_BYTES || piece->whole ? (size_t)left : PIECE_BYTES;
        piece->head = w->large.offset == 0;
        piece->tail = piece->len == left;
        w->large.offset += piece->len;
        if (piece->tail)
            w->large = (struct large_file){.fd = -1};
        return 1;
    }
    piece->first = w->next;
    for (uint64_t bytes = 0; w->next < plan->n && bytes < PIECE_BYTES;) {
        const struct entry *e = &plan->at[w->next];
        if (is_large(w, e))
            break;
        bytes += TAR_BLOCK + content_size(w, e);
        w->next++;
        if ((bytes_hash(e->path) & 63) == 0 && e->kind != ENTRY_RAW)
            break;
    }
    piece->end = w->next;
    return 1;
}

/* ---- writing: the caller's thread -------------------------------------------------- */

static int write_out(struct writer *w, struct bytes bytes, struct failure *f)
{
    int r = io_write_full(w->request->out_fd, bytes.at, bytes.len);
    if (r == -EPIPE)
        return fail(f, r, "the reader of the stream closed it early");
    if (r < 0)
        return fail_errno(f, r, "can't write the stream");
    w->stats->out_bytes += bytes.len;
    return 0;
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
    struct tar_header h = entry_header(w->request, large->entry, &id);
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
            if (r == 0 && buf_add_zeros(&block, tar_padding(id.size)) < 0)
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

static int finish_piece(struct writer *w, struct piece *piece, struct failure *f)
{
    if (piece->whole)
        return write_large(w, &piece->large, f);
    int r = await_piece(w, piece, f);
    /* As in write_large(): before the last byte of a large file, the check. */
    if (r == 0 && piece->tail)
        r = content_check(piece->large.fd, &piece->large.st, piece->large.entry->path, f);
    if (r == 0)
        r = write_out(w, buf_bytes(w->codec ? &piece->packed : &piece->plain), f);
    if (r < 0)
        return r;
    count(w, piece->plain.len, piece->large.entry ? piece->tail : piece->end - piece->first);
    return 0;
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
    cleanup_buf struct buf junk = BUF(16 * TAR_BLOCK);
    if (w->codec) {
        if (buf_add_bytes(&junk, w->codec->poison) < 0)
            abort();
    } else if (!w->inside_file && !w->plan->fixed_sizes) {
        tar_add_poison(&junk);
    }
    /* The stream already failed: what can't be written is cut, which is as good. */
    if (io_write_full(w->request->out_fd, junk.at, junk.len) < 0)
        return;
}

static void release_pieces(struct writer *w, struct piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct piece *piece = &pieces[i];
        buf_release(&piece->plain);
        buf_release(&piece->packed);
        if (piece->codec)
            w->codec->free(piece->codec);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->done);
}

/* The pieces under way: of those cut and handed to the pool, the written ones are out. */
struct ring {
    struct piece *at;
    size_t n, cut, written;
    int more;               /* what cut_piece() said last: 1, 0 at the plan's end, <0 failed */
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
        piece->done = false;
        ring->more = cut_piece(w, piece, &ring->failure);
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
        if (ring_piece(ring, ring->written)->tail)
            close(ring_piece(ring, ring->written)->large.fd);
    if (w->large.entry)
        close(w->large.fd);
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
        if (piece->tail)
            close(piece->large.fd);
    }
    if (r == 0 && ring->more < 0) {
        r = ring->more;
        if (f)
            *f = ring->failure;
    }
    if (r < 0) {
        abandon_ring(w, ring);
        if (r != -EPIPE)
            poison(w);
    }
    return r;
}

int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f)
{
    struct writer w = {
        .request = request,
        .plan = plan,
        .pool = pool,
        .stats = stats,
        .codec = request->codec == SEND_GZIP   ? &codec_gzip
                 : request->codec == SEND_ZSTD ? &codec_zstd
                                               : NULL,
        .source = {request->root_fd, request->control->ignore_name, plan->clock_ns},
        .large = {.fd = -1},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .done = PTHREAD_COND_INITIALIZER,
    };
    /* Not granted to what is no pipe, or past the user's share of pipe pages: then as it is. */
    (void)fcntl(request->out_fd, F_SETPIPE_SZ, PIPE_BYTES);
    struct ring ring = {.n = 2 * pool_threads(pool) + 2, .more = 1};
    ring.at = xcalloc(ring.n, sizeof(*ring.at));
    for (size_t i = 0; i < ring.n; i++)
        ring.at[i] = (struct piece){.job = {.run = pack_piece_job},
                                    .writer = &w,
                                    .dir = {.fd = -1},
                                    .plain = BUF(PIECE_MAX + (16 << 20)),
                                    .packed = BUF(SIZE_MAX / 4)};
    int r = write_pieces(&w, &ring, f);
    release_pieces(&w, ring.at, ring.n);
    free(ring.at);
    return r;
}
