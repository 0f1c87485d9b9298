/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbolic links that the patterns pass through. If `cur` is a link, a COPY of `cur/app` reads
 * the link and what the link leads to:
 *
 *     cur            -> releases/7      pattern cur/app
 *     releases/7/app -> ../6/app        adds cur, releases/7/app   (the links)
 *                                            releases/6/app        (what is copied)
 *
 * Steps wait in a queue. A step is a directory, whose path contains no link, and the components
 * that remain to be walked from it. A step that was queued once is not queued again, so loops
 * end by themselves. A chain that grows with every link ends at a maximum length, and counts as
 * dangling.
 *
 * BuildKit's client resolves links of the first wildcard component only (fsutil
 * followlinks.go). If it finds a link there, it sends all that the component matches. The
 * targets of deeper links don't reach its builder, so a COPY with a wildcard above a link may
 * copy nothing, without a message. The classic builder has the whole context and follows every
 * link. So if the request's builder is BuildKit, this file follows the links that its client
 * follows. Otherwise it follows all of them; then a COPY finds its file in the stream, even if
 * BuildKit's own client would not have sent it. Of a source with a pivot all that BuildKit's
 * client sends is sent in any case, because BuildKit copies names from there (df_pivot).
 *
 * Builders also disagree on a `..` after a name in the text of a link: BuildKit cleans the
 * text, the classic builder walks it. If either may build, both ways are followed.
 *
 * A widened pattern may stand for any path below it, so every link below it is followed.
 * The kernel never follows a link for us, and nothing outside the root is opened.
 */
#include "reads-set.h"
#include "select.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

enum {
    LINKS_MAX = 255,      /* links in one chain; the builders' own resolvers give up there */
    STEPS_MAX = 1 << 20,  /* steps queued in all; past it everything is read */
    HEAD_MAX = 64 * 1024, /* bytes of link text that remain: sixteen times PATH_MAX */
};

struct follow_step {
    struct follow_step *next;
    struct bytes dir; /* the directory: relative to the root, no link in it */
    struct bytes
        head; /* components to walk first: of a link's text, no wildcards, maybe ".." */
    struct bytes rest;  /* components of the pattern to walk then; at == NULL: none is left */
    struct bytes via;   /* the first link on the way; empty: there was none */
    unsigned links;     /* links on the way so far */
    bool covered;       /* a read contains all that rest leads to from here without links */
    bool sweep;         /* look for links everywhere below dir */
    bool deeper;        /* a component with wildcards is behind it */
    struct df_read why; /* the read that the step comes from */
};

struct follower {
    struct reads *reads;
    struct arena arena;
    struct table seen;  /* steps queued */
    struct table added; /* reads added */
    struct follow_step *first, **last;
    size_t n_steps;
    int root_fd;
    bool overflow;
};

static const struct bytes none = {NULL, 0};

/* Two steps with the same key find the same. */
static struct bytes follow_step_key(struct follower *fo, const struct follow_step *s)
{
    const struct bytes parts[] = {s->dir, s->head, s->rest};
    uint8_t *key = arena_alloc(&fo->arena, s->dir.len + s->head.len + s->rest.len + 4);
    size_t len = 0;
    key[len++] = (uint8_t)(s->sweep | s->why.literal << 1 | (s->why.widened.len > 0) << 2 |
                           (s->rest.at != NULL) << 3 | s->covered << 4 | s->why.globstar << 5 |
                           s->why.pivot << 6 | s->deeper << 7);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (parts[i].at)
            memcpy(key + len, parts[i].at, parts[i].len);
        len += parts[i].len;
        key[len++] = 0;
    }
    return bytes_at(key, len);
}

static void follow_queue(struct follower *fo, struct follow_step step)
{
    if (step.head.len > HEAD_MAX || step.links > LINKS_MAX)
        return;
    if (fo->n_steps == STEPS_MAX) {
        fo->overflow = true;
        return;
    }
    bool new;
    *table_put(&fo->seen, follow_step_key(fo, &step), &new) = 1;
    if (!new)
        return;
    fo->n_steps++;
    step.next = NULL;
    struct follow_step *queued = ARENA_NEW(&fo->arena, struct follow_step);
    *queued = step;
    *fo->last = queued;
    fo->last = &queued->next;
}

static struct bytes follow_escape_glob(struct arena *a, struct bytes path)
{
    uint8_t *out = arena_alloc(a, path.len * 2);
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        if (strchr("*?[\\", path.at[i]))
            out[len++] = '\\';
        out[len++] = path.at[i];
    }
    return bytes_at(out, len);
}

