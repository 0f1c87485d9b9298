/* SPDX-License-Identifier: Apache-2.0 */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

bool identify(int dir_fd, const char *path, int flags, struct identity *ret)
{
    struct statx st;
    /* AT_STATX_DONT_SYNC: these never change, so a file server need not be asked. */
    if (statx(dir_fd, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
              STATX_INO | STATX_MNT_ID, &st) < 0)
        return false;
    *ret = (struct identity){
        .dev = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
        .ino = st.stx_ino,
        .mount = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0,
    };
    return true;
}

bool same_mount(const struct identity *a, const struct identity *b)
{
    return a->dev == b->dev && a->mount == b->mount;
}

bool same_directory(const struct identity *a, const struct identity *b)
{
    return same_mount(a, b) && a->ino == b->ino;
}

void mounts_release(struct mounts *mounts)
{
    arena_release(&mounts->arena);
    *mounts = (struct mounts){0};
}

/* The value of "\ooo" at the begin of b, or -1 if there is none. */
static int mounts_escaped(struct bytes b)
{
    if (b.len < 4 || b.at[0] != '\\' || b.at[1] > '3')
        return -1;
    int value = 0;
    for (size_t i = 1; i < 4; i++) {
        if (b.at[i] < '0' || b.at[i] > '7')
            return -1;
        value = value * 8 + (b.at[i] - '0');
    }
    return value;
}

/* The kernel writes space, tab, newline and backslash (and, in some fields, '#') as \ooo. */
static struct bytes mounts_unescape(struct arena *a, struct bytes field)
{
    uint8_t *at = arena_alloc(a, field.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < field.len; i++) {
        int value = mounts_escaped(bytes_from(field, i));
        at[len++] = value < 0 ? field.at[i] : (uint8_t)value;
        i += value < 0 ? 0 : 3;
    }
    return bytes_at(at, len);
}

/* The fifth field of "36 35 98:0 /in/fs /mount/point rw,noatime … - ext3 /dev/root rw". */
static bool mounts_point(struct bytes line, struct bytes *ret)
{
    for (int field = 0; field < 5; field++)
        if (!bytes_next(&line, ' ', ret) || ret->len == 0)
            return false;
    return ret->at[0] == '/';
}

/* *ret: what follows root and a slash. false: path is root itself, or not below it. */
static bool mounts_path_below(struct bytes path, struct bytes root, struct bytes *ret)
{
    if (bytes_equal(root, BYTES("/")))
        root.len = 0;
    if (!bytes_starts(path, root) || path.len < root.len + 2 || path.at[root.len] != '/')
        return false;
    *ret = bytes_from(path, root.len + 1);
    return true;
}

static int mounts_compare(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

void mounts_parse(struct bytes text, struct bytes root, struct mounts *ret)
{
    /* Other mount points are freed line by line: a Docker host has thousands of mounts. */
    struct mounts found = {0};
    size_t cap = 0;
    struct bytes line;
    while (bytes_next(&text, '\n', &line)) {
        cleanup_arena struct arena scratch = {0};
        struct bytes field, below;
        if (!mounts_point(line, &field) ||
            !mounts_path_below(mounts_unescape(&scratch, field), root, &below))
            continue;
        *ARENA_PUSH(&found.arena, found.paths, &found.n, &cap) =
            arena_copy(&found.arena, below);
    }
    if (found.n)
        qsort(found.paths, found.n, sizeof(*found.paths), mounts_compare);
    size_t n = 0;
    for (size_t i = 0; i < found.n; i++)
        if (n == 0 || !bytes_equal(found.paths[n - 1], found.paths[i]))
            found.paths[n++] = found.paths[i];
    found.n = n;
    *ret = found;
}

int mounts_open(void)
{
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

bool mounts_changed(int fd)
{
    /* A changed table gives POLLERR and POLLPRI, once; the first poll() is about the time since
     * open(). Source: proc(5). */
    struct pollfd ask = {.fd = fd, .events = POLLPRI};
    int n;
    do
        n = poll(&ask, 1, 0);
    while (n < 0 && errno == EINTR);
    return n != 0;
}

int mounts_read(int fd, struct bytes root, struct mounts *ret)
{
    cleanup_buf struct buf text = BUF(MOUNTS_TEXT_MAX);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    int r = io_read_rest(fd, &text);
    if (r < 0)
        return r;
    mounts_parse(buf_bytes(&text), root, ret);
    return 0;
}
