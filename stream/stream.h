/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: selection x tree -> entries -> chunks -> bytes on a descriptor.
 *
 * send_run() is the whole of ctx-send as a straight line of calls (send.c):
 *
 *     control files -> Dockerfile's reads, ignore rules -> walk -> plan -> pack -> write
 *
 * Promises: the same bytes for the same tree and request; a stream that ends early can't build
 * (docs/stream.md). Never writes to the tree, never runs anything, never prints.
 */
#ifndef CTXD_STREAM_H
#define CTXD_STREAM_H

#include "base.h"
#include "dockerfile.h"
#include "hashdb.h"

#include <errno.h>
#include <stdatomic.h>

/* What a request that a gate refused (max_bytes, max_files) returns; no byte was written. */
#define SEND_REFUSED (-EDQUOT)

enum send_builder { SEND_ANY, SEND_BUILDKIT, SEND_CLASSIC };
enum send_mtime { SEND_MTIME_KEEP, SEND_MTIME_FIXED };
enum send_dockerfile { SEND_DOCKERFILE_AUTO, SEND_DOCKERFILE_PLAIN };
enum send_codec { SEND_TAR, SEND_GZIP, SEND_ZSTD };

#define SEND_GZIP_LEVEL_MAX 12 /* libdeflate's */
#define SEND_GZIP_LEVEL 1      /* the default: a local engine reads faster than 6 packs */
#define SEND_ZSTD_LEVEL_MAX 19
#define SEND_ZSTD_LEVEL 3

/* Counted while a stream is written; read by whoever shows progress. Thread: any. */
struct send_progress {
    atomic_uint_fast64_t entries, entries_total; /* total is 0 until the walk is done */
    atomic_uint_fast64_t bytes, bytes_total;     /* of the tar, before compression */
    atomic_uint_fast64_t bytes_out;              /* written */
};

/* The Dockerfile and the ignore file, as loaded by control_load(). */
struct control {
    struct arena arena;
    struct bytes dockerfile_name; /* for messages: as given, or "Dockerfile" */
    struct bytes dockerfile;      /* its text */
    struct stat dockerfile_stat;  /* st_ino 0: not a file (standard input) */
    struct bytes ignore_name;     /* a line that excludes something belongs here */
    struct bytes ignore;          /* empty where there is none */
    bool has_ignore;
    bool ignore_of_root; /* it is the root's own .dockerignore, which a builder would find */
};

struct control_request {
    int root_fd;
    struct bytes root_name;
    const char *dockerfile; /* NULL: Dockerfile of the root, else dockerfile; "-": stdin_fd;
                               else relative to the working directory */
    int stdin_fd;
    /* NULL: <Dockerfile>.dockerignore, else .dockerignore of the root. */
    const char *ignore_file;
    enum send_builder builder; /* classic: .dockerignore of the root only */
};

/*
 * Loads both. -ENOENT … with a message that says what to do; a FIFO, a directory or a device is
 * refused, but for the ignore file /dev/null, which is an empty one.
 * *ret is released by control_release().
 */
int control_load(const struct control_request *request, struct notes *notes,
                 struct control *ret, struct failure *f) must_use;
void control_release(struct control *control);

/* How whoever runs a request takes part in it; then out_fd is one that never blocks. Thread of
 * the calls: the request's. */
struct send_hooks {
    void *context;
    /* A descriptor whose hang-up cancels the request (-ECANCELED); -1: none. */
    int cancel_fd;
    /* The reader of out_fd takes nothing for a while (true), or takes again (false). */
    void (*stalled)(void *context, bool stalled);
};

struct send_request {
    int root_fd;
    struct bytes root_name;        /* for messages */
    const struct control *control; /* borrowed */
    struct dockerfile *dockerfile; /* of control->dockerfile; borrowed */
    struct df_request reads;       /* target, args, bases … */
    enum send_builder builder;
    bool full;                /* ignore rules only */
    bool recipe;              /* .ctx goes along (skeleton.h) … */
    struct bytes recipe_ecos; /* … of these, comma-separated; empty: all */
    bool bare;   /* no Dockerfile in the stream: for a builder that is given it otherwise */
    bool verify; /* trust no event: look at everything by stat for this answer */
    enum send_mtime mtime;
    int64_t mtime_seconds; /* with SEND_MTIME_FIXED */
    enum send_dockerfile dockerfile_mode;
    enum send_codec codec;
    int level;                     /* of the codec */
    uint64_t max_bytes, max_files; /* 0: no gate */
    int out_fd;
    struct send_progress *progress; /* NULL: nobody watches */
    const struct send_hooks *hooks; /* NULL: none */
    struct pool *pool;              /* NULL: one of its own; else used by this request alone */
};

struct send_stats {
    uint64_t n_files, n_dirs, n_links, n_hardlinks; /* sent, by kind of entry */
    uint64_t n_skipped;                             /* sockets, FIFOs, devices */
    uint64_t content_bytes;                         /* of regular files */
    uint64_t tar_bytes, out_bytes;
    uint64_t n_dirs_read, n_stats; /* for this answer */
    uint64_t n_chunks, n_stored;   /* chunks of the stream; segments that were packed before */
    uint64_t walk_ns, total_ns;
    bool rewritten;  /* inner tar and rewritten Dockerfile */
    bool everything; /* the Dockerfile reads the whole context */
};

/* ---- what a daemon keeps of one root between answers (warm.c) ------------------------- */

/*
 * The newest tree, the views that were asked for, their chunks. Answers may run side by side:
 * each sees the tree as it was when it began or later. Thread: any.
 */
struct warm;

