/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

void proto_inbox_release(struct proto_inbox *inbox)
{
    for (size_t i = 0; i < inbox->n_fds; i++)
        close(inbox->fds[i]);
    inbox->n_fds = 0;
    buf_release(&inbox->in);
}

/*
 * Takes over the descriptors that came with a message. If there are more than fit in the inbox,
 * all of them are closed, because the kernel has opened as many as fitted in our control
 * buffer.
 */
static int frame_take_descriptors(struct msghdr *message, struct proto_inbox *inbox)
{
    int r = message->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (inbox->n_fds < PROTO_FDS) {
                inbox->fds[inbox->n_fds++] = fd;
            } else {
                close(fd);
                r = -EBADMSG;
            }
        }
    }
    for (; r < 0 && inbox->n_fds > 0; inbox->n_fds--)
        close(inbox->fds[inbox->n_fds - 1]);
    return r;
}

/* Makes room for the next read. The space of lines that were given out is used again. */
static int frame_make_room(struct proto_inbox *inbox)
{
    struct buf *in = &inbox->in;
    if (inbox->taken) {
        memmove(in->at, in->at + inbox->taken, in->len - inbox->taken);
        in->len -= inbox->taken;
        inbox->taken = 0;
    }
    size_t want = 16384, left = in->max - in->len;
    return left == 0 ? -E2BIG : buf_reserve(in, want < left ? want : left);
}

int proto_receive(int fd, struct proto_inbox *inbox)
{
    int r = frame_make_room(inbox);
    if (r < 0)
        return r;
    struct buf *in = &inbox->in;
    size_t room = in->cap - in->len;
    if (room > in->max - in->len)
        room = in->max - in->len;
    union {
        struct cmsghdr align;
        /* One more than we take, so that too many descriptors are noticed. */
        char at[CMSG_SPACE((PROTO_FDS + 1) * sizeof(int))];
    } control;
    struct iovec data = {.iov_base = in->at + in->len, .iov_len = room};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    r = frame_take_descriptors(&message, inbox);
    if (r < 0)
        return r;
    in->len += (size_t)n;
    return n > 0;
}

bool proto_next_line(struct proto_inbox *inbox, struct bytes *ret)
{
    struct bytes rest = bytes_from(buf_bytes(&inbox->in), inbox->taken);
    size_t end = bytes_find(rest, '\n');
    if (end == rest.len)
        return false;
    *ret = bytes_head(rest, end);
    inbox->taken += end + 1;
    return true;
}

ssize_t proto_send_some(int fd, struct bytes bytes)
{
    ssize_t n;
    do
        n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Sends what the socket takes at once, and the descriptors with it. */
static ssize_t frame_send_first(int fd, struct iovec data[2], const int *fds, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char at[CMSG_SPACE(PROTO_FDS * sizeof(int))];
    } control;
    memset(&control, 0, sizeof(control));
    struct msghdr message = {.msg_iov = data, .msg_iovlen = 2};
    if (n_fds) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int frame_wait_writable(int fd, uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    if (now >= deadline_ns)
        return -ETIMEDOUT;
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int n = poll(&one, 1, (int)((deadline_ns - now + 999999) / 1000000));
    return n < 0 && errno != EINTR ? -errno : 0;
}

int proto_send(int fd, struct bytes line, const int *fds, size_t n_fds, uint64_t timeout_ms)
{
    if (n_fds > PROTO_FDS)
        return -E2BIG;
    uint64_t deadline_ns = clock_now_ns() + timeout_ms * 1000000;
    char newline = '\n';
    size_t done = 0;
    while (done < line.len + 1) {
        struct bytes left = bytes_from(line, done);
        struct iovec data[2] = {
            /* sendmsg() only reads. */
            {.iov_base = (void *)(uintptr_t)left.at, .iov_len = left.len},
            {.iov_base = &newline, .iov_len = 1},
        };
        ssize_t n = frame_send_first(fd, data, fds, n_fds);
        int r = n >= 0 ? 0 : (int)n;
        if (n >= 0) {
            done += (size_t)n;
            n_fds = 0;
        } else if (r == -EAGAIN) {
            r = frame_wait_writable(fd, deadline_ns);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int proto_receive_output(int fd, int cancel_fd, uint64_t timeout_ms, int *ret_fd)
{
    struct proto_inbox inbox = PROTO_INBOX(64);
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = cancel_fd, .events = POLLRDHUP}};
    uint64_t deadline_ns = clock_now_ns() + timeout_ms * 1000000, now_ns;
    struct bytes line;
    int r = -ETIMEDOUT;
    while ((now_ns = clock_now_ns()) < deadline_ns) {
        if (poll(fds, 2, (int)((deadline_ns - now_ns + 999999) / 1000000)) < 0)
            continue;
        if (fds[1].revents)
            r = -ECANCELED;
        else if (fds[0].revents)
            r = proto_receive(fd, &inbox);
        if (r == 0)
            r = -ECANCELED;
        if (r == 1 && proto_next_line(&inbox, &line))
            break;
        if (r < 0 && r != -EAGAIN && r != -ETIMEDOUT)
            break;
        r = -ETIMEDOUT;
    }
    if (r == 1 && inbox.n_fds == 1) {
        *ret_fd = inbox.fds[0];
        inbox.n_fds = 0;
        r = 0;
    }
    proto_inbox_release(&inbox);
    return r > 0 ? -EBADMSG : r;
}