/* Adds path/rest, once, as a read of the same line and kind as s->why. */
static void follow_add_read(struct follower *fo, const struct follow_step *s, struct bytes path,
                            struct bytes link, struct bytes rest)
{
    struct arena *a = &fo->reads->arena;
    struct df_read read = s->why;
    bool new;
    read.literal = !rest.at || s->why.literal;
    read.pattern = rest.at && !read.literal ? follow_escape_glob(&fo->arena, path) : path;
    if (rest.at)
        read.pattern = path_join(&fo->arena, read.pattern, rest);
    struct bytes key = arena_printf(&fo->arena, "%d%d%d%.*s", read.literal, read.globstar,
                                    read.widened.len > 0, BYTES_ARG(read.pattern));
    *table_put(&fo->added, key, &new) = 1;
    if (!new)
        return;
    read.pattern = arena_copy(a, read.pattern);
    read.via = arena_copy(a, s->via.len ? s->via : link);
    if (reads_add(fo->reads, read, NULL) < 0)
        fo->overflow = true;
}

/* Tells whether a `..` comes after a name in the text of a link. */
static bool follow_walks_back(struct bytes text)
{
    struct bytes rest = text, name = none;
    bool named = false;
    while (bytes_next(&rest, '/', &name)) {
        bool up = bytes_equal(name, BYTES(".."));
        if (up && named)
            return true;
        named = named || (name.len && !up && !bytes_equal(name, BYTES(".")));
    }
    return false;
}

/* Adds the link s->dir/name, and queues a step to its target; s->head and s->rest follow it. */
static void follow_link(struct follower *fo, const struct follow_step *s, struct bytes name,
                        struct bytes text)
{
    struct arena *a = &fo->arena;
    struct bytes path = path_join(a, s->dir, name);
    if (!s->covered || s->head.len || s->rest.at)
        follow_add_read(fo, s, path, path, none);
    struct follow_step on = *s;
    on.sweep = on.covered = false;
    on.links++;
    on.via = s->via.len ? s->via : path;
    bool absolute = text.len && text.at[0] == '/';
    if (absolute)
        on.dir = BYTES("");
    on.head = s->head.len ? arena_printf(a, "%.*s/%.*s", BYTES_ARG(text), BYTES_ARG(s->head))
                          : arena_copy(a, text);
    bool lexical = follow_walks_back(text);
    if (!lexical || fo->reads->deep_links)
        follow_queue(fo, on);
    if (!lexical)
        return;
    struct bytes clean = path_clean_root(a, path_join(a, on.dir, text));
    on.dir = BYTES("");
    on.head = s->head.len ? path_join(a, clean, s->head) : clean;
    follow_queue(fo, on);
}

/* Tells whether the error only means that nothing is there which a builder could read. */
static bool follow_is_absence(int r)
{
    return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EACCES || r == -EPERM ||
           r == -ENAMETOOLONG || r == -EXDEV || r == -EINVAL || r == -ESTALE;
}

static int follow_open_dir(const struct follower *fo, struct bytes dir, int flags)
{
    char path[PATH_MAX];
    if (dir.len >= sizeof(path))
        return -ENAMETOOLONG;
    memcpy(path, dir.at, dir.len);
    path[dir.len] = '\0';
    return io_open_beneath(fo->root_fd, path, flags | O_DIRECTORY);
}

/* 1 and the text: dirfd/name is a link. 0: it is something else. Else -errno. */
static int follow_read_link(struct follower *fo, int dirfd, struct bytes name,
                            struct bytes *ret)
{
    char file[NAME_MAX + 1], text[PATH_MAX + 1];
    if (name.len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(file, name.at, name.len);
    file[name.len] = '\0';
    ssize_t len = readlinkat(dirfd, file, text, sizeof(text));
    if (len < 0)
        return errno == EINVAL ? 0 : -errno;
    *ret = arena_copy(&fo->arena, bytes_at(text, (size_t)len));
    return 1;
}

static int follow_entry(struct follower *fo, const struct follow_step *s, struct bytes pattern,
                        int dirfd, const struct dirent *entry)
{
    struct bytes name = bytes_of(entry->d_name), text = none;
    bool is_link = entry->d_type == DT_LNK, is_dir = entry->d_type == DT_DIR;
    if (is_link || entry->d_type == DT_UNKNOWN) {
        int r = follow_read_link(fo, dirfd, name, &text);
        if (r < 0)
            return follow_is_absence(r) ? 0 : r;
        if (r == 1) {
            bool first = !fo->reads->deep_links || (s->why.pivot && !s->deeper);
            if (first && !s->sweep && s->rest.at)
                follow_add_read(fo, s, s->dir, none, pattern);
            follow_link(fo, s, arena_copy(&fo->arena, name), text);
            return 0;
        }
        is_dir = true; /* maybe; a later open tells */
    }
    bool deeper = s->sweep || (s->rest.at ? fo->reads->deep_links : s->why.widened.len > 0);
    if (is_dir && deeper) {
        struct follow_step below = *s;
        below.dir = path_join(&fo->arena, s->dir, name);
        below.sweep = !s->rest.at;
        below.deeper = true;
        follow_queue(fo, below);
    }
    return 0;
}

/* Follows the links in s->dir whose names match; s->head and s->rest follow them. */
static int follow_names(struct follower *fo, const struct follow_step *s, struct bytes pattern)
{
    int fd = follow_open_dir(fo, s->dir, O_RDONLY);
    if (fd < 0)
        return follow_is_absence(fd) ? 0 : fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int r = -errno;
        close(fd);
        return r;
    }
    int r = 0;
    for (errno = 0; r == 0 && !fo->overflow; errno = 0) {
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            r = errno ? -errno : 1;
            break;
        }
        struct bytes name = bytes_of(entry->d_name);
        if (bytes_equal(name, BYTES(".")) || bytes_equal(name, BYTES("..")))
            continue;
        if (s->sweep || glob_match(pattern, name))
            r = follow_entry(fo, s, pattern, fd, entry);
    }
    closedir(dir);
    return r < 0 && !follow_is_absence(r) ? r : 0;
}

