/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control files: the Dockerfile and the ignore file. Only these may be outside the root,
 * and only if the user named them.
 */
#include "content.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>

static int control_read_text(int fd, struct bytes name, size_t max, struct buf *text,
                             struct failure *f)
{
    /* A descriptor that can't be rewound is no regular file: io_read_regular() refuses it. */
    int r = lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE ? -errno : io_read_regular(fd, text);
    if (r == -EISDIR)
        return fail(f, r, "%s is a directory", QUOTE(name));
    if (r == -EINVAL)
        return fail(f, r, "%s is not a regular file", QUOTE(name));
    if (r == -E2BIG)
        return fail(f, r, "%s is larger than %zu MiB", QUOTE(name), max >> 20);
    return r < 0 ? fail_errno(f, r, "can't read %s", QUOTE(name)) : 0;
}

/* Reads an open control file in one version; tries again if it changes meanwhile. The caller
 * closes the descriptor. */
static int control_load_file(struct arena *arena, int fd, struct bytes name, size_t max,
                             struct bytes *ret_text, struct stat *ret_stat, struct failure *f)
{
    for (int tries = 0;; tries++) {
        cleanup_buf struct buf text = BUF(max);
        struct stat after;
        int r = content_settle(fd, ret_stat);
        if (r < 0)
            return fail_errno(f, r, "can't read %s", QUOTE(name));
        r = control_read_text(fd, name, max, &text, f);
        if (r < 0)
            return r;
        if (fstat(fd, &after) < 0)
            return fail_errno(f, -errno, "can't read %s", QUOTE(name));
        struct stat_identity was = stat_identity(ret_stat), is = stat_identity(&after);
        if (stat_identity_equal(&was, &is)) {
            *ret_text = arena_copy(arena, buf_bytes(&text));
            return 0;
        }
        if (tries == 5)
            return fail(f, -ESTALE, "%s keeps changing", QUOTE(name));
    }
}

static int control_load_stdin(const struct control_request *request, struct control *c,
                              struct failure *f)
{
    cleanup_buf struct buf text = BUF(DOCKERFILE_MAX);
    int r = io_read_rest(request->stdin_fd, &text);
    if (r == -E2BIG)
        return fail(f, r, "the Dockerfile on standard input is larger than %u MiB",
                    DOCKERFILE_MAX >> 20);
    if (r < 0)
        return fail_errno(f, r, "can't read the Dockerfile from standard input");
    c->dockerfile_name = BYTES("<stdin>");
    c->dockerfile = arena_copy(&c->arena, buf_bytes(&text));
    return 0;
}

/* Opens the Dockerfile that -f names, or the root's own, without blocking on a FIFO. */
static int control_open_dockerfile(const struct control_request *request, struct control *c,
                                   struct failure *f)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    if (request->dockerfile) {
        c->dockerfile_name = arena_copy(&c->arena, bytes_of(request->dockerfile));
        int fd = open(request->dockerfile, flags);
        return fd < 0 ? fail_errno(f, -errno,
                                   "can't open the Dockerfile %s (-f is relative to "
                                   "the working directory)",
                                   QUOTE(c->dockerfile_name))
                      : fd;
    }
    static const char *const names[] = {"Dockerfile", "dockerfile"};
    int fd = -ENOENT;
    for (size_t i = 0; i < ARRAY_SIZE(names) && fd == -ENOENT; i++) {
        c->dockerfile_name = bytes_of(names[i]);
        fd = io_open_in_root(request->root_fd, names[i], flags);
    }
    struct stat st;
    if (fd == -ENOENT && fstatat(request->root_fd, names[0], &st, AT_SYMLINK_NOFOLLOW) == 0)
        return fail(f, fd,
                    "%s of %s is a link to what the context doesn't have; name one with -f",
                    names[0], QUOTE(request->root_name));
    if (fd == -ENOENT)
        return fail(f, fd, "no Dockerfile in %s; name one with -f", QUOTE(request->root_name));
    return fd < 0 ? fail_errno(f, fd, "can't open %s in %s", QUOTE(c->dockerfile_name),
                               QUOTE(request->root_name))
                  : fd;
}

