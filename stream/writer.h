/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan -> segments -> bytes. write_plan() is the whole for a descriptor. Others take segments
 * themselves, either pushed (writer_run() with `take`) or pulled (writer_next()):
 *
 *     struct writer w;
 *     writer_init(&w, request, plan, pool, &stats);
 *     w.take = take;
 *     r = writer_run(&w, f);
 *     writer_release(&w);
 *
 * Thread: one at a time, the request's; the pool's threads see w->packing only.
 */
#ifndef CTXD_WRITER_H
#define CTXD_WRITER_H

#include "out.h"
#include "pack.h"

struct writer {
    struct packing packing;
    struct pool *pool;
    struct send_stats *stats;
    struct out *out; /* write_plan() only */
    /* writer_run() calls it with each packed segment, in order. */
    int (*take)(struct writer *w, struct segment *segment, struct failure *f);
    void *taker;    /* for take() */
    bool all_parts; /* large files are cut into parts, even if nothing is packed */
    enum { AT_BEFORE, AT_CHUNKS, AT_AFTER, AT_END } at; /* where the next segment is cut */
    size_t next;             /* the first chunk that is in no segment yet */
    struct large_file large; /* being cut; its entry is NULL: none */
    bool inside_file;        /* the header of a large file is written, its last byte is not */
};

void writer_init(struct writer *w, const struct send_request *request, const struct plan *plan,
                 struct pool *pool, struct send_stats *stats);
void writer_release(struct writer *w);
/* Packs all segments on the pool and gives them to w->take() in order. */
int writer_run(struct writer *w, struct failure *f) must_use;
/* Cuts the next segment, not packed yet. 1: there is one, 0: the plan is done, <0: failed. */
int writer_next(struct writer *w, struct segment *segment, struct failure *f) must_use;
/* Must follow each segment of writer_next(): closes the large file after its last part. */
void writer_drop(struct segment *segment);

/*
 * Packs on the pool, writes in order to the request's descriptor. After a failure the stream
 * ends in bytes that no reader accepts.
 */
int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f) must_use;

#endif
