/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries -> chunks: consecutive entries of a view that are packed and kept together.
 *
 *     struct chunks chunks;
 *     chunks_cut(&terms, links, tree, &chunks);
 *     … chunk_entries(&terms, links, tree, chunks.at[0], &entries) …
 *     chunks_release(&chunks);
 *
 * After a change of the tree chunks_patch() gives the chunks of the new tree and shares those
 * that did not change. Thread: any.
 */
#ifndef CTXD_CHUNKS_H
#define CTXD_CHUNKS_H

#include "entries.h"
#include "stream.h"

#include <pthread.h>

enum {
    CHUNK_BYTES = 1 << 20, /* a chunk ends after so many; a larger file is a chunk of its own */
    CHUNK_MAX = 512 << 20, /* bytes; a small file may have grown since the walk, up to this */
};

struct chunk_counts {
    uint64_t content_bytes;
    uint32_t n_files, n_dirs, n_links, n_hardlinks, n_skipped;
    uint32_t n_notes; /* entries that a note is about */
};

/*
 * A chunk ends after a path whose hash has six zero bits, after CHUNK_BYTES, or before a file
 * larger than that. The members before `lock` are sealed, except for refs. Those after it are
 * learnt when the chunk is read for the first time; every thread that reads the chunk learns
 * the same values.
 */
struct chunk {
    atomic_uint refs;
    bool large; /* one file larger than CHUNK_BYTES */
    size_t n;   /* entries */
    uint64_t tar_bytes;
    struct chunk_counts counts;
    uint64_t largest;     /* bytes of its largest file */
    pthread_mutex_t lock; /* guards the members from here to `digest` */
    bool named, has_sha, has_digest, has_packed;
    struct digest128 name; /* by pack.c; keyed: of the headers and the contents' digests */
    struct sha256 sha;     /* of the plain bytes of tar; large: of its parts' SHA-256 */
    uint64_t packed_len;   /* bytes, as packed by … */
    enum send_codec packed_codec;
    int packed_level;
    struct sha256 digest; /* terms.for_digest: of what a build reads of it */
    uint16_t first_len;   /* sealed, too */
    uint8_t first[];      /* the path of its first entry */
};

static inline struct bytes chunk_first(const struct chunk *chunk)
{
    return bytes_at(chunk->first, chunk->first_len);
}

/* Whether its name was learnt; if so, *ret is it. Takes the lock. */
bool chunk_name(struct chunk *chunk, struct digest128 *ret);

struct chunks {
    struct chunk **at; /* references */
    size_t n, cap;
};

void chunks_release(struct chunks *chunks);
/* Cuts all entries of a view. */
void chunks_cut(const struct terms *terms, const struct links *links, const struct tree *tree,
                struct chunks *ret);
/*
 * The chunks of `tree`, given those of an older tree (`was`) and the paths that came, went or
 * changed between the two, sorted in stream order. Cuts anew around these paths until the old
 * boundaries fit again, and shares the other chunks. The result has the same boundaries as that
 * of chunks_cut().
 */
void chunks_patch(const struct terms *terms, const struct links *links, const struct tree *tree,
                  const struct chunks *was, const struct bytes *changed, size_t n_changed,
                  struct chunks *ret);
/* A copy of the list, with references of its own to the same chunks. */
void chunks_share(const struct chunks *chunks, struct chunks *ret);
/* The entries of a chunk. Released by arena_release(&ret->arena). */
void chunk_entries(const struct terms *terms, const struct links *links,
                   const struct tree *tree, const struct chunk *chunk, struct entries *ret);

#endif
