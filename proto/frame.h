/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and file descriptors on a socket: what is received is cut into lines, a line is sent
 * with the descriptors that belong to it.
 *
 * Thread: any, each thread with its own inbox.
 */
#ifndef CTXD_FRAME_H
#define CTXD_FRAME_H

#include "base.h"

/* Bytes of a request's line, without the texts that travel as descriptors. A request with 4,000
 * build arguments has 64 KiB. */
#define PROTO_REQUEST_MAX (1u << 20)
/* Bytes of an answer's line. The longest is that of a digest, which contains the text of each
 * instruction. If an answer would be longer, the client does the work itself. */
#define PROTO_ANSWER_MAX (32u << 20)
/* Levels of arrays and objects in a line. Our own lines have four. */
#define PROTO_DEPTH_MAX 16
/* Elements of each list in a request. No build needs more, and each costs the daemon memory. */
#define PROTO_LIST_MAX 4096
/* File descriptors that come with one message: one for each enum proto_fd. */
#define PROTO_FDS 3

/* What was received on a connection and not yet given out. */
struct proto_inbox {
    struct buf in; /* .max is the longest line, with its newline */
    size_t taken;  /* bytes at the front of `in` that proto_next_line() gave out */
    int fds[PROTO_FDS];
    size_t n_fds;
};

/* An empty inbox for lines of at most `maximum` bytes. */
#define PROTO_INBOX(maximum) ((struct proto_inbox){.in = BUF((maximum) + 1)})
void proto_inbox_release(struct proto_inbox *inbox); /* closes its fds */

/*
 * Reads once. Returns 1: something came; 0: the peer closed the connection; -EAGAIN; -E2BIG: a
 * line is too long; -EBADMSG: too many descriptors came, and all of them were closed; or
 * -errno.
 */
int proto_receive(int fd, struct proto_inbox *inbox) must_use;
/* Gives the next whole line, without its newline. It is valid until the next receive. */
bool proto_next_line(struct proto_inbox *inbox, struct bytes *ret);

/*
 * Sends a line and a newline, and the descriptors with the first byte. If the socket is full,
 * it waits up to the timeout (-ETIMEDOUT). Never raises SIGPIPE.
 */
int proto_send(int fd, struct bytes line, const int *fds, size_t n_fds,
               uint64_t timeout_ms) must_use;
/* Sends what the socket takes at once. Returns the bytes that were sent, or -errno. */
ssize_t proto_send_some(int fd, struct bytes bytes) must_use;

/*
 * Receives the descriptor of the output, after `started` was sent. Fails with -ETIMEDOUT;
 * -EBADMSG: another message came; -ECANCELED: the client closed the connection, or cancel_fd
 * hung up. *ret_fd belongs to the caller.
 */
int proto_receive_output(int fd, int cancel_fd, uint64_t timeout_ms, int *ret_fd) must_use;

#endif
