/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: selection x tree -> entries -> chunks -> bytes on a descriptor.
 *
 * send_run() is the whole of ctx-send as a straight line of calls (send.c):
 *
 *     control files -> Dockerfile's reads, ignore rules -> walk -> plan -> pack -> write
 *
 * It promises the same bytes for the same tree and request, and that a stream which ends early
 * can't build (docs/stream.md). It never writes to the tree, runs no program and prints
 * nothing.
 */
#ifndef CTXD_STREAM_H
#define CTXD_STREAM_H

#include "base.h"
#include "dockerfile.h"
#include "hashdb.h"

#include <errno.h>
#include <stdatomic.h>

/* The result of a request that exceeds max_bytes or max_files; no byte was written. */
#define SEND_REFUSED (-EDQUOT)

enum send_builder { SEND_ANY, SEND_BUILDKIT, SEND_CLASSIC };
enum send_mtime { SEND_MTIME_KEEP, SEND_MTIME_FIXED };
enum send_dockerfile { SEND_DOCKERFILE_AUTO, SEND_DOCKERFILE_PLAIN };
enum send_codec { SEND_TAR, SEND_GZIP, SEND_ZSTD };

#define SEND_GZIP_LEVEL_MAX 12 /* libdeflate's */
#define SEND_GZIP_LEVEL 1      /* the default: a local engine reads faster than level 6 packs */
#define SEND_ZSTD_LEVEL_MAX 19 /* zstd's highest without "ultra" */
#define SEND_ZSTD_LEVEL 3      /* the default, zstd's own */

/* Counted while a stream is written, for a thread that shows progress. Thread: any. */
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
    struct bytes ignore_name;     /* the ignore file; if there is none, where it would be */
    struct bytes ignore;          /* its text; empty if there is none */
    bool has_ignore;
    bool ignore_of_root; /* it is the root's own .dockerignore, which a builder would find */
};

struct control_request {
    int root_fd;
    struct bytes root_name;
    /* NULL: the root's Dockerfile, or else its dockerfile. "-": read from stdin_fd. Others are
     * relative to the working directory. */
    const char *dockerfile;
    int stdin_fd;
    /* NULL: <Dockerfile>.dockerignore, or else .dockerignore of the root. */
    const char *ignore_file;
    enum send_builder builder; /* classic: only .dockerignore of the root */
};

/*
 * Loads both, each in one version. 0, or -errno with a message that says what to do. A FIFO, a
 * directory or a device is refused, except for the ignore file /dev/null, which is an empty
 * one. The caller releases *ret with control_release(). Thread: any.
 */
int control_load(const struct control_request *request, struct notes *notes,
                 struct control *ret, struct failure *f) must_use;
void control_release(struct control *control);

/*
 * Lets the caller of a request watch and cancel it while bytes are written. out_fd must be
 * non-blocking. stream calls it on the request's thread.
 */
struct send_hooks {
    void *context;
    /* A descriptor that hangs up when the request is cancelled (-ECANCELED), for those who
     * wait. Those who compute ask pool_cancelled(). -1: none. */
    int cancel_fd;
    /* true: the reader of out_fd has taken nothing for a while; false: it takes again. */
    void (*stalled)(void *context, bool stalled);
};

struct send_request {
    int root_fd;
    struct bytes root_name;        /* for messages */
    const struct control *control; /* borrowed */
    struct dockerfile *dockerfile; /* parsed from control->dockerfile; borrowed */
    struct df_request reads;       /* target, args, bases … */
    enum send_builder builder;
    bool full;                /* send all that the ignore rules keep, read or not */
    bool recipe;              /* .ctx is added (skeleton.h) … */
    struct bytes recipe_ecos; /* … of these ecosystems, comma-separated; empty: of all */
    bool bare;   /* no Dockerfile in the stream: the builder gets it in another way */
    bool verify; /* trust no event: stat everything for this answer */
    enum send_mtime mtime;
    int64_t mtime_seconds; /* with SEND_MTIME_FIXED */
    enum send_dockerfile dockerfile_mode;
    enum send_codec codec;
    int level;                      /* of the codec */
    uint64_t max_bytes, max_files;  /* of content; 0: no limit */
    int out_fd;                     /* borrowed */
    struct send_progress *progress; /* NULL: not counted */
    const struct send_hooks *hooks; /* NULL: none, and out_fd may block */
    struct pool *pool;              /* NULL: the call makes one; else no other call uses it */
    /* In a daemon: a stream learns so many of the chunks that it reads. It passes the others on
     * as fast as without a daemon, and the caller calls learn_run() afterwards. 0: it learns
     * all. */
    size_t learn_max;
};

