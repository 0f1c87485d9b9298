/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of stream/ share. */
#ifndef CTXD_STREAM_PRIV_H
#define CTXD_STREAM_PRIV_H

#include "hashdb.h"
#include "stream.h"

#include <pthread.h>

/* ---- tar.c: headers ---------------------------------------------------------------- */

#define TAR_BLOCK 512u
/* A PAX header of a path and a target, both as long as the system allows, with room. */
#define TAR_HEADER_MAX (64u << 10)

struct tar_header {
    struct bytes path;
    uint8_t type;  /* '0' file, '1' hard link, '2' symbolic link, '5' directory */
    uint32_t mode; /* permission, set-id and sticky bits */
    uint64_t size; /* content bytes; 0 for all but '0' */
    int64_t mtime; /* seconds */
    struct bytes link;
};

/* Appends the header, with a PAX header before it only where ustar can't say it. */
void tar_add_header(struct buf *out, const struct tar_header *h);
/* The bytes tar_add_header() appends. */
size_t tar_header_size(const struct tar_header *h);
/* Whether a single ustar header says it all. */
bool tar_is_plain(const struct tar_header *h);
/* The zero bytes behind content of this size. */
size_t tar_padding(uint64_t size);
/* Junk in header position that every reader rejects (see docs/stream.md). */
void tar_add_poison(struct buf *out);

/* ---- content.c: one version of a file, or a failure -------------------------------- */

struct content_source {
    int root_fd;
    struct bytes ignore_name; /* for the remedy in messages */
    int64_t clock_ns;         /* the tree's */
};

/* The directory of the last file, kept open for the next one. */
struct content_dir {
    int fd; /* -1: none */
    struct bytes path;
};

void content_dir_close(struct content_dir *dir);

/*
 * Reads walked->size bytes to `at`, if the file is still, and surely, the one that the walk
 * saw. false: it is not, or can't be told (content_open() then says which). Thread: any, its
 * own dir.
 */
bool content_read_as_walked(const struct content_source *source, struct content_dir *dir,
                            struct bytes path, const struct stat_identity *walked, void *at);

/*
 * Opens path (NUL-terminated) for reading and takes a stat that any later write will differ
 * from (it waits out the clock tick of a change just made). -ESTALE where it vanished or is no
 * regular file any more; -EACCES … with the remedy. Thread: any.
 */
int content_open(const struct content_source *source, struct bytes path, int *ret_fd,
                 struct stat *ret_stat, struct failure *f) must_use;

/* Whether fd still is what *seen says. -ESTALE where not. */
int content_check(int fd, const struct stat *seen, struct bytes path,
                  struct failure *f) must_use;

/* ---- codec.c, gzip.c, zstd.c: one piece at a time ---------------------------------- */

/* A stateless compressor: the packed pieces, one after another, are a valid stream. */
struct codec {
    const char *name;
    void *(*new)(int level);
    void (*free)(void *state);
    size_t (*bound)(void *state, size_t len);
    /* The packed length; 0 on failure (too little room). */
    size_t (*pack)(void *state, const void *in, size_t len, void *out, size_t room);
    struct bytes poison; /* after whole pieces: what no reader accepts */
};

extern const struct codec codec_gzip, codec_zstd;

/* ---- plan.c: what is sent, in which order ------------------------------------------ */

enum entry_kind {
    ENTRY_NODE, /* of the tree; content is read when it is packed */
    ENTRY_TEXT, /* a regular file whose content we hold: the Dockerfile */
    ENTRY_LINK, /* a hard link to an earlier entry */
    ENTRY_RAW,  /* literal bytes of tar: inner header, end marks */
};

struct entry {
    enum entry_kind kind;
    struct bytes path;       /* NUL-terminated */
    const struct node *node; /* NULL where it is not of the tree */
    struct bytes text;       /* ENTRY_TEXT, ENTRY_RAW: content; ENTRY_LINK: the first path */
};

struct plan {
    struct arena arena;
    struct entry *at;
    size_t n, cap;
    uint64_t tar_bytes; /* as the walk's sizes promise it */
    uint64_t n_skipped;
    int64_t clock_ns; /* the tree's */
    bool fixed_sizes; /* an outer header promised them: a file may not change its size */
};

/* How the Dockerfile travels (carry.c). */
struct carriage {
    enum {
        CARRY_NODE,  /* it is a kept file of the tree, at the place where it is looked for */
        CARRY_EXTRA, /* added as Dockerfile, where nothing reads it */
        CARRY_INNER, /* added, rewritten, beside an inner tar of the whole context */
    } how;
    struct bytes name; /* in the tar: "Dockerfile", or "dockerfile" */
    struct bytes text;
    struct bytes tar_name; /* CARRY_INNER: of the inner tar */
    bool replaces;         /* CARRY_EXTRA: a node of that name is left out */
    bool guard;            /* a kept `dockerfile` could take its place in a cut stream */
    bool ship_ignore;      /* classic: .dockerignore goes along, to be removed by the engine */
};

/* ignore may be NULL: nothing is excluded. */
int carry_decide(const struct send_request *request, const struct ignore *ignore,
                 const struct tree *tree, const struct reads *reads, struct notes *notes,
                 struct arena *arena, struct carriage *ret, struct failure *f) must_use;

int plan_make(const struct send_request *request, const struct tree *tree,
              const struct carriage *carriage, struct notes *notes, struct plan *ret,
              struct send_stats *stats, struct failure *f) must_use;
void plan_release(struct plan *plan);

/* The header of an entry as its node (or text) gives it; st overrides the node's stat. */
struct tar_header entry_header(const struct send_request *request, const struct entry *e,
                               const struct stat_identity *now);

/* ---- pack.c: piece -> bytes, on the pool ------------------------------------------- */

enum {
    PIECE_BYTES = 1 << 20, /* where a piece ends; a larger file is cut */
    PIECE_MAX = 512 << 20, /* a small file may have grown since the walk, up to this */
};

struct writer;

/* A file past PIECE_BYTES; opened and closed by the caller's thread. */
struct large_file {
    const struct entry *entry;
    struct stat st;
    int fd;
    uint64_t offset; /* of the next piece */
};

/*
 * What is packed and written in one go: entries, or, where large.entry is set, a part of a
 * large file (packed streams), or the whole of one, which the caller's thread passes on block
 * by block.
 */
struct piece {
    struct pool_job job;
    struct writer *writer;
    size_t first, end;       /* entries, where large.entry is NULL */
    bool whole;              /* a large file that is not for the pool */
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
    bool inside_file;        /* a file's header is out, its last byte is not */
    atomic_bool cancelled;
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* The pool's: fills piece->plain (and packed), or result and failure; then sets done. */
void pack_piece_job(struct pool_job *job);

/* ---- write.c: plan -> pieces -> descriptor ----------------------------------------- */

/* Packs on the pool, writes in order. On failure ends the stream so that nothing accepts it. */
int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f) must_use;

#endif
