/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: the units in which a plan is packed and written. A segment is one of
 *
 *     the entries before or after the chunks     literal is set
 *     a chunk                                    chunk is set
 *     a part of a large file, CHUNK_BYTES long   large.entry is set
 *     a whole large file                         … and whole: not packed here, but passed on
 *                                                block by block by the thread that writes
 *
 * The writer (writer.h) cuts a plan into segments; this file packs one of them, on any thread:
 *
 *     segment_init(&segment, &packing);
 *     while (writer_next(&w, &segment, f) > 0) {
 *         r = segment_pack(&segment, f);
 *         … segment.stored, or segment.packed, or segment.plain …
 *         writer_drop(&segment);
 *     }
 *     segment_release(&segment);
 */
#ifndef CTXD_PACK_H
#define CTXD_PACK_H

#include "codec.h"
#include "content.h"
#include "plan.h"
#include "tar-header.h"

/* What all segments of one plan share. Sealed, except for `cancelled` and what follows it. */
struct packing {
    const struct send_request *request;
    const struct plan *plan;
    const struct codec *codec; /* NULL: plain */
    const struct pool *pool;   /* tells that the request was cancelled */
    struct content_source source;
    bool want_sha;          /* compute the SHA-256 of every segment */
    atomic_bool cancelled;  /* segments that are under way may end early */
    atomic_size_t n_missed; /* chunks that the store did not have */
    pthread_mutex_t lock;   /* guards `done` of each segment */
    pthread_cond_t done;    /* signalled when a segment is done */
};

/* A file larger than CHUNK_BYTES. The writer's thread opens and closes it. */
struct large_file {
    struct entries own; /* the one entry */
    const struct entry *entry;
    struct chunk *chunk;
    struct stat st;
    int fd;
    uint64_t offset; /* of the next part */
};

struct segment {
    struct pool_job job;
    struct packing *packing;
    const struct entries *literal; /* of the plan, or NULL */
    struct chunk *chunk;           /* of the plan, or NULL */
    bool whole;
    struct large_file large; /* entry NULL: none. Else: len bytes from its offset on … */
    size_t len;
    bool head, tail;          /* … with the header, with the padding */
    struct buf plain, packed; /* packed: unless the codec is NULL */
    struct stored stored;     /* fd >= 0: the store has it packed; the two above are empty */
    struct sha256 sha;        /* of the plain bytes; if want_sha is set, or the store has it */
    bool sure;                /* it is what the tree says, and may be remembered by that */
    bool unlearnt;            /* a chunk that was passed on (learn_max) */
    void *codec;              /* the compressor's state, kept from one segment to the next */
    struct content_dir dir;
    struct failure failure;
    int result; /* of segment_pack() on the pool */
    bool done;  /* under packing->lock: the pool has packed it */
};

void segment_init(struct segment *segment, struct packing *packing);
void segment_release(struct segment *segment);
/* Fills plain (and packed), or stored. 0, or -errno with a message. Thread: any. */
int segment_pack(struct segment *segment, struct failure *f) must_use;
/* The name in the store of a chunk or part with this keyed digest. */
struct store_name store_name_of(const struct packing *packing, const struct digest128 *content);

#endif