/* No component is left: the pattern leads to s->dir. */
static void follow_arrive(struct follower *fo, const struct follow_step *s)
{
    /* A widened pattern already reads and sweeps everything in its own directory. */
    if (s->links && s->why.widened.len && s->why.literal && path_under(s->dir, s->why.pattern))
        return;
    if (!s->covered)
        follow_add_read(fo, s, s->dir, none, none);
    if (s->why.widened.len) {
        struct follow_step sweep = *s;
        sweep.sweep = sweep.covered = true;
        follow_queue(fo, sweep);
    }
}

/* Takes the next component off the step. False: none is left. *ret_plain: it has no wildcards,
 * whatever its characters. */
static bool follow_next_name(struct follow_step *s, struct bytes *ret_name, bool *ret_plain)
{
    while (s->head.len) {
        if (!bytes_next(&s->head, '/', ret_name))
            break;
        if (!s->head.at)
            s->head = BYTES("");
        *ret_plain = true;
        if (ret_name->len && !bytes_equal(*ret_name, BYTES(".")))
            return true;
    }
    *ret_plain = s->why.literal;
    return bytes_next(&s->rest, '/', ret_name);
}

static int follow_run_step(struct follower *fo, struct follow_step *s)
{
    if (s->sweep)
        return follow_names(fo, s, none);
    struct bytes name = none, text = none;
    bool plain;
    for (bool in_link = s->head.len > 0;;) {
        struct bytes whole = s->rest;
        if (in_link && !s->head.len) {
            /* Several links may lead here. Because of the queue the rest is walked once. */
            follow_queue(fo, *s);
            return 0;
        }
        if (!follow_next_name(s, &name, &plain)) {
            follow_arrive(fo, s);
            return 0;
        }
        if (!plain && glob_magic(name)) {
            if (!s->covered)
                follow_add_read(fo, s, s->dir, none, whole);
            s->covered = true;
            return follow_names(fo, s, name);
        }
        if (plain && bytes_equal(name, BYTES(".."))) {
            s->dir = path_dir(s->dir);
            continue;
        }
        cleanup_fd int fd = follow_open_dir(fo, s->dir, O_PATH);
        int r = fd < 0 ? fd : follow_read_link(fo, fd, name, &text);
        if (r < 0)
            return follow_is_absence(r) ? 0 : r;
        if (r == 1) {
            follow_link(fo, s, name, text);
            return 0;
        }
        s->dir = path_join(&fo->arena, s->dir, name);
    }
}

static int follow_all(struct follower *fo, struct failure *f)
{
    size_t n = fo->reads->n;
    for (size_t i = 0; i < n; i++) {
        const struct df_read *read = &fo->reads->at[i];
        follow_queue(
            fo, (struct follow_step){
                    .dir = BYTES(""), .rest = read->pattern, .covered = true, .why = *read});
    }
    for (struct follow_step *s = fo->first; s && !fo->overflow; s = s->next) {
        int r = follow_run_step(fo, s);
        if (r < 0)
            return fail_errno(f, r, "following symbolic links below %s", QUOTE(s->dir));
    }
    if (fo->overflow) {
        struct df_read all = {.kind = DF_READ_ALL,
                              .widened = BYTES("too many symbolic links to follow")};
        fo->reads->n = n;
        return reads_add(fo->reads, all, f);
    }
    return 0;
}

int reads_resolve(struct reads *reads, int root_fd, struct failure *f)
{
    int r = 0;
    if (root_fd >= 0 && !reads->everything) {
        struct follower fo = {.reads = reads, .root_fd = root_fd};
        fo.last = &fo.first;
        r = follow_all(&fo, f);
        table_release(&fo.seen);
        table_release(&fo.added);
        arena_release(&fo.arena);
    }
    if (r == 0)
        r = select_compile(reads, f);
    for (size_t i = 0; r == 0 && i < reads->n_pivots; i++) {
        r = reads_resolve(reads->pivots[i].entries, root_fd, f);
        if (r == 0 && reads->pivots[i].head)
            r = reads_resolve(reads->pivots[i].head, root_fd, f);
    }
    return r;
}
