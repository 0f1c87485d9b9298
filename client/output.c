/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

static int output_open_standard(struct output *out, struct failure *f)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) < 0)
        return fail_errno(f, -errno, "standard output");
    if (isatty(STDOUT_FILENO))
        return fail(f, -ENOTTY,
                    "standard output is a terminal, and a tar belongs in a builder: "
                    "ctx-send | docker build -   (or in a file: -o FILE)");
    out->fd = STDOUT_FILENO;
    return 0;
}

/* Makes up a name beside `path` that no other file has. */
static int output_name_part(struct output *out)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    struct bytes path = bytes_of(out->path), dir = path_dir(path);
    int n = snprintf(out->part, sizeof(out->part), "%.*s%s.ctx-send-%016llx", BYTES_ARG(dir),
                     path.len > path_name(path).len ? "/" : "", (unsigned long long)random);
    return n > 0 && (size_t)n < sizeof(out->part) ? 0 : -ENAMETOOLONG;
}

static int output_open_part(struct output *out)
{
    int r = output_name_part(out);
    if (r < 0)
        return r;
    struct bytes path = bytes_of(out->path), dir = path_dir(path);
    char at[PATH_MAX];
    snprintf(at, sizeof(at), "%.*s", BYTES_ARG(dir));
    const char *where = dir.len ? at : path.at[0] == '/' ? "/" : ".";
    out->fd = open(where, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (out->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        /* NFS, FAT and old kernels do not support O_TMPFILE. */
        out->fd = open(out->part, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
        out->named = out->fd >= 0;
    }
    return out->fd < 0 ? -errno : 0;
}

int output_open(struct output *out, const char *path, struct failure *f)
{
    struct stat st;
    if (!path || !strcmp(path, "-"))
        return output_open_standard(out, f);
    out->owned = true;
    out->path = path;
    /* If path is a symbolic link, replace its target, not the link. */
    out->resolved = realpath(path, NULL);
    if (out->resolved)
        out->path = out->resolved;
    if (stat(out->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        out->path = NULL;
        out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out->fd < 0 ? fail_errno(f, -errno, "can't write to %s", QUOTE(bytes_of(path)))
                           : 0;
    }
    int r = output_open_part(out);
    return r < 0 ? fail_errno(f, r, "can't write to %s", QUOTE(bytes_of(path))) : 0;
}

bool output_rewind(struct output *out)
{
    return out->path && ftruncate(out->fd, 0) == 0 && lseek(out->fd, 0, SEEK_SET) == 0;
}

int output_publish(struct output *out, struct failure *f)
{
    int r = 0;
    if (out->path && !out->named) {
        /* linkat() can't replace a file, rename() can: link to a temporary name first. */
        char unnamed[64];
        snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", out->fd);
        r = linkat(AT_FDCWD, unnamed, AT_FDCWD, out->part, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
        out->named = r == 0;
    }
    if (r == 0 && out->path) {
        r = rename(out->part, out->path) < 0 ? -errno : 0;
        out->named = out->named && r < 0;
    }
    /* A network file system may report a failed write only at close(). */
    if (r == 0 && out->owned) {
        r = close(out->fd) < 0 ? -errno : 0;
        out->fd = -1;
    }
    return r < 0 ? fail_errno(f, r, "can't complete %s",
                              QUOTE(bytes_of(out->path ? out->path : "the output")))
                 : 0;
}

void output_release(struct output *out)
{
    if (out->named)
        unlink(out->part);
    if (out->owned && out->fd >= 0)
        close(out->fd);
    free(out->resolved);
    *out = OUTPUT;
}
