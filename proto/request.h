/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of the client: its struct, and its line of JSON.
 *
 * Thread: any, each thread with its own request.
 */
#ifndef CTXD_REQUEST_H
#define CTXD_REQUEST_H

#include "frame.h"
#include "stream.h"

enum proto_kind {
    PROTO_SEND,
    PROTO_DIGEST,
    PROTO_URL,
    PROTO_WAIT,
    PROTO_STATUS,
    PROTO_STOP,
};
#define PROTO_KINDS 6

/* What the descriptors of a request are. */
enum proto_fd {
    PROTO_FD_ROOT,       /* the directory of the context */
    PROTO_FD_DOCKERFILE, /* a memory file with the text of the Dockerfile */
    PROTO_FD_IGNORE,     /* a memory file with the text of the ignore file */
};

/* One request. Made by proto_request_new() alone, because it contains pointers into itself. */
struct proto_request {
    struct arena arena;
    struct bytes version, build; /* of the client */
    enum proto_kind kind;
    struct bytes root_path;              /* the real path of the context, absolute */
    uint64_t mount_ns_dev, mount_ns_ino; /* of the client: stat of /proc/self/ns/mnt */
    struct bytes root_name;              /* the context as the user named it, for messages */
    /* The files that options named, absolute; empty: the default ones. They are used for a url,
     * whose control files are read again for each answer. */
    struct bytes dockerfile_path, ignore_path;
    /*
     * What is to be sent, digested or served. `send.control` points to `control` below, whose
     * names and stat are in the line. proto_request_load() reads its texts, and sets
     * send.dockerfile and root_fd. The daemon fills in out_fd (proto_receive_output()),
     * progress, hooks and pool.
     */
    struct send_request send;
    struct control control;
    bool progress;        /* send: the client wants lines of progress */
    bool per_instruction; /* digest */
    bool bare;            /* url: without a Dockerfile */
    bool since_given;     /* wait: if false, the answer comes at once and tells the first seq */
    uint64_t since;       /* wait: the seq of the last answer */
    uint64_t timeout_ms;  /* wait: an answer comes after that time even without a change */
    int fds[PROTO_FDS];   /* by enum proto_fd; -1: none. Owned */
};

struct proto_request *proto_request_new(void);
/* Closes the descriptors that it still has. NULL is fine. */
void proto_request_free(struct proto_request *request);

/*
 * Appends the line of a request, without a newline; "fds" names the descriptors that
 * request->fds contains. -E2BIG past PROTO_REQUEST_MAX.
 */
int proto_request_print(const struct proto_request *request, struct buf *line,
                        struct failure *f) must_use;
/* Sends the line with the descriptors, which the request keeps. */
int proto_send_request(int fd, const struct proto_request *request, uint64_t timeout_ms,
                       struct failure *f) must_use;

/*
 * Reads the line of a request. Unknown keys are ignored. A wrong type or range, a missing key
 * or too many levels are -EINVAL with a message that names the key; another release or build is
 * -EPROTONOSUPPORT. The n_fds descriptors must be those that the line names. They are taken
 * over even on failure, which closes them. `stored` is for a line that was kept on disk: it
 * comes without descriptors, and from any release.
 */
int proto_request_parse(struct bytes line, const int *fds, size_t n_fds, bool stored,
                        struct proto_request **ret, struct failure *f) must_use;

/* The release and the build of this program. */
extern const char proto_version[];
extern const char proto_build[];

#endif
