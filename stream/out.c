/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes -> the descriptor of a request. A client without a daemon simply blocks in write(). A
 * daemon must not, because a thread that sleeps in write() can't be cancelled: its descriptor
 * is non-blocking, and the thread waits in poll(), for the client's connection, too. Between
 * two writes it asks whether the request was cancelled, because some outputs never make it
 * wait: /dev/null, a pipe whose reader is quick.
 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

enum {
    PIPE_BYTES = 1 << 20, /* the most an unprivileged process may ask for */
    STALL_MS = 250,       /* a reader that takes nothing for this long is reported as stalled */
    COPY_BYTES = 128 << 10, /* read and written while it is in the core's own cache */
};

void out_open(struct out *out, const struct send_request *request)
{
    struct stat st;
    *out = (struct out){.fd = request->out_fd, .hooks = request->hooks, .pool = request->pool};
    out->is_pipe = fstat(out->fd, &st) == 0 && S_ISFIFO(st.st_mode);
    /* Fails if the user has too many pipe pages already; the pipe then keeps its size. */
    if (out->is_pipe)
        (void)fcntl(out->fd, F_SETPIPE_SZ, PIPE_BYTES);
}

/* Waits until the reader takes more. */
static int out_wait(struct out *out)
{
    const struct send_hooks *hooks = out->hooks;
    struct pollfd fds[2] = {{.fd = out->fd, .events = POLLOUT},
                            {.fd = hooks ? hooks->cancel_fd : -1, .events = POLLRDHUP}};
    bool stalled = false;
    int r = 0;
    for (;;) {
        int n = poll(fds, 2, hooks && !stalled ? STALL_MS : -1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = -errno;
        else if (fds[1].revents)
            r = -ECANCELED;
        else if (n == 0 && hooks) {
            stalled = true;
            if (hooks->stalled)
                hooks->stalled(hooks->context, true);
            continue;
        }
        break;
    }
    if (hooks && stalled && hooks->stalled)
        hooks->stalled(hooks->context, false);
    return r;
}

int out_write(struct out *out, struct bytes bytes)
{
    while (bytes.len) {
        if (pool_cancelled(out->pool))
            return -ECANCELED;
        size_t want = bytes.len < PIPE_BYTES ? bytes.len : PIPE_BYTES;
        ssize_t n = write(out->fd, bytes.at, want);
        if (n >= 0) {
            bytes = bytes_from(bytes, (size_t)n);
            continue;
        }
        int r = errno == EAGAIN ? out_wait(out) : errno == EINTR ? 0 : -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

/* For descriptors that splice() doesn't take: a file, a socket of an old kernel. */
static int out_copy(struct out *out, int fd, off_t at, uint64_t len)
{
    cleanup_free uint8_t *block = xmalloc(COPY_BYTES);
    while (len) {
        size_t want = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
        ssize_t n = io_pread_full(fd, block, want, at);
        if (n < 0 || (size_t)n != want)
            return n < 0 ? (int)n : -EIO;
        int r = out_write(out, bytes_at(block, want));
        if (r < 0)
            return r;
        at += n;
        len -= want;
    }
    return 0;
}

int out_pass(struct out *out, int fd, uint64_t offset, uint64_t len)
{
    off_t at = (off_t)offset;
    while (out->is_pipe && len) {
        if (pool_cancelled(out->pool))
            return -ECANCELED;
        size_t want = len < PIPE_BYTES ? (size_t)len : PIPE_BYTES;
        ssize_t n =
            splice(fd, &at, out->fd, NULL, want,
                   SPLICE_F_MOVE | SPLICE_F_MORE | (out->hooks ? SPLICE_F_NONBLOCK : 0u));
        if (n > 0) {
            len -= (uint64_t)n;
            continue;
        }
        if (n == 0)
            return -EIO; /* the chunk is shorter than its header says */
        if (errno == EINVAL)
            break;
        int r = errno == EAGAIN ? out_wait(out) : errno == EINTR ? 0 : -errno;
        if (r < 0)
            return r;
    }
    return len ? out_copy(out, fd, at, len) : 0;
}
