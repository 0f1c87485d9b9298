/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the torture that Linux reports to no watcher of directories: only an audit or
 * --verify finds them. */
#include "torture-priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* Bytes: one page. */
#define MAP_LEN 4096

/* Finds a file with one name: a second one could be reported by an event of the other. */
static bool random_single_file(struct world *w, char path[128], struct stat *st)
{
    for (int i = 0; i < 12; i++)
        if (random_file(w, path, st) && st->st_nlink == 1 && st->st_size > 0)
            return true;
    return false;
}

static bool link_elsewhere(struct world *w, struct untold *u)
{
    char path[128];
    struct stat st;
    unlinkat(w->outside, "untold", 0);
    if (!random_single_file(w, path, &st) || linkat(w->root, path, w->outside, "untold", 0) < 0)
        return false;
    u->fd = openat(w->outside, "untold", O_WRONLY | O_CLOEXEC);
    tell_done(w, "link %s to an outer name, untold", path);
    return u->fd >= 0;
}

static bool link_tmpfile(struct world *w, struct untold *u)
{
    char path[128], link[32];
    u->fd = openat(w->outside, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    random_path(path);
    unlinkat(w->root, path, 0);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", u->fd);
    write_random(u->fd, 0, 100);
    tell_done(w, "link an outer O_TMPFILE to %s", path);
    return linkat(AT_FDCWD, link, w->root, path, AT_SYMLINK_FOLLOW) == 0;
}

/* Opens a file by a name in another directory, and unlinks that name. */
static bool unlink_written(struct world *w, struct untold *u)
{
    char path[128];
    struct stat st;
    if (!random_single_file(w, path, &st) || linkat(w->root, path, w->outside, ".name", 0) < 0)
        return false;
    u->fd = openat(w->outside, ".name", O_WRONLY | O_CLOEXEC);
    unlinkat(w->outside, ".name", 0);
    tell_done(w, "open %s by an outer name, now unlinked", path);
    return u->fd >= 0;
}

static bool map_file(struct world *w, struct untold *u)
{
    char path[128];
    struct stat st;
    if (!random_single_file(w, path, &st))
        return false;
    u->fd = openat(w->root, path, O_RDWR | O_CLOEXEC);
    if (u->fd < 0 || ftruncate(u->fd, MAP_LEN) < 0)
        return false;
    u->map = mmap(NULL, MAP_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, 0);
    if (u->map == MAP_FAILED)
        u->map = NULL;
    if (below(2))
        close(steal_fd(&u->fd));
    tell_done(w, "map %s", path);
    return u->map != NULL;
}

/* A descriptor that stays open: its end would be reported. */
static bool open_file(struct world *w, struct untold *u)
{
    char path[128];
    struct stat st;
    if (!random_single_file(w, path, &st) || st.st_size < 8)
        return false;
    u->fd = openat(w->root, path, O_RDWR | O_CLOEXEC);
    tell_done(w, "open %s and hold it", path);
    return u->fd >= 0;
}

bool untold_begin(struct world *w, enum untold_kind kind, struct untold *ret)
{
    static bool (*const begin[])(struct world *, struct untold *) = {
        link_elsewhere, link_tmpfile, unlink_written, map_file, open_file};
    *ret = (struct untold){.kind = kind, .fd = -1};
    if (begin[kind](w, ret))
        return true;
    untold_end(ret);
    return false;
}

void untold_change(struct world *w, struct untold *u)
{
    w->n_operations++;
    if (u->map)
        u->map[below(MAP_LEN)] ^= 3;
    else if (u->kind == UNTOLD_SUBMITTED) {
        uint8_t bytes[8];
        /* The same size. */
        if (pread(u->fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
            abort();
        bytes[0] ^= 1;
        if (!write_submitted(u->fd, 0, bytes, sizeof(bytes)))
            abort();
    } else
        write_random(u->fd, below(100), 40);
    tell_done(w, "… and write there");
}

void untold_end(struct untold *u)
{
    if (u->map)
        munmap(u->map, MAP_LEN);
    if (u->fd >= 0)
        close(u->fd);
    *u = (struct untold){.fd = -1};
}
