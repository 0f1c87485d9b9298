/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include "thread-kind.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
    PIPE_BYTES = 1 << 20,    /* the most that an unprivileged process may ask for */
    BLOCK_BYTES = 128 << 10, /* stays in the core's own cache between read and write */
};

/* Whether ctxd may write to it: bytes that it writes after our death do no harm there. A file
 * without a name (-o) is closed to all others, and gone by then. */
static bool relay_is_harmless(const struct stat *st)
{
    return S_ISFIFO(st->st_mode) || (S_ISREG(st->st_mode) && st->st_nlink == 0) ||
           (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

/* Somebody may have made the output non-blocking. */
static int relay_wait(int out_fd)
{
    struct pollfd one = {.fd = out_fd, .events = POLLOUT};
    return poll(&one, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/*
 * For sockets and terminals: splice() would hold the pipe's lock while the reader of the output
 * makes it wait, and the lane of ctxd would wait for the lock, where it can neither be parked
 * nor be cancelled. Also for files opened to append, which splice() doesn't take.
 */
static int relay_copy(const struct relay *relay)
{
    cleanup_free uint8_t *block = xmalloc(BLOCK_BYTES);
    for (;;) {
        ssize_t n = read(relay->read_fd, block, BLOCK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t at = 0; at < n;) {
            ssize_t done = write(relay->out_fd, block + at, (size_t)(n - at));
            int r = done >= 0         ? 0
                    : errno == EAGAIN ? relay_wait(relay->out_fd)
                    : errno == EINTR  ? 0
                                      : -errno;
            if (r < 0)
                return r;
            at += done > 0 ? done : 0;
        }
    }
}

/* For files, which are always ready: a copy less. */
static int relay_splice(const struct relay *relay)
{
    for (;;) {
        ssize_t n =
            splice(relay->read_fd, NULL, relay->out_fd, NULL, PIPE_BYTES, SPLICE_F_MOVE);
        if (n == 0)
            return 0;
        if (n < 0 && errno == EINVAL)
            return relay_copy(relay);
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

static void *relay_thread(void *context)
{
    struct relay *relay = context;
    thread_begin(THREAD_RELAY);
    relay->result = relay->to_file ? relay_splice(relay) : relay_copy(relay);
    /* If the output is full, the daemon must not wait for us. */
    close(steal_fd(&relay->read_fd));
    return NULL;
}

int relay_begin(struct relay *relay, int out_fd, struct failure *f)
{
    struct stat st;
    int ends[2];
    *relay = RELAY;
    relay->give = relay->out_fd = out_fd;
    if (fstat(out_fd, &st) < 0)
        return fail_errno(f, -errno, "the output");
    relay->to_file = S_ISREG(st.st_mode);
    if (relay_is_harmless(&st))
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail_errno(f, -errno, "a pipe for ctxd");
    relay->read_fd = ends[0];
    relay->give = ends[1];
    relay->owned = true;
    /* Fails if the user has too many pipe pages already; the pipe then keeps its size. */
    (void)fcntl(relay->give, F_SETPIPE_SZ, PIPE_BYTES);
    int r = -pthread_create(&relay->thread, NULL, relay_thread, relay);
    relay->running = r == 0;
    if (r < 0) {
        relay_given(relay);
        close(steal_fd(&relay->read_fd));
        return fail_errno(f, r, "can't start a thread");
    }
    return 0;
}

void relay_given(struct relay *relay)
{
    if (relay->owned)
        close(relay->give);
    relay->owned = false;
    relay->give = -1;
}

int relay_end(struct relay *relay, struct failure *f)
{
    relay_given(relay);
    if (!relay->running)
        return 0;
    pthread_join(relay->thread, NULL);
    relay->running = false;
    if (relay->result == -EPIPE)
        return fail(f, -EPIPE, "the reader of the stream closed it early");
    return relay->result < 0 ? fail_errno(f, relay->result, "can't write the stream") : 0;
}
