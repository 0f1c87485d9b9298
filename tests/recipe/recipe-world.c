/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe-world.h"

#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct world world_new(void)
{
    struct world w = {.path = "/tmp/ctxd-recipe-XXXXXX"};
    scratch_make(w.path);
    w.root = open(w.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w;
}

void world_end(struct world *w)
{
    notes_release(&w->notes);
    close(w->root);
    scratch_remove(w->path);
}

void world_put(const struct world *w, const char *path, struct bytes content)
{
    char dir[256];
    for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
        snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
        if (mkdirat(w->root, dir, 0755) < 0 && errno != EEXIST)
            abort();
    }
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, content.at, content.len) < 0)
        abort();
}

void world_put_text(const struct world *w, const char *path, const char *text)
{
    world_put(w, path, bytes_of(text));
}

struct bytes world_get(const struct world *w, struct arena *a, const char *path)
{
    cleanup_buf struct buf text = BUF(1 << 20);
    cleanup_fd int fd = openat(w->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || io_read_regular(fd, &text) < 0)
        return (struct bytes){NULL, 0};
    return arena_copy(a, buf_bytes(&text));
}

int world_prepare(struct world *w, const struct recipe_options *options, struct recipe **ret)
{
    cleanup_listing struct listing listing = {0};
    notes_release(&w->notes);
    w->notes = (struct notes){0};
    *ret = NULL;
    int r = listing_walk(w->root, NULL, &listing, &w->f);
    return r < 0 ? r : recipe_prepare(&listing, options, &w->notes, ret, &w->f);
}

struct recipe *world_recipe(struct world *w)
{
    struct recipe *recipe;
    TAP_CHECKF(world_prepare(w, &(struct recipe_options){0}, &recipe) == 0, "%s", w->f.text);
    return recipe;
}

struct bytes recipe_shape(const struct recipe *recipe, struct arena *a)
{
    struct bytes text = BYTES("");
    for (size_t i = 0; recipe && i < recipe->n_units; i++) {
        const struct recipe_unit *unit = &recipe->units[i];
        text = arena_printf(a, "%.*s%s%.*s %.*s:", BYTES_ARG(text), i ? "; " : "",
                            BYTES_ARG(unit->eco), BYTES_ARG(recipe_unit_dir(recipe, i)));
        for (size_t j = 0; j < unit->n_files; j++)
            text = arena_printf(a, "%.*s %.*s", BYTES_ARG(text),
                                BYTES_ARG(recipe->files[unit->files[j]].path));
        for (size_t j = 0; j < unit->n_stubs; j++)
            text = arena_printf(a, "%.*s +%.*s", BYTES_ARG(text),
                                BYTES_ARG(recipe->stubs[unit->stubs[j]].path));
    }
    return text;
}
