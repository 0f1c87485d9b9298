/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe_cook(): writes a skeleton below a directory. What the directory contains is not
 * trusted either: no link in it is ever followed, and every file is written under a temporary
 * name in its directory and renamed.
 *
 * The journal, .ctx-stub/cook.journal, lists what was written. It tells a later cook which
 * files it may replace and remove, and it tells a skeleton from a checkout. It has a line for
 * each file, sorted by path:
 *
 *     SHA-256 in hex, space, 0644 | 0755 | link, space, path
 */
#include "check.h"
#include "items.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define JOURNAL_DIR ".ctx-stub"
#define JOURNAL JOURNAL_DIR "/cook.journal"

struct cooking {
    const struct cook *how;
    struct arena arena;
    struct table journal; /* path -> struct line *, as the last cook wrote it */
    struct line *lines;
    size_t n_lines, cap_lines;
    struct cook_stats stats;
    struct failure *f;
};

struct line {
    struct bytes path, mark; /* mark: the line up to the path, "HASH MODE" */
    bool again;              /* this cook writes the path, too */
};

static struct bytes cook_mark_of(struct arena *a, bool is_link, unsigned mode,
                                 struct bytes content)
{
    char hex[65];
    struct sha256 hash = sha256(content);
    hex_text(hex, hash.at, sizeof(hash.at));
    return is_link ? arena_printf(a, "%s link", hex) : arena_printf(a, "%s %04o", hex, mode);
}

/* ---- what is there ----------------------------------------------------------------- */

/* The mark of what is at a path now. Empty if nothing is there, "other" if no cook can have
 * made it. */
static struct bytes cook_mark_there(struct cooking *c, struct bytes path)
{
    struct arena *a = &c->arena;
    char target[RECIPE_PATH_MAX + 1];
    struct stat st;
    cleanup_fd int dir =
        io_open_beneath(c->how->dir_fd, arena_string(a, path_dir(path)), O_PATH | O_DIRECTORY);
    char *name = arena_string(a, path_name(path));
    if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return dir == -ELOOP || dir == -ENOTDIR ? BYTES("other") : BYTES("");
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlinkat(dir, name, target, sizeof(target));
        return n < 0 ? BYTES("other") : cook_mark_of(a, true, 0, bytes_at(target, (size_t)n));
    }
    cleanup_buf struct buf text = BUF(RECIPE_BYTES_MAX);
    cleanup_fd int fd = S_ISREG(st.st_mode)
                            ? openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                            : -1;
    if (fd < 0 || io_read_regular(fd, &text) < 0)
        return BYTES("other");
    return cook_mark_of(a, false, st.st_mode & 07777, buf_bytes(&text));
}

static void cook_read_journal(struct cooking *c)
{
    cleanup_buf struct buf text = BUF(RECIPE_FILES_MAX * 512ul);
    cleanup_fd int fd = io_open_beneath(c->how->dir_fd, JOURNAL, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || io_read_regular(fd, &text) < 0)
        return;
    struct bytes rest = arena_copy(&c->arena, buf_bytes(&text)), one;
    while (bytes_next(&rest, '\n', &one)) {
        size_t space = bytes_find(one, ' ');
        struct bytes behind = bytes_from(one, space + 1);
        size_t second = space + 1 + bytes_find(behind, ' ');
        /* The journal decides what is removed, so it is checked like a recipe. */
        if (space != 64 || second + 1 >= one.len ||
            check_path(bytes_from(one, second + 1), NULL))
            continue;
        *ARENA_PUSH(&c->arena, c->lines, &c->n_lines, &c->cap_lines) =
            (struct line){bytes_from(one, second + 1), bytes_head(one, second), false};
    }
    for (size_t i = 0; i < c->n_lines; i++)
        *table_put(&c->journal, c->lines[i].path, NULL) = (uintptr_t)&c->lines[i];
}

static struct line *cook_journal_line(const struct cooking *c, struct bytes path)
{
    uintptr_t *at = table_get(&c->journal, path);
    return at ? (struct line *)*at : NULL;
}

/* Tells whether a name may be in the directory although no cook wrote it. */
static bool cook_may_stand(const struct cooking *c, struct bytes name)
{
    return bytes_equal(name, BYTES(".ctx")) || bytes_equal(name, BYTES("lost+found")) ||
           bytes_equal(name, BYTES(RECIPE_BLOBS)) || bytes_equal(name, BYTES(JOURNAL_DIR)) ||
           (c->how->spare && bytes_equal(name, bytes_of(c->how->spare)));
}

