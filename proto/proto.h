/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto: what client and daemon say to each other over a unix socket of the user's own.
 *
 * A connection carries one request: a line of JSON, and with it descriptors. Answers are lines
 * too: `started` once a lane works at it, any number of `progress` where they were asked for,
 * then one that ends it. The descriptor that a stream goes to is handed over after `started`,
 * with a line of its own: a daemon that hangs, or dies before, can neither have written to it
 * nor keep its reader from seeing the end.
 *
 *     client  {"ctxd": "0.1.0", "build": "1f…", "kind": "send", "fds": ["root", …], …}
 *     daemon  {"answer": "started"}
 *     client  {}                                     with the output's descriptor
 *     daemon  {"answer": "done", "stats": {…}, "notes": [[1, "…"]]}
 *
 * request.c and answer.c have the tables of all keys, from which lines are written and read.
 * Texts that may be large (the Dockerfile, the ignore file) travel as descriptors of memory.
 * Both ends have the same release and build: a daemon of another declines, but for `status` and
 * `stop`, which every release understands.
 *
 * Thread: any, each with its own structs.
 */
#ifndef CTXD_PROTO_H
#define CTXD_PROTO_H

#include "stream.h"

#include <limits.h>

/* A request without its texts; 64 KiB hold all but hostile ones and 4,000 build arguments. */
#define PROTO_REQUEST_MAX (1u << 20)
/* An answer: of a digest, each instruction with its text. Past it the client does the work. */
#define PROTO_ANSWER_MAX (32u << 20)
/* Levels of arrays and objects; ours have four. */
#define PROTO_DEPTH_MAX 16
/* Of each list in a request: more is not a build, and costs the daemon memory. */
#define PROTO_LIST_MAX 4096

enum proto_kind {
    PROTO_SEND,
    PROTO_DIGEST,
    PROTO_URL,
    PROTO_WAIT,
    PROTO_STATUS,
    PROTO_STOP,
};
#define PROTO_KINDS 6

enum proto_fd {
    PROTO_FD_ROOT,       /* the context's directory */
    PROTO_FD_DOCKERFILE, /* its text: a memfd */
    PROTO_FD_IGNORE,     /* the ignore file's text: a memfd */
};
#define PROTO_FDS 3

/* One request. Made by proto_request_new(): it has pointers into itself. */
struct proto_request {
    struct arena arena;
    struct bytes version, build; /* of who asks */
    enum proto_kind kind;
    struct bytes root_path;                    /* its real path, absolute */
    uint64_t mount_ns_dev, mount_ns_ino;       /* stat of the client's /proc/self/ns/mnt */
    struct bytes root_name;                    /* as given, for messages */
    struct bytes dockerfile_path, ignore_path; /* as named by options, absolute; empty: the
                                                  default. Of a url, whose files are read
                                                  again for each answer */
    /*
     * What is to be sent, digested or served. `send.control` is `control` below, whose names
     * and stat travel in the line; texts by proto_request_texts(). `send.dockerfile`, root_fd,
     * out_fd (proto_receive_output()), progress, hooks and pool are the daemon's to fill in.
     */
    struct send_request send;
    struct control control;
    bool progress;        /* send: tell how far it is */
    bool per_instruction; /* digest */
    bool bare;            /* url: without a Dockerfile */
    bool since_given;     /* wait: else the answer is at once what to give next time */
    uint64_t since;       /* wait: the seq of the last answer */
    uint64_t timeout_ms;  /* wait: an answer comes by then, changed or not */
    int fds[PROTO_FDS];   /* enum proto_fd; -1: none. Owned */
};

struct proto_request *proto_request_new(void);
/* Closes what fds it still has. NULL is fine. */
void proto_request_free(struct proto_request *request);

/*
 * The line, without its newline, fds as request->fds has them. -E2BIG past PROTO_REQUEST_MAX.
 */
int proto_request_print(const struct proto_request *request, struct buf *line,
                        struct failure *f) must_use;

/*
 * Reads a line. Unknown keys are ignored; a wrong type or range, a missing key, too many levels
 * give -EINVAL (-EPROTONOSUPPORT: of another release or build) naming the key. fds[] are taken
 * over, whatever happens: the line must name each of them. n_fds 0 and `stored`: a line kept
 * on disk, whose descriptors are gone.
 */
int proto_request_parse(struct bytes line, const int *fds, size_t n_fds, bool stored,
                        struct proto_request **ret, struct failure *f) must_use;

/* Reads the Dockerfile's and ignore file's text from fds into control, and closes those. */
int proto_request_texts(struct proto_request *request, struct failure *f) must_use;

/* The release and build of this program. */
extern const char proto_version[];
extern const char proto_build[];

/* ---- answers ------------------------------------------------------------------------- */