struct warm_setup {
    int root_fd;                    /* borrowed until warm_free() */
    struct bytes root_name;         /* the root's real path; copied */
    struct store *store;            /* NULL: nothing is kept packed. Borrowed */
    struct hashdb *hashes;          /* NULL: no hash outlives the process. Borrowed */
    const struct tree_watch *watch; /* NULL: every answer looks at everything by stat */
    /*
     * Adds all that changed until now to *dirty, never waits. false: what changed can't be
     * told (too many events, a directory that can't be watched): all is looked at by stat.
     */
    bool (*drain)(void *watch, struct dirty *dirty);
};

struct warm *warm_new(const struct warm_setup *setup);
void warm_free(struct warm *warm); /* no answer may be running */

/*
 * Looks at everything by stat and heals what was missed; *ret_missed counts the paths that no
 * event had told of. Uses the pool. 0, or as tree_make().
 */
int warm_audit(struct warm *warm, struct pool *pool, uint64_t *ret_missed,
               struct failure *f) must_use;
/* Drops views that nobody asked for since that time (clock_now_ns()). */
void warm_trim(struct warm *warm, uint64_t since_ns);

struct warm_stats {
    uint64_t n_views, n_entries, n_dirs, n_chunks;
    uint64_t bytes; /* memory of trees and chunk lists */
    /* Paths that were found to have changed: by the last look, and by all. Where that can't be
     * told, or the first tree is made: all entries. */
    uint64_t n_dirty, n_dirty_total;
};
/* Never waits: while a tree is made, as last counted. */
void warm_stats(struct warm *warm, struct warm_stats *ret);

/* ---- answers ------------------------------------------------------------------------- */

/*
 * Does the whole job, with or without what a daemon kept (warm NULL): the same bytes. 0, or
 * -errno with a message; SEND_REFUSED by a gate. After a failure that came with bytes already
 * written, the stream on out_fd is one that no reader accepts, if it is closed now.
 * SIGPIPE must be ignored. Thread: any, one request a call.
 */
int send_run(const struct send_request *request, struct warm *warm, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f) must_use;

/*
 * The same answer, to be pulled, with its length and ETag known beforehand (body.c): for HTTP.
 * The request's out_fd is not used. The ETag is equal only if the bytes are; what body_read()
 * gives can't make up the whole length without being what the ETag says: it fails before.
 */
struct body;
int body_open(const struct send_request *request, struct warm *warm, struct notes *notes,
              struct body **ret, struct failure *f) must_use;
uint64_t body_length(const struct body *body);
const struct sha256 *body_etag(const struct body *body);
const struct send_stats *body_stats(const struct body *body);
/* Up to len bytes that follow the last ones, at least one; 0 at the end; -errno. */
ssize_t body_read(struct body *body, void *at, size_t len, struct failure *f) must_use;
void body_free(struct body *body);

/*
 * SHA-256 of what the target reads (context-digest.c), the same wherever the tree lies:
 * independent of times, owners, umask and hard links. Without a target: the last stage's.
 */
struct digest_line {
    uint32_t line;       /* of the instruction */
    struct bytes source; /* as written */
    struct sha256 sha;
    uint64_t n_files, bytes;
};
struct digest_answer {
    struct arena arena;
    struct sha256 sha;
    uint64_t n_files, bytes;
    struct digest_line *lines; /* per_instruction only */
    size_t n_lines;
};
int digest_run(const struct send_request *request, struct warm *warm, bool per_instruction,
               struct notes *notes, struct digest_answer *ret, struct failure *f) must_use;
void digest_release(struct digest_answer *answer);

/* ---- the chunk store (store.c) ------------------------------------------------------- */

/*
 * Packed chunks as files below one directory of mode 0700, each named by a digest keyed per
 * user of what is in it. A cache: nothing depends on it, everything in it may vanish, and a
 * chunk is believed only after its checksum was right once in this process's life. Several
 * processes may share it. Thread: any.
 */
struct store;

struct store_limits {
    uint64_t max_bytes;       /* past it the longest unused go */
    uint64_t max_age_seconds; /* unused for so long: goes */
};

/*
 * Never fails: a directory that can't be had, or is somebody else's, is noted, and the store
 * then finds and keeps nothing. read_only: for a client beside a daemon.
 */
void store_open(const char *directory, const struct store_limits *limits, bool read_only,
                struct notes *notes, struct store **ret);
void store_close(struct store *store);
/* Names chunks: the user's own. Borrowed from the store. */
const struct digest_key *store_key(const struct store *store);

struct store_name {
    struct digest128 content; /* keyed; of the plain bytes' making */
    enum send_codec codec;
    int level;
};

struct stored {
    int fd;          /* at `offset`: the caller's to close */
    uint64_t offset; /* of the packed bytes in it */
    uint64_t packed_len, plain_len;
    struct sha256 plain_sha; /* of the plain bytes */
};

/* Whether it is there, whole. */
bool store_get(struct store *store, const struct store_name *name, struct stored *ret);
/*
 * Keeps it if that can be done; 0, also where it was there, or -errno, which is no failure of
 * anything: -ENOSPC …; -EDQUOT: past max_bytes, and a sweep (made by this call, if none was
 * made just now) found nothing unused for a minute; -EFBIG: larger than max_bytes alone;
 * -EROFS, -ENODEV: this store keeps nothing.
 */
int store_put(struct store *store, const struct store_name *name, struct bytes packed,
              uint64_t plain_len, const struct sha256 *plain_sha);
/*
 * Enforces the limits; what was used in the last minute stays (of another process's uses those
 * count that it wrote down: a chunk's first in an hour). Returns the bytes freed.
 */
uint64_t store_sweep(struct store *store);

struct store_stats {
    uint64_t bytes, n_chunks; /* as of the last sweep, and what was put since */
    uint64_t hits, misses, puts, put_failures, damaged;
    bool usable;
};
void store_stats(struct store *store, struct store_stats *ret);

#endif
