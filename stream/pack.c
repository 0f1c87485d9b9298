/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece on the pool: entries -> headers and checked contents -> compressed. Knows nothing of
 * the pieces before and after it, so any number of them run side by side.
 */
#include "stream-priv.h"

#include <errno.h>

/* A file that changes under each of so many tries is not to be had in one version. */
enum { CONTENT_TRIES = 6 };

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

void pack_piece_job(struct pool_job *job)
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
