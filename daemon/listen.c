/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The first descriptor that is given: SD_LISTEN_FDS_START of sd_listen_fds(3). */
#define FIRST_GIVEN 3
/* Connections that may wait to be accepted: as many as --max-clients allows by default. */
#define BACKLOG 128

/* ---- sockets that are given ------------------------------------------------------------ */

static int listener_take_given(int fd, struct listener *ret, struct failure *f)
{
    int domain = 0, listening = 0, type = 0;
    socklen_t len = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return fail_errno(f, -errno, "descriptor %d, given by LISTEN_FDS", fd);
    bool stream = listening && type == SOCK_STREAM;
    int *place = domain == AF_UNIX ? &ret->fd : domain == AF_INET ? &ret->http_fd : NULL;
    if (!stream || !place || *place >= 0)
        return fail(f, -EINVAL,
                    "descriptor %d, given by LISTEN_FDS: not a listening unix or IPv4 stream "
                    "socket, or the second of its kind",
                    fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fail_errno(f, -errno, "descriptor %d", fd);
    *place = fd;
    return 0;
}

/* 1: sockets were given. 0: none were. */
static int listener_given(struct listener *ret, struct failure *f)
{
    const char *pid_text = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
    uint64_t pid, n;
    if (!pid_text || !n_text || number_parse(bytes_of(pid_text), &pid) < 0 ||
        pid != (uint64_t)getpid() || number_parse(bytes_of(n_text), &n) < 0 || n == 0)
        return 0;
    if (n > 2)
        return fail(f, -EINVAL, "LISTEN_FDS=%s: at most two sockets", n_text);
    int r = 0;
    for (int i = 0; r == 0 && i < (int)n; i++)
        r = listener_take_given(FIRST_GIVEN + i, ret, f);
    /* They are not for programs that we start. */
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (r == 0 && ret->fd < 0)
        return fail(f, -EINVAL, "LISTEN_FDS gives no unix socket");
    return r < 0 ? r : 1;
}

/* ---- the socket that we make ----------------------------------------------------------- */

/* In a directory where others may rename, they could put their socket in the place of ours. */
static int listener_check_parent(const char *socket_path, struct failure *f)
{
    char dir[PATH_MAX];
    struct bytes parent = path_dir(bytes_of(socket_path));
    snprintf(dir, sizeof(dir), "%.*s", BYTES_ARG(parent));
    struct stat st;
    if (stat(dir[0] ? dir : "/", &st) < 0)
        return fail_errno(f, -errno, "the socket's directory %s", QUOTE(parent));
    bool foreign = st.st_uid != geteuid() && st.st_uid != 0;
    if (foreign || (st.st_mode & 022 && !(st.st_mode & S_ISVTX)))
        return fail(f, -EPERM,
                    "the socket's directory %s is %s: give --socket a place in one of your own",
                    QUOTE(parent), foreign ? "somebody else's" : "writable for others");
    return 0;
}

/* Bytes of the path of a lock. */
#define LOCK_PATH_MAX (PROTO_PATH_MAX + 8)

static void listener_lock_path(const char *socket_path, char path[LOCK_PATH_MAX])
{
    snprintf(path, LOCK_PATH_MAX, "%s.lock", socket_path);
}

/* How long we wait for a ctxd that has the lock but no socket: it has noticed that within a
 * second, and ends. */
#define LOCK_WAIT_MS 3000
#define LOCK_POLL_MS 20

static int listener_wait_for_lock(int fd, const char *socket_path)
{
    for (int waited_ms = 0;; waited_ms += LOCK_POLL_MS) {
        int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        if (r != -EWOULDBLOCK || waited_ms >= LOCK_WAIT_MS || access(socket_path, F_OK) == 0)
            return r;
        poll(NULL, 0, LOCK_POLL_MS);
    }
}

static int listener_take_lock(const char *socket_path, int *ret_fd, struct failure *f)
{
    char path[LOCK_PATH_MAX];
    listener_lock_path(socket_path, path);
    cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(f, -errno, "%s", QUOTE(bytes_of(path)));
    int r = listener_wait_for_lock(fd, socket_path);
    if (r < 0)
        return r == -EWOULDBLOCK
                   ? fail(f, -EADDRINUSE, "another ctxd serves %s; ctx stop ends it",
                          QUOTE(bytes_of(socket_path)))
                   : fail_errno(f, r, "%s", QUOTE(bytes_of(path)));
    /* `ctx stop` asks whether the lock is still that of the process it ended. */
    char pid[32];
    int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || io_write_full(fd, pid, (size_t)n) < 0)
        return fail_errno(f, -errno, "%s", QUOTE(bytes_of(path)));
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* A socket at the path was left by a daemon that died, because we hold the lock. */
static int listener_remove_stale(const char *path, struct failure *f)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : fail_errno(f, -errno, "%s", QUOTE(bytes_of(path)));
    if (!S_ISSOCK(st.st_mode))
        return fail(f, -EEXIST, "%s is there and is no socket", QUOTE(bytes_of(path)));
    return unlink(path) < 0 ? fail_errno(f, -errno, "%s", QUOTE(bytes_of(path))) : 0;
}

static int listener_make(const char *path, struct listener *ret, struct failure *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_errno(f, -errno, "a socket");
    mode_t mask = umask(0177);
    int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(mask);
    if (r < 0 || listen(fd, BACKLOG) < 0)
        return fail_errno(f, r < 0 ? r : -errno, "%s", QUOTE(bytes_of(path)));
    struct stat st;
    if (lstat(path, &st) < 0)
        return fail_errno(f, -errno, "%s", QUOTE(bytes_of(path)));
    ret->socket_dev = st.st_dev;
    ret->socket_ino = st.st_ino;
    ret->fd = steal_fd(&fd);
    return 0;
}

int listener_open(const struct config *config, struct listener *ret, struct failure *f)
{
    *ret = (struct listener){.fd = -1, .lock_fd = -1, .http_fd = -1};
    int r = listener_given(ret, f);
    if (r != 0)
        return r < 0 ? r : 0;
    r = listener_check_parent(config->socket, f);
    r = r < 0 ? r : listener_take_lock(config->socket, &ret->lock_fd, f);
    r = r < 0 ? r : listener_remove_stale(config->socket, f);
    r = r < 0 ? r : listener_make(config->socket, ret, f);
    ret->ours = r == 0;
    return r;
}

/* Whether the path still leads to that file. An error that says nothing counts as yes. */
static bool listener_path_is(const char *path, uint64_t dev, uint64_t ino)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno != ENOENT && errno != ENOTDIR;
    return st.st_dev == dev && st.st_ino == ino;
}

bool listener_is_found(const struct config *config, const struct listener *listener)
{
    char path[LOCK_PATH_MAX];
    struct stat st;
    if (!listener->ours)
        return true;
    listener_lock_path(config->socket, path);
    return listener_path_is(config->socket, listener->socket_dev, listener->socket_ino) &&
           (fstat(listener->lock_fd, &st) < 0 || listener_path_is(path, st.st_dev, st.st_ino));
}

void listener_unlink(const struct config *config, const struct listener *listener)
{
    /* Another ctxd's may be there by now. */
    if (listener->ours &&
        listener_path_is(config->socket, listener->socket_dev, listener->socket_ino))
        unlink(config->socket);
}
