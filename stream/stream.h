/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: selection x tree -> entries -> pieces -> bytes on a descriptor.
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
    const char
        *ignore_file; /* NULL: <Dockerfile>.dockerignore, else .dockerignore of the root */
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

struct send_request {
    int root_fd;
    struct bytes root_name;        /* for messages */
    const struct control *control; /* borrowed */
    struct dockerfile *dockerfile; /* of control->dockerfile; borrowed */
    struct df_request reads;       /* target, args, bases … */
    enum send_builder builder;
    bool full; /* ignore rules only */
    enum send_mtime mtime;
    int64_t mtime_seconds; /* with SEND_MTIME_FIXED */
    enum send_dockerfile dockerfile_mode;
    enum send_codec codec;
    int level;                     /* of the codec */
    uint64_t max_bytes, max_files; /* 0: no gate */
    int out_fd;
    struct send_progress *progress; /* NULL: nobody watches */
    struct pool *pool;              /* NULL: one of its own */
};

struct send_stats {
    uint64_t n_files, n_dirs, n_links, n_hardlinks; /* sent, by kind of entry */
    uint64_t n_skipped;                             /* sockets, FIFOs, devices */
    uint64_t content_bytes;                         /* of regular files */
    uint64_t tar_bytes, out_bytes;
    uint64_t n_dirs_read, n_stats;
    uint64_t walk_ns, total_ns;
    bool rewritten;  /* inner tar and rewritten Dockerfile */
    bool everything; /* the Dockerfile reads the whole context */
};

/*
 * Does the whole job. 0, or -errno with a message; SEND_REFUSED by a gate. After a failure that
 * came with bytes already written, the stream on out_fd is one that no reader accepts.
 * SIGPIPE must be ignored. Thread: any, one request a call.
 */
int send_run(const struct send_request *request, struct notes *notes,
             struct send_stats *ret_stats, struct failure *f) must_use;

#endif