static int control_load_dockerfile(const struct control_request *request, struct control *c,
                                   struct failure *f)
{
    if (request->dockerfile && strcmp(request->dockerfile, "-") == 0)
        return control_load_stdin(request, c, f);
    cleanup_fd int fd = control_open_dockerfile(request, c, f);
    return fd < 0 ? fd
                  : control_load_file(&c->arena, fd, c->dockerfile_name, DOCKERFILE_MAX,
                                      &c->dockerfile, &c->dockerfile_stat, f);
}

/*
 * Loads the ignore file `name`; `fd` is the result of opening it. 1: loaded, 0: absent, <0:
 * failed. An ignore file that exists but can't be read is an error. (If it is a directory,
 * Docker sends everything.)
 */
static int control_take_ignore(struct control *c, int fd, struct bytes name, struct failure *f)
{
    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0;
    if (fd < 0)
        return fail_errno(f, fd, "can't read the ignore file %s", QUOTE(name));
    struct stat st;
    int r = control_load_file(&c->arena, fd, name, IGNORE_FILE_MAX, &c->ignore, &st, f);
    close(fd);
    if (r < 0)
        return fail_wrap(f, r, "ignore file");
    c->ignore_name = arena_copy(&c->arena, name);
    c->has_ignore = true;
    return 1;
}

/* For Docker, a link that leads out of the root or nowhere is no ignore file, which users
 * overlook. */
static void control_note_dead_link(int root_fd, const char *name, struct notes *notes)
{
    struct stat st;
    if (fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        notes_add(notes, NOTE_WARNING,
                  "%s is a link that leads to no file below the root: nothing is excluded, as "
                  "with Docker",
                  QUOTE(bytes_of(name)));
}

static int control_load_ignore(const struct control_request *request, struct control *c,
                               struct notes *notes, struct failure *f)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    c->ignore_name = BYTES(".dockerignore");
    if (request->ignore_file) {
        struct bytes name = bytes_of(request->ignore_file);
        if (bytes_equal(name, BYTES("/dev/null"))) {
            c->has_ignore = true; /* the only device that is allowed: no rules */
            return 0;
        }
        int fd = open(request->ignore_file, flags);
        if (fd < 0)
            return fail_errno(f, -errno, "can't read the ignore file %s", QUOTE(name));
        return control_take_ignore(c, fd, name, f);
    }
    if (request->builder != SEND_CLASSIC) {
        int fd, r;
        if (!request->dockerfile) {
            fd = io_open_in_root(request->root_fd, "Dockerfile.dockerignore", flags);
            r = control_take_ignore(c, fd, BYTES("Dockerfile.dockerignore"), f);
        } else if (strcmp(request->dockerfile, "-") == 0) {
            r = 0;
        } else {
            struct bytes name = arena_printf(&c->arena, "%s.dockerignore", request->dockerfile);
            fd = open((const char *)name.at, flags);
            r = control_take_ignore(c, fd < 0 ? -errno : fd, name, f);
        }
        if (r != 0)
            return r;
    }
    int fd = io_open_in_root(request->root_fd, ".dockerignore", flags);
    int r = control_take_ignore(c, fd, BYTES(".dockerignore"), f);
    c->ignore_of_root = r > 0;
    if (r == 0)
        control_note_dead_link(request->root_fd, ".dockerignore", notes);
    return r;
}

int control_load(const struct control_request *request, struct notes *notes,
                 struct control *ret, struct failure *f)
{
    struct control c = {0};
    int r = control_load_dockerfile(request, &c, f);
    if (r >= 0)
        r = control_load_ignore(request, &c, notes, f);
    if (r < 0) {
        control_release(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void control_release(struct control *control)
{
    arena_release(&control->arena);
    *control = (struct control){0};
}