/* Tells whether a line of the journal is at or below a name in the top directory. */
static bool cook_is_ours(const struct cooking *c, struct bytes name)
{
    for (size_t i = 0; i < c->n_lines; i++)
        if (path_under(c->lines[i].path, name))
            return true;
    return false;
}

static int cook_check_empty(struct cooking *c)
{
    if (c->how->force)
        return 0;
    int fd = openat(c->how->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return fail_errno(c->f, -errno, "can't read the directory to cook in");
    int r = 0;
    for (struct dirent *e; r == 0 && (e = readdir(stream));) {
        struct bytes name = bytes_of(e->d_name);
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || cook_may_stand(c, name) ||
            cook_is_ours(c, name))
            continue;
        r = fail(c->f, -ENOTEMPTY,
                 "the directory holds %s, which no cook made: a skeleton would replace sources "
                 "by stubs. Cook in an empty directory, or say --force",
                 QUOTE(name));
    }
    closedir(stream);
    return r;
}

/* Refuses to replace a file that an earlier cook did not write. */
static int cook_check_item(struct cooking *c, const struct item *item)
{
    struct bytes there = cook_mark_there(c, item->path);
    struct line *line = cook_journal_line(c, item->path);
    if (line)
        line->again = true;
    if (bytes_equal(there, BYTES("other")))
        return fail(c->f, RECIPE_UNSAFE, "%s: a link, directory or device is in its way",
                    QUOTE(item->path));
    if (!there.len || c->how->force || (line && bytes_equal(line->mark, there)) ||
        bytes_equal(there, cook_mark_of(&c->arena, item->is_link, item->mode, item->content)))
        return 0;
    return fail(c->f, -ENOTEMPTY,
                "%s is there and is not what an earlier cook wrote: it is left alone. Cook in "
                "an empty directory, or say --force",
                QUOTE(item->path));
}

/* ---- writing ----------------------------------------------------------------------- */

static int cook_set_mtime(int fd)
{
    struct timespec times[2] = {{.tv_sec = SKELETON_MTIME}, {.tv_sec = SKELETON_MTIME}};
    return futimens(fd, times) < 0 ? -errno : 0;
}

/* Opens a directory, and makes what is missing of it. A file descriptor or -errno. */
static int cook_make_dirs(struct cooking *c, struct bytes dir)
{
    int at = fcntl(c->how->dir_fd, F_DUPFD_CLOEXEC, 3);
    struct bytes rest = dir, component;
    while (at >= 0 && rest.at && rest.len && bytes_next(&rest, '/', &component)) {
        char *name = arena_string(&c->arena, component);
        cleanup_fd int above = at;
        at = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (at >= 0 || errno != ENOENT)
            continue;
        if (mkdirat(above, name, 0755) < 0 && errno != EEXIST)
            return -errno;
        at = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (at >= 0 && fchmod(at, 0755) < 0)
            return -errno;
    }
    return at < 0 ? -errno : at;
}

static int cook_write_content(int dir, const char *temporary, const struct item *item)
{
    cleanup_fd int fd =
        openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = io_write_full(fd, item->content.at, item->content.len);
    if (r == 0 && fchmod(fd, item->mode) < 0) /* the umask must not count */
        r = -errno;
    return r < 0 ? r : cook_set_mtime(fd);
}