struct send_stats {
    uint64_t n_files, n_dirs, n_links, n_hardlinks; /* sent, by kind of entry */
    uint64_t n_skipped;                             /* sockets, devices */
    uint64_t content_bytes;                         /* of regular files */
    uint64_t tar_bytes, out_bytes;
    uint64_t n_dirs_read, n_stats; /* for this answer; 0: the tree was up to date */
    uint64_t n_chunks, n_stored;   /* chunks of the stream; segments that were packed before */
    uint64_t n_unlearnt;           /* chunks that were passed on unlearnt (learn_max) */
    uint64_t walk_ns, total_ns;
    bool rewritten;  /* the Dockerfile is not sent as it is: see carry.c */
    bool everything; /* the Dockerfile reads the whole context */
};

/* ---- what a daemon keeps of one root between answers (warm.c) ------------------------- */

/*
 * The newest tree, the views that requests asked for, and their chunks. Answers may run side by
 * side: each sees the tree as it was when the answer began, or later. Thread: any, unless a
 * function says otherwise.
 */
struct warm;

struct warm_setup {
    int root_fd;                    /* borrowed until warm_free() */
    struct bytes root_name;         /* the root's real path; copied */
    struct store *store;            /* NULL: no chunk is kept packed. Borrowed */
    struct hashdb *hashes;          /* NULL: no hash outlives the process. Borrowed */
    const struct tree_watch *watch; /* NULL: every answer stats everything. Borrowed */
    /*
     * Adds all changes until now to *dirty; must not wait. false: some changes are unknown (too
     * many events, a directory that can't be watched), so that everything must be looked at by
     * stat.
     */
    bool (*drain)(void *watch, struct dirty *dirty);
};

struct warm *warm_new(const struct warm_setup *setup);
void warm_free(struct warm *warm); /* no answer may be running */

/*
 * Looks at everything by stat and corrects the tree; *ret_missed counts the changed paths that
 * no event had told of. 0, or as tree_make(). Thread: lane; it waits for the pool.
 */
int warm_audit(struct warm *warm, struct pool *pool, uint64_t *ret_missed,
               struct failure *f) must_use;
/* Drops the views that no request asked for since that time (clock_now_ns()). */
void warm_trim(struct warm *warm, uint64_t since_ns);

/*
 * Drops the rules of ignore files with thousands of patterns, which take 1.2 kB each, if no
 * request asked for them since that time; the next one makes them anew, and looks at
 * everything. Never waits: while a tree is made, it does nothing. true: some were dropped.
 */
bool warm_shrink(struct warm *warm, uint64_t since_ns);

struct warm_stats {
    uint64_t n_views, n_entries, n_dirs, n_chunks;
    uint64_t bytes; /* memory of trees and chunk lists */
    /* Changed paths: of the last look, and of all looks. All entries of the tree are counted if
     * the changes are unknown, and for the first tree. */
    uint64_t n_dirty, n_dirty_total;
};
/* Never waits: while a tree is made, it gives the counts of the last call. */
void warm_stats(struct warm *warm, struct warm_stats *ret);

/* ---- answers ------------------------------------------------------------------------- */

/*
 * Makes and writes the stream, with what a daemon kept or without (warm is NULL): the bytes are
 * the same. 0, or -errno with a message; SEND_REFUSED by a limit. If it fails after the first
 * byte was written, no reader accepts the stream, provided that the caller closes out_fd now.
 * The process must ignore SIGPIPE. Thread: lane or HTTP; it waits for the pool.
 */
