/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy is the file beside the Dockerfile that has its name and `.rego`. Where buildx finds
 * only a `dockerfile`, it takes that name. A link is followed wherever it leads; one that leads
 * nowhere is no policy. buildx enforces it so:
 *
 *     builds of        by itself                             --policy filename=cwd://FILE
 *     a directory      yes                                   yes
 *     a stream         no                                    yes
 *     a URL            if the answer has it, at its          yes
 *                      root, as Dockerfile.rego
 *
 * With BUILDX_GIT_LABELS it labels the image of a directory with the commit.
 */
#include "buildx-local.h"

#include <fcntl.h>

/* Tells whether the last component is a Dockerfile that only its lower-case twin can be. */
static bool buildx_is_lower(struct bytes path, struct arena *arena, int dir_fd,
                            struct bytes *ret_lower)
{
    size_t dir = bytes_find_last(path, '/');
    dir = dir == path.len ? 0 : dir + 1;
    struct stat st;
    if (!bytes_equal(bytes_from(path, dir), BYTES("Dockerfile")) ||
        fstatat(dir_fd, (const char *)path.at, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    *ret_lower = arena_printf(arena, "%.*sdockerfile", BYTES_ARG(bytes_head(path, dir)));
    return fstatat(dir_fd, (const char *)ret_lower->at, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The policy's path, relative to dir_fd; empty: there is none. */
static struct bytes buildx_find_policy(struct arena *arena, int dir_fd, const char *dockerfile)
{
    struct bytes path = arena_printf(arena, "%s", dockerfile), lower;
    if (buildx_is_lower(path, arena, dir_fd, &lower))
        path = lower;
    path = arena_printf(arena, "%.*s.rego", BYTES_ARG(path));
    return faccessat(dir_fd, (const char *)path.at, F_OK, 0) == 0 ? path : BYTES("");
}

/* Tells whether `cwd://PATH` can name it: buildx takes no path that leaves the working
 * directory. */
static bool buildx_can_name(struct bytes path)
{
    struct bytes part;
    if (bytes_starts(path, BYTES("/")))
        return false;
    while (bytes_next(&path, '/', &part))
        if (bytes_equal(part, BYTES("..")))
            return false;
    return true;
}

static void buildx_note_policy(const struct selection *selection, const struct options *options,
                               enum buildx_use use, struct notes *notes)
{
    static const char *const whats[] = {
        [BUILDX_STREAM] = "docker build PATH enforces this policy, but docker build - does not",
        [BUILDX_URL] = "docker build PATH enforces this policy, but docker build URL does so "
                       "only if the context has it as Dockerfile.rego",
        [BUILDX_DIGEST] = "docker build PATH enforces this policy, but the digest does not "
                          "depend on it",
    };
    cleanup_arena struct arena arena = {0};
    const char *file = options->file;
    if (file && !strcmp(file, "-"))
        return;
    struct bytes found = file ? buildx_find_policy(&arena, AT_FDCWD, file)
                              : buildx_find_policy(&arena, selection->root_fd, "Dockerfile");
    if (found.len == 0)
        return;
    struct bytes root = selection->root_name;
    if (!file && !bytes_equal(root, BYTES(".")))
        found = arena_printf(&arena, "%.*s%s%.*s", BYTES_ARG(root),
                             bytes_ends(root, BYTES("/")) ? "" : "/", BYTES_ARG(found));
    const char *shown = QUOTE(found);
    if (use == BUILDX_DIGEST)
        notes_add(notes, NOTE_WARNING, "%s: %s; add its hash to your key", shown, whats[use]);
    else if (buildx_can_name(found))
        notes_add(notes, NOTE_WARNING, "%s: %s; give it --policy %s", shown, whats[use],
                  QUOTE(arena_printf(&arena, "filename=cwd://%.*s", BYTES_ARG(found))));
    else
        notes_add(notes, NOTE_WARNING,
                  "%s: %s; run it in a directory above the file, with "
                  "--policy filename=cwd://FILE",
                  shown, whats[use]);
}

/* Tells whether the variable turns the labels on, by the rules of Go's ParseBool(). */
static bool buildx_labels(void)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True", "full"};
    const char *value = getenv("BUILDX_GIT_LABELS");
    for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++)
        if (!strcmp(value, yes[i]))
            return true;
    return false;
}

void buildx_note(const struct selection *selection, const struct options *options,
                 enum buildx_use use, struct notes *notes)
{
    if (options->builder == SEND_CLASSIC)
        return;
    buildx_note_policy(selection, options, use, notes);
    if (use != BUILDX_DIGEST && buildx_labels())
        notes_add(notes, NOTE_WARNING,
                  "BUILDX_GIT_LABELS: docker build PATH labels the image with its commit, but "
                  "docker build %s does not; give it --label "
                  "org.opencontainers.image.revision=$(git rev-parse HEAD)",
                  use == BUILDX_URL ? "URL" : "-");
}
