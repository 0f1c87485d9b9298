/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of stream/ share. */
#ifndef CTXD_STREAM_PRIV_H
#define CTXD_STREAM_PRIV_H

#include "hashdb.h"
#include "stream.h"

/* ---- tar.c: headers -------------------------------------------------------------------- */

#define TAR_BLOCK 512u

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

/* ---- content.c: one version of a file, or a failure ------------------------------------- */

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

/* ---- codec.c, gzip.c, zstd.c: one piece at a time -----------------------------------------
 */

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

/* ---- plan.c: what is sent, in which order -------------------------------------------------
 */

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

int carry_decide(const struct send_request *request, const struct tree *tree,
                 const struct reads *reads, struct notes *notes, struct arena *arena,
                 struct carriage *ret, struct failure *f) must_use;

int plan_make(const struct send_request *request, const struct tree *tree,
              const struct carriage *carriage, struct notes *notes, struct plan *ret,
              struct send_stats *stats, struct failure *f) must_use;
void plan_release(struct plan *plan);

/* The header of an entry as its node (or text) gives it; st overrides the node's stat. */
struct tar_header entry_header(const struct send_request *request, const struct entry *e,
                               const struct stat_identity *now);

/* ---- write.c: plan -> pieces -> descriptor ------------------------------------------------
 */

/* Packs on the pool, writes in order. On failure ends the stream so that nothing accepts it. */
int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f) must_use;

#endif
