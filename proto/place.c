/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * Checks that only the user can write to the directory. Another user who could write there
 * could put a socket in place of ours, and clients would send it the descriptors of a context.
 */
static int place_check_directory(const char *path, struct failure *f)
{
    struct stat st;
    const char *shown = QUOTE(bytes_of(path));
    if (lstat(path, &st) < 0)
        return fail_errno(f, -errno, "%s", shown);
    if (S_ISLNK(st.st_mode))
        return fail(f, -EPERM, "%s is a symbolic link; remove it, it must be a directory",
                    shown);
    if (!S_ISDIR(st.st_mode))
        return fail(f, -EPERM, "%s is no directory; remove it", shown);
    if (st.st_uid != geteuid())
        return fail(f, -EPERM,
                    "%s belongs to user %u, not to %u; remove it, or set "
                    "XDG_RUNTIME_DIR to a directory of your own",
                    shown, st.st_uid, geteuid());
    if (st.st_mode & 077)
        return fail(f, -EPERM, "%s is open to others (mode %04o); chmod 700 it", shown,
                    st.st_mode & 07777);
    return 0;
}

int proto_directory(bool make, char path[PATH_MAX], struct failure *f)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int n = runtime && runtime[0] == '/'
                ? snprintf(path, PATH_MAX, "%s/ctxd", runtime)
                : snprintf(path, PATH_MAX, "/tmp/ctxd-%u", (unsigned)geteuid());
    if (n < 0 || n >= PATH_MAX)
        return fail(f, -ENAMETOOLONG, "XDG_RUNTIME_DIR is too long a path");
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return fail_errno(f, -errno, "can't make %s", QUOTE(bytes_of(path)));
    return place_check_directory(path, f);
}

int proto_socket_path(bool make, char path[PROTO_PATH_MAX], struct failure *f)
{
    const char *named = getenv("CTXD_SOCKET");
    char directory[PATH_MAX];
    int n;
    if (named && *named) {
        n = snprintf(path, PROTO_PATH_MAX, "%s", named);
    } else {
        int r = proto_directory(make, directory, f);
        if (r < 0)
            return r;
        n = snprintf(path, PROTO_PATH_MAX, "%s/ctxd.sock", directory);
    }
    if (n < 0 || n >= PROTO_PATH_MAX)
        return fail(f, -ENAMETOOLONG,
                    "the socket's path is longer than %d bytes; set CTXD_SOCKET to a "
                    "shorter one",
                    PROTO_PATH_MAX - 1);
    return 0;
}

int proto_check_peer(int fd, struct failure *f)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return fail_errno(f, -errno, "can't tell who is at the other end of the socket");
    if (peer.uid != geteuid() && peer.uid != 0)
        return fail(f, -EPERM, "the other end of the socket is user %u, not %u", peer.uid,
                    geteuid());
    return 0;
}

int proto_connect(const char *path, int *ret_fd, struct failure *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof(address.sun_path))
        return fail(f, -ENAMETOOLONG, "%s is too long for a socket", QUOTE(bytes_of(path)));
    memcpy(address.sun_path, path, len);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(f, -errno, "a socket");
    /* Don't wait for a daemon whose queue is full: the client does the work itself then. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return fail_errno(f, -errno, "a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail_errno(f, -errno, "%s", QUOTE(bytes_of(path)));
    int r = proto_check_peer(fd, f);
    if (r < 0)
        return fail_wrap(f, r, "%s", QUOTE(bytes_of(path)));
    if (fcntl(fd, F_SETFL, 0) < 0)
        return fail_errno(f, -errno, "a socket");
    *ret_fd = steal_fd(&fd);
    return 0;
}

void proto_mount_namespace(uint64_t *ret_dev, uint64_t *ret_ino)
{
    struct stat st;
    bool known = stat("/proc/self/ns/mnt", &st) == 0;
    *ret_dev = known ? st.st_dev : 0;
    *ret_ino = known ? st.st_ino : 0;
}
