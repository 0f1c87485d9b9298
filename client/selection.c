/* SPDX-License-Identifier: Apache-2.0 */
#include "selection.h"

#include "bases.h"

#include <errno.h>
#include <fcntl.h>

static bool selection_is_url(const char *path)
{
    return strstr(path, "://") || !strncmp(path, "git@", 4);
}

static int selection_open_root(const char *path, struct failure *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int r = -errno;
    const char *shown = QUOTE(bytes_of(path));
    if (!strcmp(path, "-"))
        return fail(f, r,
                    "PATH is -: ctx-send reads a directory; docker build - takes a tar by "
                    "itself");
    if (selection_is_url(path))
        return fail(f, r,
                    "PATH is %s: ctx-send reads a directory; docker build takes a URL by "
                    "itself",
                    shown);
    if (r == -ENOTDIR)
        return fail(f, r, "PATH is %s, which is no directory; a Dockerfile is given with -f",
                    shown);
    return fail_errno(f, r, "can't open PATH %s", shown);
}

/* Finds out about base images, because what the Dockerfile reads depends on them. */
static int selection_find_bases(struct selection *selection, struct options *options,
                                struct failure *f)
{
    struct bytes *names = NULL;
    struct df_base *bases = NULL;
    size_t n = 0;
    /* Even if nobody is to be asked: a fault of the Dockerfile or the target ends here. */
    int r = dockerfile_bases(selection->dockerfile, &selection->reads, &names, &n, f);
    /* Even without names: a --base-config file that can't be read is an error all the same. */
    if (r == 0 && options->base_config)
        r = bases_find(options->base_config, names, n, &options->arena, &bases, f);
    if (r == 0) {
        selection->reads.bases = bases;
        selection->reads.n_bases = bases ? n : 0;
    }
    return r;
}

static enum df_builder selection_builder(enum send_builder builder)
{
    static const enum df_builder same[] = {
        [SEND_ANY] = DF_ANY, [SEND_BUILDKIT] = DF_BUILDKIT, [SEND_CLASSIC] = DF_CLASSIC};
    return same[builder];
}

int selection_open(struct selection *selection, struct options *options, struct notes *notes,
                   struct failure *f)
{
    int root_fd = selection_open_root(options->path, f);
    if (root_fd < 0)
        return root_fd;
    selection->root_fd = root_fd;
    selection->root_name = bytes_of(options->path);
    int r = control_load(&(struct control_request){.root_fd = root_fd,
                                                   .root_name = selection->root_name,
                                                   .dockerfile = options->file,
                                                   .stdin_fd = STDIN_FILENO,
                                                   .ignore_file = options->ignore_file,
                                                   .builder = options->builder},
                         notes, &selection->control, f);
    if (r < 0)
        return r;
    r = dockerfile_load(selection->control.dockerfile_name, selection->control.dockerfile,
                        &selection->dockerfile, f);
    if (r < 0)
        return r;
    selection->reads = (struct df_request){.target = options->target,
                                           .builder = selection_builder(options->builder),
                                           .args = options->args,
                                           .n_args = options->n_args,
                                           .args_final = options->args_final,
                                           .platform = options->platform,
                                           .trusted = options->trusted,
                                           .n_trusted = options->n_trusted};
    return selection_find_bases(selection, options, f);
}

void selection_release(struct selection *selection)
{
    if (selection->root_fd >= 0)
        close(selection->root_fd);
    dockerfile_free(selection->dockerfile);
    control_release(&selection->control);
    *selection = SELECTION;
}

void selection_request(const struct selection *selection, const struct options *options,
                       struct send_request *ret)
{
    *ret = (struct send_request){.root_fd = selection->root_fd,
                                 .root_name = selection->root_name,
                                 .control = &selection->control,
                                 .dockerfile = selection->dockerfile,
                                 .reads = selection->reads,
                                 .builder = options->builder,
                                 .full = options->full,
                                 .recipe = options->recipe,
                                 .recipe_ecos = options->recipe_ecos,
                                 .verify = options->verify,
                                 .mtime = options->mtime,
                                 .mtime_seconds = options->mtime_seconds,
                                 .dockerfile_mode = options->dockerfile_mode,
                                 .codec = options->codec,
                                 .level = options->level,
                                 .max_bytes = options->max_bytes,
                                 .max_files = options->max_files,
                                 .out_fd = -1};
}
