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
    PIECE_BYTES = 1 << 20, /* what a widened pipe takes at once */
    PIECE_MAX = 512 << 20, /* a small file may have grown since the walk, up to this */
    PIPE_BYTES = 1 << 20,  /* the most an unprivileged process may ask for */
    CONTENT_TRIES = 6,     /* a file that changes under each of them is not to be had */
};

struct writer;

/* A file that is cut into pieces; opened and closed by the caller's thread. */
struct large_file {
    const struct entry *entry;
    struct stat st;
    int fd;
    uint64_t offset; /* of the next piece */
};

struct piece {
    struct pool_job job;
    struct writer *writer;
    size_t first, end;       /* entries, where large.entry is NULL */
    struct large_file large; /* else: len bytes from its offset on */
    size_t len;
    bool head, tail; /* with the header, with the padding */
    struct buf plain, packed;
    void *codec;
    struct content_dir dir;
    struct failure failure;
    int result;
    bool done; /* under the writer's lock */
};

struct writer {
    const struct send_request *request;
    const struct plan *plan;
    struct pool *pool;
    const struct codec *codec; /* NULL: plain */
    struct content_source source;
    struct send_stats *stats;
    size_t next;             /* the first entry that is in no piece yet */
    struct large_file large; /* being cut; its entry is NULL where none is */
    atomic_bool cancelled;
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* ---- packing: on the pool ---------------------------------------------------------------- */

static int out_of_room(const struct entry *e, struct failure *f)
{
    return fail(f, -E2BIG, "%s grew past %d MiB while it was being sent; run it again",
                QUOTE(e->path), PIECE_MAX >> 20);
}

/* The common case: the file is the one that the walk saw. */
static bool pack_as_walked(struct piece *piece, const struct entry *e)
{
    struct writer *w = piece->writer;
    struct buf *out = &piece->plain;
    size_t start = out->len, size = (size_t)e->node->id.size;
    struct tar_header h = entry_header(w->request, e, NULL);
    if (buf_reserve(out, tar_header_size(&h) + size + TAR_BLOCK) < 0)
        return false;
    tar_add_header(out, &h);
    if (!content_read_as_walked(&w->source, &piece->dir, e->path, &e->node->id,
                                out->at + out->len)) {
        out->len = start;
        return false;
    }
    out->len += size;
    return buf_add_zeros(out, tar_padding(size)) == 0;
}

/* Appends header, content and padding of a file: one version of it, or fails. */
static int pack_file(struct piece *piece, const struct entry *e, struct failure *f)
{
    struct writer *w = piece->writer;
    struct buf *out = &piece->plain;
    size_t start = out->len;
    if (pack_as_walked(piece, e))
        return 0;
    for (int tries = 0;; tries++) {
        cleanup_fd int fd = -1;
        struct stat st;
        int r = content_open(&w->source, e->path, &fd, &st, f);
        if (r < 0)
            return r;
        struct stat_identity now = stat_identity(&st);
        if (w->plan->fixed_sizes && now.size != e->node->id.size)
            return fail(f, -ESTALE,
                        "%s changed its size while the context was being sent; run "
                        "it again",
                        QUOTE(e->path));
        struct tar_header h = entry_header(w->request, e, &now);
        size_t room = tar_header_size(&h) + tar_padding(h.size);
        if (now.size > PIECE_MAX || buf_reserve(out, room + (size_t)now.size) < 0)
            return out_of_room(e, f);
        tar_add_header(out, &h);
        ssize_t n = io_read_full(fd, out->at + out->len, (size_t)now.size);
        if (n < 0)
            return fail_errno(f, (int)n, "can't read %s", QUOTE(e->path));
        r = content_check(fd, &st, e->path, f);
        if (r == 0 && (uint64_t)n == now.size) {
            out->len += (size_t)n;
            return buf_add_zeros(out, tar_padding(now.size));
        }
        if (r < 0 && r != -ESTALE)
            return r;
        if (tries == CONTENT_TRIES || atomic_load(&w->cancelled))
            return fail(f, -ESTALE, "%s keeps changing while it is being sent", QUOTE(e->path));
        out->len = start;
    }
}

static int pack_entry(struct piece *piece, const struct entry *e, struct failure *f)
{
    struct buf *out = &piece->plain;
    if (e->kind == ENTRY_RAW)
        return buf_add_bytes(out, e->text) < 0 ? out_of_room(e, f) : 0;
    struct tar_header h = entry_header(piece->writer->request, e, NULL);
    if (e->kind == ENTRY_NODE && h.type == '0' && !(e->node->flags & NODE_NO_CONTENT))
        return pack_file(piece, e, f);
    if (buf_reserve(out, tar_header_size(&h) + e->text.len + TAR_BLOCK) < 0)
        return out_of_room(e, f);
    tar_add_header(out, &h);
    if (e->kind != ENTRY_TEXT)
        return 0;
    if (buf_add_bytes(out, e->text) < 0 || buf_add_zeros(out, tar_padding(e->text.len)) < 0)
        return out_of_room(e, f);
    return 0;
}

static int pack_large(struct piece *piece, struct failure *f)
{
    const struct large_file *large = &piece->large;
    struct buf *out = &piece->plain;
    struct stat_identity now = stat_identity(&large->st);
    struct tar_header h = entry_header(piece->writer->request, large->entry, &now);
    if (buf_reserve(out, piece->len + 2 * TAR_BLOCK + (piece->head ? tar_header_size(&h) : 0)) <
        0)
        return out_of_room(large->entry, f);
    if (piece->head)
        tar_add_header(out, &h);
    ssize_t n = io_pread_full(large->fd, out->at + out->len, piece->len, (off_t)large->offset);
    if (n < 0)
        return fail_errno(f, (int)n, "can't read %s", QUOTE(large->entry->path));
    if ((size_t)n != piece->len)
        return fail(f, -ESTALE, "%s shrank while it was being sent; run it again",
                    QUOTE(large->entry->path));
    out->len += piece->len;
    return piece->tail ? buf_add_zeros(out, tar_padding(now.size)) : 0;
}

static int pack_piece(struct piece *piece, struct failure *f)
{
    struct writer *w = piece->writer;
    buf_clear(&piece->plain);
    int r = piece->large.entry ? pack_large(piece, f) : 0;
    if (!piece->large.entry)
        for (size_t i = piece->first; i < piece->end && r == 0; i++)
            r = atomic_load(&w->cancelled) ? -ECANCELED : pack_entry(piece, &w->plan->at[i], f);
    content_dir_close(&piece->dir);
    if (r < 0 || !w->codec || piece->plain.len == 0)
        return r;
    if (!piece->codec)
        piece->codec = w->codec->new (w->request->level);
    buf_clear(&piece->packed);
    if (buf_reserve(&piece->packed, w->codec->bound(piece->codec, piece->plain.len)) < 0)
        return fail(f, -E2BIG, "a piece of the stream is too large to compress");
    piece->packed.len = w->codec->pack(piece->codec, piece->plain.at, piece->plain.len,
                                       piece->packed.at, piece->packed.cap);
    return piece->packed.len ? 0 : fail(f, -EIO, "%s failed", w->codec->name);
}

static void run_piece(struct pool_job *job)
{
    struct piece *piece = (struct piece *)job;
    struct writer *w = piece->writer;
    int r = pack_piece(piece, &piece->failure);
    pthread_mutex_lock(&w->lock);
    piece->result = r;
    piece->done = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

/* ---- cutting: the caller's thread ---------------------------------------------------------
 */

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
    w->large = large;
    return 0;
}

/* Describes the next piece. 1: there is one, 0: the plan is done, <0 failed. */
static int cut_piece(struct writer *w, struct piece *piece, struct failure *f)
{
    const struct plan *plan = w->plan;
    piece->large = (struct large_file){.fd = -1};
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
        piece->len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
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

/* ---- writing: the caller's thread ---------------------------------------------------------
 */

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

static void count(struct writer *w, const struct piece *piece)
{
    struct send_progress *progress = w->request->progress;
    w->stats->tar_bytes += piece->plain.len;
    if (!progress)
        return;
    atomic_fetch_add(&progress->bytes, piece->plain.len);
    atomic_store(&progress->bytes_out, w->stats->out_bytes);
    atomic_fetch_add(&progress->entries,
                     piece->large.entry ? piece->tail : piece->end - piece->first);
}

/* Waits for a piece, packing others meanwhile, and writes it. */
static int finish_piece(struct writer *w, struct piece *piece, struct failure *f)
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
    int r = piece->result;
    if (r < 0) {
        if (f)
            *f = piece->failure;
        return r;
    }
    if (piece->tail && piece->large.entry) {
        /* Before its last byte is out: all of it was read in one version, or the send fails. */
        r = content_check(piece->large.fd, &piece->large.st, piece->large.entry->path, f);
        if (r < 0)
            return r;
    }
    r = write_out(w, buf_bytes(w->codec ? &piece->packed : &piece->plain), f);
    if (r == 0)
        count(w, piece);
    return r;
}

/*
 * Ends a stream that failed so that nothing accepts it. Between entries junk in header
 * position; inside a file (a large one, the inner tar) it is just cut; packed: junk behind
 * whole pieces.
 */
static void poison(struct writer *w, bool inside_file)
{
    if (w->stats->out_bytes == 0)
        return;
    cleanup_buf struct buf junk = BUF(16 * TAR_BLOCK);
    if (w->codec) {
        if (buf_add_bytes(&junk, w->codec->poison) < 0)
            abort();
    } else if (!inside_file) {
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

/* The ring: `cut` pieces were handed to the pool, `written` are out. */
static int write_pieces(struct writer *w, struct piece *ring, size_t n_ring, struct failure *f)
{
    size_t cut = 0, written = 0;
    bool ended = false, inside_file = false;
    int r = 0;
    struct failure cut_failure = {0}; /* told once the pieces before it are out */
    int cut_result = 0;
    while (r == 0) {
        /* Wide enough to keep every thread busy, no wider: memory that is reused stays cached.
         */
        size_t window = 2 * pool_width(w->pool) + 2;
        while (!ended && cut - written < (window < n_ring ? window : n_ring)) {
            struct piece *piece = &ring[cut % n_ring];
            piece->done = false;
            cut_result = cut_piece(w, piece, &cut_failure);
            ended = cut_result <= 0;
            if (ended)
                break;
            pool_add_last(w->pool, &piece->job);
            cut++;
        }
        if (cut == written)
            break;
        struct piece *piece = &ring[written % n_ring];
        r = finish_piece(w, piece, f);
        bool large = piece->large.entry;
        if (r == 0) {
            inside_file = large && !piece->tail;
            written++;
            if (large && piece->tail)
                close(piece->large.fd);
        }
    }
    if (r == 0 && cut_result < 0) {
        r = cut_result;
        if (f)
            *f = cut_failure;
    }
    if (r < 0) {
        atomic_store(&w->cancelled, true);
        pool_drain(w->pool);
        for (; written < cut; written++)
            if (ring[written % n_ring].large.entry && ring[written % n_ring].tail)
                close(ring[written % n_ring].large.fd);
        if (w->large.entry)
            close(w->large.fd);
        if (r != -EPIPE)
            poison(w, inside_file || w->plan->fixed_sizes);
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
    size_t n_ring = 2 * pool_threads(pool) + 2;
    struct piece *ring = xcalloc(n_ring, sizeof(*ring));
    for (size_t i = 0; i < n_ring; i++)
        ring[i] = (struct piece){.job = {.run = run_piece},
                                 .writer = &w,
                                 .dir = {.fd = -1},
                                 .plain = BUF(PIECE_MAX + (16 << 20)),
                                 .packed = BUF(SIZE_MAX / 4)};
    int r = write_pieces(&w, ring, n_ring, f);
    release_pieces(&w, ring, n_ring);
    free(ring);
    return r;
}
