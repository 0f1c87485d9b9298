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

/* ---- where Docker looks ---------------------------------------------------------------- */

/* Doesn't wait for the other end of a FIFO. */
#define CONTROL_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/*
 * A name in a directory. BuildKit transfers both to the builder and looks there, so a link is
 * followed as if the directory were the root of the file system.
 */
struct control_place {
    int dir_fd;
    bool owned;            /* dir_fd is closed with the place */
    struct bytes dir;      /* for messages; empty: the root of the context */
    const char *name;      /* of the Dockerfile, to which .dockerignore is added */
    bool lower_of_default; /* the name is dockerfile, because there is no Dockerfile */
};

static void control_place_release(struct control_place *place)
{
    if (place->owned)
        close(place->dir_fd);
    *place = (struct control_place){.dir_fd = -1};
}

#define cleanup_place __attribute__((cleanup(control_place_release)))

static const char *control_string(struct arena *arena, struct bytes text)
{
    return (const char *)arena_copy(arena, text).at; /* a NUL follows it */
}

static bool control_exists(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct bytes control_shown(struct arena *arena, const struct control_place *place,
                                  const char *name)
{
    return path_join(arena, place->dir, bytes_of(name));
}

/*
 * Finds the directory and the name of the Dockerfile. The path of -f is cut and cleaned as a
 * text, before links are followed, so that "link/../Dockerfile" is "Dockerfile", and "a/" is
 * "a" in a. If a directory has a dockerfile, but nothing with the name Dockerfile, its ignore
 * file is dockerfile.dockerignore. (Docker 20.10 takes Dockerfile.dockerignore.)
 * Source: buildx, loadInputs() and handleLowercaseDockerfile(); Go path/filepath Dir and Base.
 */
static int control_find_place(const struct control_request *request, struct arena *arena,
                              struct control_place *place, struct failure *f)
{
    *place = (struct control_place){.dir_fd = request->root_fd, .name = "Dockerfile"};
    if (request->dockerfile) {
        struct bytes path = bytes_of(request->dockerfile), name = path;
        while (name.len > 1 && name.at[name.len - 1] == '/')
            name.len--;
        place->name = control_string(arena, path_name(name));
        bool top = path.at[0] == '/' && path_dir(path).len == 0;
        place->dir = top ? BYTES("/") : path_clean(arena, path_dir(path));
        int fd = open(control_string(arena, place->dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return fail_errno(
                f, -errno,
                "can't open the directory of the Dockerfile %s (-f is relative to "
                "the working directory)",
                QUOTE(path));
        place->dir_fd = fd;
        place->owned = true;
        if (bytes_equal(place->dir, BYTES(".")))
            place->dir = BYTES("");
    }
    if (strcmp(place->name, "Dockerfile") == 0 &&
        !control_exists(place->dir_fd, "Dockerfile") &&
        control_exists(place->dir_fd, "dockerfile")) {
        place->name = "dockerfile";
        place->lower_of_default = true;
    }
    return 0;
}

/*
 * Opens a file as the builder finds it. -ENOENT also for a link that leads to nothing below the
 * directory or to itself; -EISDIR; -ENXIO for a socket, which is transferred as an empty file.
 */
static int control_open_in(int dir_fd, const char *name)
{
    int fd = io_open_in_root(dir_fd, name, CONTROL_FLAGS);
    struct stat st;
    if (fd == -ENOTDIR || fd == -ELOOP)
        return -ENOENT;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return -EISDIR;
    }
    return fd;
}

/*
 * The classic client follows links of the machine. Fails if that leads to another file than a
 * walk below the root, because nothing outside of it is read that the user didn't name.
 */
static int control_check_classic(int root_fd, const char *name, int fd, const char *option,
                                 struct failure *f)
{
    struct stat outside, inside;
    if (fd != -ENOENT && fd < 0)
        return 0; /* the caller has a message of its own */
    bool leads = fstatat(root_fd, name, &outside, 0) == 0;
    if (!leads && errno == ELOOP)
        return fail(f, -ELOOP, "%s is a link to itself", QUOTE(bytes_of(name)));
    if (fd >= 0 && fstat(fd, &inside) < 0)
        return fail_errno(f, -errno, "can't read %s", QUOTE(bytes_of(name)));
    if (leads == (fd >= 0) &&
        (!leads || (inside.st_dev == outside.st_dev && inside.st_ino == outside.st_ino)))
        return 0;
    return fail(f, -EXDEV,
                "%s is a link that leads out of the context, where the classic builder follows "
                "it; name the file with %s",
                QUOTE(bytes_of(name)), option);
}

/* ---- the Dockerfile -------------------------------------------------------------------- */

static int control_fail_dockerfile(const struct control_request *request, struct control *c,
                                   const struct control_place *place, int r, struct failure *f)
{
    struct bytes name = c->dockerfile_name;
    if (r == -EISDIR)
        return fail(f, r, "the Dockerfile %s is a directory", QUOTE(name));
    if (r == -ENXIO)
        return fail(f, r, "the Dockerfile %s is a socket", QUOTE(name));
    if (r == -ENOENT && control_exists(place->dir_fd, place->name))
        return fail(
            f, r,
            "the Dockerfile %s is a link that leads to no file below %s; name one with -f",
            QUOTE(name), request->dockerfile ? "its directory" : QUOTE(request->root_name));
    if (r == -ENOENT && !request->dockerfile)
        return fail(f, r, "no Dockerfile in %s; name one with -f", QUOTE(request->root_name));
    return fail_errno(f, r, "can't open the Dockerfile %s%s", QUOTE(name),
                      request->dockerfile ? " (-f is relative to the working directory)" : "");
}

/*
 * BuildKit looks for a dockerfile, too, if the Dockerfile can't be read: it is a directory, or
 * a link that leads to nothing. The ignore file keeps its name.
 */
static int control_open_dockerfile(const struct control_request *request, struct control *c,
                                   const struct control_place *place, struct failure *f)
{
    c->dockerfile_name = control_shown(&c->arena, place, place->name);
    int fd = control_open_in(place->dir_fd, place->name);
    if ((fd == -ENOENT || fd == -EISDIR) && strcmp(place->name, "Dockerfile") == 0) {
        int lower = control_open_in(place->dir_fd, "dockerfile");
        if (lower >= 0) {
            c->dockerfile_name = control_shown(&c->arena, place, "dockerfile");
            return lower;
        }
    }
    return fd < 0 ? control_fail_dockerfile(request, c, place, fd, f) : fd;
}

/*
 * The classic client opens what -f names, wherever it leads. Without -f it takes a dockerfile
 * only if nothing has the name Dockerfile.
 */
static int control_open_classic(const struct control_request *request, struct control *c,
                                struct failure *f)
{
    if (request->dockerfile) {
        struct bytes path = path_clean(&c->arena, bytes_of(request->dockerfile));
        c->dockerfile_name = arena_copy(&c->arena, path);
        struct control_place place = {.dir_fd = AT_FDCWD,
                                      .name = (const char *)c->dockerfile_name.at};
        int fd = open(place.name, CONTROL_FLAGS);
        return fd < 0 ? control_fail_dockerfile(request, c, &place, -errno, f) : fd;
    }
    struct control_place place = {.dir_fd = request->root_fd, .name = "Dockerfile"};
    if (!control_exists(place.dir_fd, place.name) && control_exists(place.dir_fd, "dockerfile"))
        place.name = "dockerfile";
    c->dockerfile_name = bytes_of(place.name);
    cleanup_fd int fd = control_open_in(place.dir_fd, place.name);
    int r = control_check_classic(place.dir_fd, place.name, fd, "-f", f);
    if (r < 0)
        return r;
    return fd < 0 ? control_fail_dockerfile(request, c, &place, fd, f) : steal_fd(&fd);
}

/* place: NULL for the classic builder. */
static int control_load_dockerfile(const struct control_request *request, struct control *c,
                                   const struct control_place *place, struct failure *f)
{
    cleanup_fd int fd = place ? control_open_dockerfile(request, c, place, f)
                              : control_open_classic(request, c, f);
    return fd < 0 ? fd
                  : control_load_file(&c->arena, fd, c->dockerfile_name, DOCKERFILE_MAX,
                                      &c->dockerfile, &c->dockerfile_stat, f);
}

/* ---- the ignore file ------------------------------------------------------------------- */

static int control_read_ignore(struct control *c, int fd, struct bytes name, struct failure *f)
{
    struct stat st;
    int r = control_load_file(&c->arena, fd, name, IGNORE_FILE_MAX, &c->ignore, &st, f);
    if (r < 0)
        return fail_wrap(f, r, "ignore file");
    c->ignore_name = arena_copy(&c->arena, name);
    c->has_ignore = true;
    return 0;
}

/* For Docker, what can't be read as a file is no ignore file, which users overlook. */
static void control_note_no_file(struct bytes shown, int r, bool own, struct notes *notes)
{
    notes_add(notes, NOTE_WARNING, "%s is %s: %s, as with Docker", QUOTE(shown),
              r == -EISDIR ? "a directory" : "a link that leads to no file below its directory",
              own ? ".dockerignore of the context applies, if there is one"
                  : "nothing is excluded");
}

/*
 * Loads dir/name if it is a file. 1: loaded, 0: there is none, <0: failed. A file that can't be
 * read is an error, and so is a FIFO, for which Docker would wait for ever.
 */
static int control_take_ignore(struct control *c, const struct control_place *place,
                               const char *name, bool own, struct notes *notes,
                               struct failure *f)
{
    struct bytes shown = control_shown(&c->arena, place, name);
    cleanup_fd int fd = control_open_in(place->dir_fd, name);
    if (fd == -ENOENT && !control_exists(place->dir_fd, name))
        return 0;
    if (fd == -ENOENT || fd == -EISDIR) {
        control_note_no_file(shown, fd, own, notes);
        return 0;
    }
    if (fd == -ENXIO) {
        notes_add(notes, NOTE_WARNING,
                  "%s is a socket, which Docker reads as an empty ignore file", QUOTE(shown));
        c->ignore_name = shown;
        c->has_ignore = true;
        return 1;
    }
    if (fd < 0)
        return fail_errno(f, fd, "can't read the ignore file %s", QUOTE(shown));
    int r = control_read_ignore(c, fd, shown, f);
    return r < 0 ? r : 1;
}

static int control_take_named(const char *path, struct control *c, struct failure *f)
{
    struct bytes name = bytes_of(path);
    if (bytes_equal(name, BYTES("/dev/null"))) {
        c->has_ignore = true; /* the only device that is allowed: no rules */
        return 0;
    }
    cleanup_fd int fd = open(path, CONTROL_FLAGS);
    return fd < 0 ? fail_errno(f, -errno, "can't read the ignore file %s", QUOTE(name))
                  : control_read_ignore(c, fd, name, f);
}

/* The classic client opens .dockerignore of the context, and fails if that is no file. */
static int control_take_classic(const struct control_request *request, struct control *c,
                                struct notes *notes, struct failure *f)
{
    const char *name = ".dockerignore";
    cleanup_fd int fd = control_open_in(request->root_fd, name);
    int r = control_check_classic(request->root_fd, name, fd, "--ignore-file", f);
    if (r < 0)
        return r;
    if (fd == -ENOENT) {
        if (control_exists(request->root_fd, name))
            control_note_no_file(bytes_of(name), fd, false, notes);
        return 0;
    }
    if (fd == -EISDIR)
        return fail(f, fd, "ignore file: %s is a directory, which the classic builder refuses",
                    QUOTE(bytes_of(name)));
    if (fd < 0)
        return fail_errno(f, fd, "can't read the ignore file %s", QUOTE(bytes_of(name)));
    r = control_read_ignore(c, fd, bytes_of(name), f);
    return r < 0 ? r : 1;
}

/* The ignore file that belongs to the Dockerfile alone: as control_take_ignore(). */
static int control_take_own(struct control *c, const struct control_place *place,
                            struct notes *notes, struct failure *f)
{
    const char *name = (const char *)arena_printf(&c->arena, "%s.dockerignore", place->name).at;
    if (place->lower_of_default && control_exists(place->dir_fd, "Dockerfile.dockerignore"))
        notes_add(notes, NOTE_WARNING,
                  "%s is not read, because the Dockerfile is %s: rename it to %s (BuildKit's "
                  "client of Docker 20.10 reads it)",
                  QUOTE(control_shown(&c->arena, place, "Dockerfile.dockerignore")),
                  QUOTE(control_shown(&c->arena, place, place->name)), QUOTE(bytes_of(name)));
    return control_take_ignore(c, place, name, true, notes, f);
}

/* place: NULL for the classic builder. */
static int control_load_ignore(const struct control_request *request, struct control *c,
                               const struct control_place *place, struct notes *notes,
                               struct failure *f)
{
    c->ignore_name = BYTES(".dockerignore");
    if (request->ignore_file)
        return control_take_named(request->ignore_file, c, f);
    int r = place && place->name ? control_take_own(c, place, notes, f) : 0;
    if (r != 0)
        return r;
    struct control_place root = {.dir_fd = request->root_fd};
    r = place ? control_take_ignore(c, &root, ".dockerignore", false, notes, f)
              : control_take_classic(request, c, notes, f);
    c->ignore_of_root = r > 0;
    return r;
}

static int control_load_both(const struct control_request *request, struct control *c,
                             struct notes *notes, struct failure *f)
{
    cleanup_place struct control_place found = {.dir_fd = -1};
    const struct control_place *place = request->builder == SEND_CLASSIC ? NULL : &found;
    int r;
    if (request->dockerfile && strcmp(request->dockerfile, "-") == 0) {
        r = control_load_stdin(request, c, f); /* no ignore file belongs to it */
    } else {
        r = place ? control_find_place(request, &c->arena, &found, f) : 0;
        r = r < 0 ? r : control_load_dockerfile(request, c, place, f);
    }
    return r < 0 ? r : control_load_ignore(request, c, place, notes, f);
}

int control_load(const struct control_request *request, struct notes *notes,
                 struct control *ret, struct failure *f)
{
    struct control c = {0};
    int r = control_load_both(request, &c, notes, f);
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
