/* SPDX-License-Identifier: Apache-2.0 */
#include "request-load.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads a file from its beginning to its end. Its size is not trusted. */
static int load_text(struct arena *arena, int fd, uint32_t max, const char *what,
                     struct bytes *ret, struct failure *f)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_SET) < 0)
        return fail(f, -EINVAL, "the descriptor \"%s\" is no regular file", what);
    cleanup_buf struct buf text = BUF(max);
    int r = io_read_rest(fd, &text);
    if (r < 0)
        return fail_errno(f, r, "reading the descriptor \"%s\"", what);
    *ret = arena_copy(arena, buf_bytes(&text));
    return 0;
}

static int load_texts(struct proto_request *request, struct failure *f)
{
    struct control *control = &request->control;
    int r = load_text(&control->arena, request->fds[PROTO_FD_DOCKERFILE], DOCKERFILE_MAX,
                      "dockerfile", &control->dockerfile, f);
    if (r == 0 && control->has_ignore)
        r = load_text(&control->arena, request->fds[PROTO_FD_IGNORE], IGNORE_FILE_MAX, "ignore",
                      &control->ignore, f);
    for (int i = PROTO_FD_DOCKERFILE; i <= PROTO_FD_IGNORE; i++)
        if (request->fds[i] >= 0)
            close(steal_fd(&request->fds[i]));
    return r;
}

/* A path of the request as a C string; NULL if it is empty. A NUL follows it: arena_copy(). */
static const char *load_path(struct bytes path)
{
    return path.len ? (const char *)path.at : NULL;
}

static int load_files(struct proto_request *request, int root_fd, struct notes *notes,
                      struct failure *f)
{
    struct control found;
    struct control_request files = {
        .root_fd = root_fd,
        .root_name = request->send.root_name,
        .dockerfile = load_path(request->dockerfile_path),
        .stdin_fd = -1,
        .ignore_file = load_path(request->ignore_path),
        .builder = request->send.builder,
    };
    int r = control_load(&files, notes, &found, f);
    if (r < 0)
        return r;
    control_release(&request->control);
    request->control = found;
    return 0;
}

int proto_request_load(struct proto_request *request, int root_fd, struct notes *notes,
                       struct dockerfile **ret, struct failure *f)
{
    int r = request->fds[PROTO_FD_DOCKERFILE] >= 0 ? load_texts(request, f)
                                                   : load_files(request, root_fd, notes, f);
    if (r == 0)
        r = dockerfile_load(request->control.dockerfile_name, request->control.dockerfile, ret,
                            f);
    if (r < 0)
        return r;
    request->send.root_fd = root_fd;
    request->send.dockerfile = *ret;
    return 0;
}