static int cook_write_link(struct cooking *c, int dir, const char *temporary,
                           const struct item *item)
{
    struct timespec times[2] = {{.tv_sec = SKELETON_MTIME}, {.tv_sec = SKELETON_MTIME}};
    if (symlinkat(arena_string(&c->arena, item->content), dir, temporary) < 0 ||
        utimensat(dir, temporary, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static int cook_write_item(struct cooking *c, const struct item *item)
{
    struct bytes want = cook_mark_of(&c->arena, item->is_link, item->mode, item->content);
    if (bytes_equal(cook_mark_there(c, item->path), want)) {
        c->stats.n_same++;
        return 0;
    }
    cleanup_fd int dir = cook_make_dirs(c, path_dir(item->path));
    if (dir < 0)
        return fail_errno(c->f, dir, "can't make the directory of %s", QUOTE(item->path));
    char temporary[48];
    snprintf(temporary, sizeof(temporary), ".ctx-cook.%d", getpid());
    int r = item->is_link ? cook_write_link(c, dir, temporary, item)
                          : cook_write_content(dir, temporary, item);
    if (r == 0 &&
        renameat(dir, temporary, dir, arena_string(&c->arena, path_name(item->path))) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dir, temporary, 0);
        return fail_errno(c->f, r, "can't write %s", QUOTE(item->path));
    }
    c->stats.n_written++;
    return 0;
}

/* Removes what the last cook wrote and this one doesn't, unless it was changed since. */
static void cook_remove_old(struct cooking *c)
{
    for (size_t i = c->n_lines; i-- > 0;) {
        const struct line *line = &c->lines[i];
        if (line->again || !bytes_equal(cook_mark_there(c, line->path), line->mark))
            continue;
        struct bytes path = line->path;
        for (int flags = 0; path.len; path = path_dir(path), flags = AT_REMOVEDIR) {
            cleanup_fd int dir = io_open_beneath(
                c->how->dir_fd, arena_string(&c->arena, path_dir(path)), O_PATH | O_DIRECTORY);
            if (dir < 0 || unlinkat(dir, arena_string(&c->arena, path_name(path)), flags) < 0)
                break; /* a directory that is not empty */
            c->stats.n_removed += flags == 0;
        }
    }
}

/* Sets the times of all directories. Done last, because each write in a directory changes its
 * time; from the end of the list, so that the deepest come first. */
static void cook_settle_dirs(struct cooking *c, const struct item *items, size_t n)
{
    cleanup_table struct table seen = {0};
    for (size_t i = n; i-- > 0;) {
        struct bytes dir = path_dir(items[i].path);
        for (bool first = true; dir.len && first; dir = path_dir(dir)) {
            table_put(&seen, dir, &first);
            cleanup_fd int fd = io_open_beneath(c->how->dir_fd, arena_string(&c->arena, dir),
                                                O_RDONLY | O_DIRECTORY);
            if (first && fd >= 0)
                (void)cook_set_mtime(fd);
        }
    }
}

static int cook_write_journal(struct cooking *c, const struct item *items, size_t n)
{
    cleanup_buf struct buf text = BUF(RECIPE_FILES_MAX * (RECIPE_PATH_MAX + 80ul));
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct bytes mark =
            cook_mark_of(&c->arena, items[i].is_link, items[i].mode, items[i].content);
        r = buf_addf(&text, "%.*s ", BYTES_ARG(mark));
        if (r == 0)
            r = buf_add_bytes(&text, items[i].path);
        if (r == 0)
            r = buf_add_byte(&text, '\n');
    }
    size_t written = c->stats.n_written, same = c->stats.n_same;
    if (r == 0)
        r = cook_write_item(
            c,
            &(struct item){.path = BYTES(JOURNAL), .mode = 0644, .content = buf_bytes(&text)});
    c->stats.n_written = written;
    c->stats.n_same = same;
    return r;
}

/* No file of the recipe may replace the journal, because it decides what is removed. */
static int cook_check_all(struct cooking *c, const struct item *items, size_t n)
{
    int r = cook_check_empty(c);
    for (size_t i = 0; i < n && r == 0; i++)
        r = bytes_equal(items[i].path, BYTES(JOURNAL))
                ? fail(c->f, RECIPE_UNSAFE, "unsafe recipe: it holds a journal")
                : cook_check_item(c, &items[i]);
    return r;
}

int recipe_cook(const struct recipe *recipe, const struct cook *how, struct cook_stats *ret,
                struct failure *f)
{
    struct cooking c = {.how = how, .f = f};
    struct item *items = NULL;
    size_t n = 0;
    int r = recipe_check(recipe, f);
    if (r == 0)
        r = recipe_items(recipe, how, &c.arena, &items, &n, f);
    if (r == 0) {
        cook_read_journal(&c);
        r = cook_check_all(&c, items, n);
    }
    /* Links come last, so that no file can be written through one. */
    for (int links = 0; links <= 1; links++)
        for (size_t i = 0; i < n && r == 0; i++)
            if (items[i].is_link == (links == 1))
                r = cook_write_item(&c, &items[i]);
    if (r == 0) {
        cook_remove_old(&c);
        if (!how->no_journal)
            r = cook_write_journal(&c, items, n);
        cook_settle_dirs(&c, items, n);
    }
    if (r == 0 && !how->no_journal) {
        cleanup_fd int fd = io_open_beneath(how->dir_fd, JOURNAL_DIR, O_RDONLY | O_DIRECTORY);
        if (fd >= 0)
            (void)cook_set_mtime(fd);
    }
    *ret = c.stats;
    table_release(&c.journal);
    arena_release(&c.arena);
    return r;
}