int send_run(const struct send_request *request, struct warm *warm, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f) must_use;

/*
 * Learns what send_run() passed on unlearnt, so that the next answer to this request costs
 * only what changed. 0; -ECANCELED by the flag of its pool; or as send_run(). An answer may run
 * at the same time. Thread: learner; it waits for the pool.
 */
int learn_run(const struct send_request *request, struct warm *warm,
              struct failure *f) must_use;

/*
 * The same answer for HTTP (body.c): the caller pulls it, and knows its length and ETag before
 * the first byte. The request's out_fd is not used. Equal ETags mean equal bytes: if the
 * content no longer is what the ETag stands for, body_read() fails before it has given the
 * whole length. The request must outlive the body. Thread: lane or HTTP, one at a time.
 */
struct body;
int body_open(const struct send_request *request, struct warm *warm, struct notes *notes,
              struct body **ret, struct failure *f) must_use;
uint64_t body_length(const struct body *body);
const struct sha256 *body_etag(const struct body *body);
const struct send_stats *body_stats(const struct body *body);
/* The next bytes: 1 to len of them, 0 at the end, or -errno with a message. */
ssize_t body_read(struct body *body, void *at, size_t len, struct failure *f) must_use;
void body_free(struct body *body);

/*
 * SHA-256 of what the target reads (context-digest.c). It does not depend on where the tree is,
 * nor on times, owners, umask or hard links. Without a target, the last stage is taken.
 * Thread: lane or http; it waits for the pool.
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
 * Packed chunks, each in a file below one directory of mode 0700. The name of a file is a
 * digest of its content, with a key per user. The store is a cache: nothing depends on it,
 * every file may vanish, and this process believes a chunk only after it has verified the
 * checksum once. Several processes may share a store. Thread: any.
 */
struct store;

struct store_limits {
    uint64_t max_bytes;       /* above it the chunks that were unused for longest are removed */
    uint64_t max_age_seconds; /* a chunk that was unused for longer is removed */
};

/*
 * Never fails: if the directory can't be used, or belongs to another user, it adds a note, and
 * the store then finds and keeps nothing. read_only: for a client that runs beside a daemon.
 * The caller ends *ret with store_close().
 */
void store_open(const char *directory, const struct store_limits *limits, bool read_only,
                struct notes *notes, struct store **ret);
void store_close(struct store *store);
/* The user's own key, by which chunks are named. Borrowed from the store. */
const struct digest_key *store_key(const struct store *store);

struct store_name {
    struct digest128 content; /* keyed; of headers and contents (pack.c) */
    enum send_codec codec;
    int level;
};

struct stored {
    int fd;          /* positioned at `offset`; the caller closes it */
    uint64_t offset; /* of the packed bytes in the file */
    uint64_t packed_len, plain_len;
    struct sha256 plain_sha; /* of the plain bytes */
};

/* Whether the chunk is there and undamaged; only then *ret is written. */
bool store_get(struct store *store, const struct store_name *name, struct stored *ret);
/*
 * Keeps a chunk if possible. 0, also if it was there already; or -errno, after which a caller
 * goes on without: -ENOSPC …; -EDQUOT: above max_bytes, and a sweep (by this call, unless one
 * was made just now) found no chunk that was unused for a minute; -EFBIG: the chunk alone is
 * larger than max_bytes; -EROFS, -ENODEV: this store keeps nothing.
 */
int store_put(struct store *store, const struct store_name *name, struct bytes packed,
              uint64_t plain_len, const struct sha256 *plain_sha);
/*
 * Enforces the limits. Chunks that were used in the last minute stay. (Of the uses by another
 * process only those count that it wrote to disk: the first use of a chunk in an hour.) Returns
 * the number of bytes freed.
 */
uint64_t store_sweep(struct store *store);

struct store_stats {
    uint64_t bytes, n_chunks; /* as of the last sweep, plus what was put since */
    uint64_t hits, misses, puts, put_failures, damaged;
    bool usable;
};
void store_stats(struct store *store, struct store_stats *ret);

#endif