enum proto_answer_kind {
    PROTO_STARTED,
    PROTO_PROGRESS,
    PROTO_DONE,
    PROTO_FAILED,   /* as the client would have failed by itself */
    PROTO_DECLINED, /* nothing was done: the client does the work itself */
};

enum proto_why {
    PROTO_VERSION, /* another release or build */
    PROTO_FOREIGN, /* the root is not what the daemon sees at its path */
    PROTO_BUSY,    /* too many requests at once */
    PROTO_ENDING,  /* the daemon is about to end */
    PROTO_UNABLE,  /* text says why */
};

struct proto_progress {
    uint64_t entries, entries_total, bytes, bytes_total, bytes_out;
};

struct proto_answer {
    struct arena arena;
    enum proto_answer_kind kind;
    enum proto_why why;     /* DECLINED */
    struct failure failure; /* FAILED, DECLINED */
    bool untouched;         /* FAILED: surely no byte was written to the output */
    struct proto_progress progress;
    struct send_stats stats;     /* DONE, of send */
    struct notes notes;          /* DONE, FAILED */
    struct digest_answer digest; /* of digest; its strings are in `arena` */
    struct bytes url;
    struct bytes status; /* a JSON object */
    uint64_t seq;        /* of wait: to give next time */
    bool changed;        /* of wait */
    bool slow;           /* of wait: changes can't be seen; ask again by the clock */
};

void proto_answer_release(struct proto_answer *answer);
#define cleanup_answer __attribute__((cleanup(proto_answer_release)))

/* Which parts of an answer PROTO_DONE has. */
int proto_answer_print(const struct proto_answer *answer, enum proto_kind of,
                       struct buf *line) must_use;
/* -EBADMSG: it is no answer. */
int proto_answer_parse(struct bytes line, struct proto_answer *ret, struct failure *f) must_use;

/* ---- lines and descriptors (frame.c) ------------------------------------------------- */

/* What was received of a connection: whole lines are taken off its front. */
struct proto_inbox {
    struct buf in; /* .max is the longest line, with its newline */
    size_t taken;  /* bytes of it that were given out */
    int fds[PROTO_FDS];
    size_t n_fds;
};

#define PROTO_INBOX(maximum) ((struct proto_inbox){.in = BUF((maximum) + 1)})
void proto_inbox_release(struct proto_inbox *inbox); /* closes its fds */

/*
 * Reads once. 1: something came, 0: the peer closed, -EAGAIN, -E2BIG: a line too long,
 * -EBADMSG: too many descriptors (all are closed), or -errno.
 */
int proto_receive(int fd, struct proto_inbox *inbox) must_use;
/* The next whole line, without its newline; valid until the next receive. */
bool proto_next_line(struct proto_inbox *inbox, struct bytes *ret);

/*
 * Sends line and a newline, the descriptors with its first byte. Waits while the socket is
 * full, until the time is over (-ETIMEDOUT). Never raises SIGPIPE.
 */
int proto_send(int fd, struct bytes line, const int *fds, size_t n_fds,
               uint64_t timeout_ms) must_use;
/* The request as a line, with its descriptors, which stay its own. */
int proto_send_request(int fd, const struct proto_request *request, uint64_t timeout_ms,
                       struct failure *f) must_use;
/*
 * Receives the output's descriptor, after `started`. Waits for it so long, or until cancel_fd
 * hangs up (-ECANCELED). -ETIMEDOUT, -EBADMSG: another message, -ECANCELED: the client is gone.
 */
int proto_receive_output(int fd, int cancel_fd, uint64_t timeout_ms, int *ret_fd) must_use;
/* Sends what can be sent at once; returns the bytes sent or -errno. */
ssize_t proto_send_some(int fd, struct bytes bytes) must_use;

/* ---- the place of the socket, and who is at its other end (place.c) -------------------- */

#define PROTO_PATH_MAX 108 /* sun_path */

/*
 * The private directory of the socket: $XDG_RUNTIME_DIR/ctxd, else /tmp/ctxd-UID. Must be a
 * real directory of ours without any right for others; -EPERM with a message that says what is
 * wrong with it. make: makes it where it is missing; else -ENOENT.
 */
int proto_directory(bool make, char path[PATH_MAX], struct failure *f) must_use;
/* The socket that CTXD_SOCKET names, or ctxd.sock in that directory. */
int proto_socket_path(bool make, char path[PROTO_PATH_MAX], struct failure *f) must_use;

/* Connects; *ret_fd is the caller's. -ENOENT, -ECONNREFUSED: nobody serves there. -EPERM: it is
 * somebody else's. */
int proto_connect(const char *path, int *ret_fd, struct failure *f) must_use;

/* 0 if the peer is our own user or root, else -EPERM. */
int proto_check_peer(int fd, struct failure *f) must_use;

/* dev and ino of the mount namespace of this process; 0 where /proc doesn't say. */
void proto_mount_namespace(uint64_t *ret_dev, uint64_t *ret_ino);

#endif
