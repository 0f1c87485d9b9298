/* SPDX-License-Identifier: Apache-2.0 */
#include "bases.h"

#include "base-config.h"
#include "engine.h"

#include <errno.h>
#include <fcntl.h>

/* ---- names ------------------------------------------------------------------------- */

static struct bytes bases_strip_prefix(struct bytes name, struct bytes prefix)
{
    return bytes_starts(name, prefix) ? bytes_from(name, prefix.len) : name;
}

/*
 * Returns the normal spelling of an image's name: "docker.io/library/x" becomes "x:latest". A
 * name with a digest loses its tag, because the digest alone decides.
 * Source: distribution/reference, ParseNormalizedNamed and TagNameOnly.
 */
static struct bytes bases_normal_name(struct arena *arena, struct bytes name)
{
    name = bases_strip_prefix(name, BYTES("index.docker.io/"));
    name = bases_strip_prefix(name, BYTES("docker.io/"));
    name = bases_strip_prefix(name, BYTES("library/"));
    struct bytes digest = bytes_from(name, bytes_find(name, '@'));
    name = bytes_head(name, name.len - digest.len);
    /* A colon before the last slash belongs to the port of the registry. */
    size_t colon = bytes_find_last(name, ':'), slash = bytes_find_last(name, '/');
    bool tagged = colon < name.len && (slash == name.len || colon > slash);
    if (digest.len)
        return arena_printf(arena, "%.*s%.*s",
                            BYTES_ARG(bytes_head(name, tagged ? colon : name.len)),
                            BYTES_ARG(digest));
    return tagged ? name : arena_printf(arena, "%.*s:latest", BYTES_ARG(name));
}

/* Tells whether list (RepoTags or RepoDigests) of an image contains a normalized name. */
static bool bases_image_is_called(const struct value *image, const char *list,
                                  struct bytes name, struct arena *arena)
{
    const struct value *names = value_get(image, list);
    for (size_t i = 0; i < value_count(names); i++) {
        struct bytes text = value_text(names->pairs[i].value);
        if (text.at && bytes_equal(bases_normal_name(arena, text), name))
            return true;
    }
    return false;
}

/* ---- a file ------------------------------------------------------------------------ */

/* `images` is one image or a list of them. */
static const struct value *bases_image_called(const struct value *images, struct bytes name,
                                              struct arena *arena)
{
    bool list = images->kind == VALUE_LIST;
    name = bases_normal_name(arena, name);
    for (size_t i = 0; i < (list ? images->n : 1); i++) {
        const struct value *image = list ? images->pairs[i].value : images;
        if (bases_image_is_called(image, "RepoTags", name, arena) ||
            bases_image_is_called(image, "RepoDigests", name, arena))
            return image;
    }
    return NULL;
}

static int bases_read_file(const char *path, struct arena *arena, struct df_base *bases,
                           size_t n, struct failure *f)
{
    cleanup_buf struct buf text = BUF(BASE_CONFIG_MAX);
    /* The file may be a pipe: --base-config=<(docker image inspect …). */
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r = fd < 0 ? -errno : io_read_rest(fd, &text);
    if (r < 0)
        return fail_errno(f, r, "--base-config: %s", QUOTE(bytes_of(path)));
    if (text.len == 0)
        return fail(f, -EINVAL, "--base-config: %s is empty", QUOTE(bytes_of(path)));
    cleanup_values struct values pool = {0};
    struct value *images;
    struct failure why;
    if (json_read(&pool, bytes_of(QUOTE(bytes_of(path))), buf_bytes(&text), &images, &why) < 0)
        return fail(f, -EINVAL, "--base-config: %s", why.text);
    if (images->kind != VALUE_LIST && images->kind != VALUE_MAP)
        return fail(f, -EINVAL, "--base-config: %s:1: it is no object and no array",
                    QUOTE(bytes_of(path)));
    for (size_t i = 0; i < n; i++) {
        const struct value *image = bases_image_called(images, bases[i].name, arena);
        if (!image)
            bases[i].reason = arena_printf(arena, "%s has no image of that name", path);
        else if (base_from_image(image, arena, &bases[i]) < 0)
            r = fail(f, -EINVAL, "--base-config: %s: image %s: %.*s", QUOTE(bytes_of(path)),
                     QUOTE(bases[i].name), BYTES_ARG(bases[i].reason));
    }
    return r;
}

int bases_find(const char *source, const struct bytes *names, size_t n_names,
               struct arena *arena, struct df_base **ret_bases, struct failure *f)
{
    struct df_base *bases = ARENA_ARRAY(arena, n_names, struct df_base);
    for (size_t i = 0; i < n_names; i++)
        bases[i] = (struct df_base){.name = names[i], .reason = BYTES("--base-config=none")};
    if (!strcmp(source, "engine")) {
        if (n_names > 0)
            engine_ask(bases, n_names, arena);
    } else if (strcmp(source, "none") != 0) {
        int r = bases_read_file(source, arena, bases, n_names, f);
        if (r < 0)
            return r;
    }
    *ret_bases = bases;
    return 0;
}
