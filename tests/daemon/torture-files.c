/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the torture on files, directories and links. */
#include "torture-priv.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#define FILE_MODE 0644
#define MAP_LEN 4096

/* ---- files ------------------------------------------------------------------------------ */

bool do_create(struct world *w)
{
    char path[128];
    random_path(path);
    cleanup_fd int fd =
        openat(w->root, path,
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return false;
    size_t len = random_size();
    write_random(fd, -1, len);
    tell_done(w, "create %s, %zu bytes", path, len);
    return true;
}

bool do_append(struct world *w)
{
    char path[128];
    struct stat st;
    if (!random_file(w, path, &st) || st.st_size > 3 << 20)
        return false;
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_APPEND | O_CLOEXEC);
    write_random(fd, -1, 1 + below(300));
    tell_done(w, "append to %s", path);
    return true;
}

/* Rewrites a file in place with the same size, and restores its times to the nanosecond. */
bool do_rewrite(struct world *w)
{
    char path[128];
    struct stat st;
    if (!random_file(w, path, &st) || st.st_size == 0)
        return false;
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CLOEXEC);
    write_random(fd, 0, (size_t)st.st_size);
    struct timespec times[] = {st.st_atim, st.st_mtim};
    futimens(fd, times);
    tell_done(w, "rewrite %s in place, same size and mtime", path);
    return true;
}

bool do_poke(struct world *w)
{
    char path[128];
    struct stat st;
    if (!random_file(w, path, &st) || st.st_size == 0)
        return false;
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CLOEXEC);
    off_t at = below((uint32_t)st.st_size);
    switch (below(3)) {
    case 0:
        (void)!ftruncate(fd, at);
        break;
    case 1:
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, 100);
        break;
    default:
        write_random(fd, at, 1);
    }
    tell_done(w, "poke %s at %lld", path, (long long)at);
    return true;
}

bool do_copy_range(struct world *w)
{
    char from[128], to[128];
    struct stat st;
    if (!random_file(w, from, &st) || !random_file(w, to, &st) || !strcmp(from, to))
        return false;
    cleanup_fd int in = openat(w->root, from, O_RDONLY | O_CLOEXEC);
    cleanup_fd int out = openat(w->root, to, O_WRONLY | O_CLOEXEC);
    if (copy_file_range(in, NULL, out, NULL, 1 + below(5000), 0) <= 0)
        return false;
    tell_done(w, "copy a range of %s to %s", from, to);
    return true;
}

bool do_rename_over(struct world *w)
{
    char dir[128], temporary[128], path[128];
    random_path(path);
    struct bytes parent = path_dir(bytes_of(path));
    snprintf(dir, sizeof(dir), "%.*s", BYTES_ARG(parent));
    in_dir(dir, ".new", temporary);
    cleanup_fd int fd =
        openat(w->root, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return false;
    write_random(fd, -1, random_size());
    if (renameat(w->root, temporary, w->root, path) < 0)
        unlinkat(w->root, temporary, 0);
    tell_done(w, "write %s and rename it over %s", temporary, path);
    return true;
}

bool do_unlink(struct world *w)
{
    char path[128];
    random_path(path);
    if (unlinkat(w->root, path, 0) < 0)
        return false;
    tell_done(w, "unlink %s", path);
    return true;
}

/* Renames a file, directory or link: to a free name, over another, or in exchange with it. */
bool do_rename(struct world *w)
{
    char from[128], to[128];
    bool dirs = below(2), exchange = below(3) == 0;
    if (dirs || exchange)
        random_dir(from);
    else
        random_path(from);
    if (dirs)
        random_dir(to);
    else
        random_path(to);
    if (!from[0] || !to[0] ||
        renameat2(w->root, from, w->root, to, exchange ? RENAME_EXCHANGE : 0) < 0)
        return false;
    tell_done(w, "%s %s and %s", exchange ? "exchange" : "rename", from, to);
    return true;
}

bool do_chmod_file(struct world *w)
{
    static const mode_t modes[] = {0644, 0755, 0600, 0444, 04755};
    char path[128];
    struct stat st;
    if (!random_file(w, path, &st))
        return false;
    mode_t mode = modes[below(ARRAY_SIZE(modes))];
    (void)!fchmodat(w->root, path, mode, 0);
    tell_done(w, "chmod %o %s", mode, path);
    return true;
}

bool do_touch(struct world *w)
{
    char path[128];
    if (below(2))
        random_path(path);
    else
        random_dir(path);
    struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {1700000000 + below(100), below(3)}};
    if (!path[0] || utimensat(w->root, path, times, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    tell_done(w, "touch %s", path);
    return true;
}

bool do_special(struct world *w)
{
    char path[128];
    random_path(path);
    if (mknodat(w->root, path, (below(2) ? S_IFIFO : S_IFSOCK) | 0600, 0) < 0)
        return false;
    tell_done(w, "make a FIFO or socket %s", path);
    return true;
}

/* Stores into a mapping; closes the descriptor before the unmap, or after it. */
bool do_map(struct world *w)
{
    char path[128];
    struct stat st;
    if (!random_file(w, path, &st) || st.st_size == 0)
        return false;
    int fd = openat(w->root, path, O_RDWR | O_CLOEXEC);
    size_t len = (size_t)st.st_size;
    uint8_t *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    bool early = below(2);
    if (early)
        close(fd);
    if (map != MAP_FAILED) {
        map[below((uint32_t)len)] ^= 1;
        munmap(map, len);
    }
    if (!early)
        close(fd);
    tell_done(w, "store into a mapping of %s, and unmap it", path);
    return map != MAP_FAILED;
}

bool do_tmpfile(struct world *w)
{
    char dir[128], path[128], link[32];
    random_dir(dir);
    cleanup_fd int fd =
        openat(w->root, dir[0] ? dir : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    write_random(fd, -1, random_size());
    random_path(path);
    /* If it is written to after it has its name, that must be in the directory where it was
     * made. */
    bool later = below(2);
    if (later)
        in_dir(dir, "f1.txt", path);
    unlinkat(w->root, path, 0);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, link, w->root, path, AT_SYMLINK_FOLLOW) < 0)
        return false;
    if (later)
        write_random(fd, -1, 50);
    tell_done(w, "link an O_TMPFILE of %s to %s%s", dir, path, later ? ", then write" : "");
    return true;
}

/* Writes by a descriptor whose name is gone, to a file with another name in that directory. */
bool do_write_unlinked(struct world *w)
{
    char dir[128], a[128], b[128];
    random_dir(dir);
    in_dir(dir, "f0.txt", a);
    in_dir(dir, "f4.txt", b);
    cleanup_fd int fd = openat(w->root, a, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    unlinkat(w->root, b, 0);
    if (fd < 0 || linkat(w->root, a, w->root, b, 0) < 0 || unlinkat(w->root, a, 0) < 0)
        return false;
    write_random(fd, 0, 20);
    tell_done(w, "write to %s by a descriptor of its other name, unlinked", b);
    return true;
}

/* Opens a file and holds it; later writes to it or closes it. If its name is gone it is not
 * written to, because the file might have another name elsewhere. */
bool do_held(struct world *w)
{
    int *fd = &w->held;
    char path[128], link[64], target[256];
    struct stat st;
    if (*fd < 0) {
        if (!random_file(w, path, &st))
            return false;
        *fd = openat(w->root, path, O_WRONLY | O_CLOEXEC);
        tell_done(w, "open %s and hold it", path);
        return true;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", *fd);
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    target[n < 0 ? 0 : n] = '\0';
    if (strstr(target, " (deleted)") || below(2) == 0) {
        close(steal_fd(fd));
        tell_done(w, "close what is held: %s", target);
        return true;
    }
    if (fstat(*fd, &st) < 0)
        return false;
    write_random(*fd, below((uint32_t)st.st_size + 10), 7);
    tell_done(w, "write to what is held: %s", target);
    return true;
}

/* ---- directories and links -------------------------------------------------------------- */

bool do_mkdir_deep(struct world *w)
{
    char path[128], file[128];
    random_dir(path);
    size_t at = strlen(path);
    bool made = at > 0 && mkdirat(w->root, path, 0755) == 0;
    for (uint32_t depth = below(4); depth > 0 && at < 20; depth--) {
        at += (size_t)snprintf(path + at, sizeof(path) - at, "%sd%u", at ? "/" : "", below(3));
        made |= mkdirat(w->root, path, 0755) == 0;
        in_dir(path, "f2.txt", file);
        write_text(w->root, file, O_EXCL, path);
    }
    if (made)
        tell_done(w, "mkdir -p %s, with files", path);
    return made;
}

bool do_remove_dir(struct world *w)
{
    char path[128];
    if (!existing_dir(w, path))
        return false;
    remove_below(w->root, path);
    tell_done(w, "rm -r %s", path);
    return true;
}

bool do_chmod_dir(struct world *w)
{
    char path[128];
    if (!existing_dir(w, path))
        return false;
    (void)!fchmodat(w->root, path, below(2) ? 0700 : 0755, 0);
    tell_done(w, "chmod %s", path);
    return true;
}

bool do_symlink(struct world *w)
{
    char target[128], path[128];
    if (below(2))
        random_path(target);
    else
        random_dir(target);
    random_path(path);
    unlinkat(w->root, ".link", 0);
    if (!target[0] || symlinkat(target, w->root, ".link") < 0)
        return false;
    if (renameat(w->root, ".link", w->root, path) < 0)
        unlinkat(w->root, ".link", 0);
    tell_done(w, "symlink %s, swapped in, to %s", path, target);
    return true;
}

/*
 * A chmod of the first name reports the second name, which may be in an ignored directory that
 * is not watched, and so all changes through it from now on.
 */
bool do_link(struct world *w)
{
    char from[128], to[128];
    struct stat st;
    random_path(to);
    if (!random_file(w, from, &st) || linkat(w->root, from, w->root, to, 0) < 0)
        return false;
    (void)!fchmodat(w->root, from, st.st_mode & 07777, 0);
    tell_done(w, "link %s to %s, and chmod it", from, to);
    if (below(2))
        return true;
    cleanup_fd int fd = openat(w->root, to, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    write_random(fd, 0, 30);
    tell_done(w, "... and write by that name");
    return true;
}

bool link_begin(struct world *w, struct link_pair *ret)
{
    struct stat st;
    random_path(ret->to);
    if (!random_file(w, ret->from, &st))
        return false;
    struct bytes dir = path_dir(bytes_of(ret->from));
    ret->together = below(2);
    if (ret->together)
        snprintf(ret->to, sizeof(ret->to), "%.*s%s%s", BYTES_ARG(dir), dir.len ? "/" : "",
                 below(2) ? "g1.log" : "f3.txt");
    else if (below(2)) { /* in a new directory, which can't be watched yet */
        random_dir(ret->to);
        if (!ret->to[0] || mkdirat(w->root, ret->to, 0755) < 0)
            return false;
        snprintf(ret->to + strlen(ret->to), 16, "/f0.txt");
    }
    if (linkat(w->root, ret->from, w->root, ret->to, 0) < 0)
        return false;
    tell_done(w, "link %s to %s", ret->from, ret->to);
    w->n_operations++;
    return true;
}

void link_change(struct world *w, const struct link_pair *pair)
{
    cleanup_fd int fd = openat(w->root, pair->to, O_WRONLY | O_CLOEXEC);
    if (below(3))
        write_random(fd, 0, 30);
    else
        (void)!fchmod(fd, 0640);
    tell_done(w, "... and write to it, or chmod it, by that name");
    w->n_operations++;
}

void link_end(struct world *w, const struct link_pair *pair)
{
    (void)!fchmodat(w->root, pair->from, 0644, 0);
}

/* Links an outer file into the root; or a file of the root to an outer name, of which the next
 * answer learns by the event of a chmod. */
bool do_link_outside(struct world *w)
{
    char path[128], name[16];
    struct stat st;
    snprintf(name, sizeof(name), "o%u", below(4));
    if (below(2)) {
        random_path(path);
        if (linkat(w->outside, name, w->root, path, 0) < 0)
            return false;
        tell_done(w, "link the outer %s to %s", name, path);
        return true;
    }
    unlinkat(w->outside, name, 0);
    if (!random_file(w, path, &st) || linkat(w->root, path, w->outside, name, 0) < 0)
        return false;
    (void)!fchmodat(w->root, path, st.st_mode & 07777, 0);
    tell_done(w, "link %s to the outer %s, and chmod it", path, name);
    return true;
}

bool do_write_outside(struct world *w)
{
    char name[16];
    snprintf(name, sizeof(name), "o%u", below(4));
    cleanup_fd int fd = openat(w->outside, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    write_random(fd, below(3000), 30);
    tell_done(w, "write to the outer %s", name);
    return true;
}

/* Moves an outer directory in; or one of the root out, where it is changed, and perhaps back.
 */
bool do_move_out(struct world *w)
{
    char path[128], name[16];
    snprintf(name, sizeof(name), "m%u", below(2));
    if (below(2)) {
        random_dir(path);
        if (!path[0] || renameat(w->outside, name, w->root, path) < 0)
            return false;
        tell_done(w, "move the outer directory %s in, to %s", name, path);
        return true;
    }
    if (!existing_dir(w, path) || renameat(w->root, path, w->outside, name) < 0)
        return false;
    char file[128];
    in_dir(name, "f0.txt", file);
    write_text(w->outside, file, O_TRUNC | O_NOFOLLOW | O_NONBLOCK, path);
    if (below(2) && renameat(w->outside, name, w->root, path) < 0)
        return true;
    tell_done(w, "move %s out, to %s, write to f0.txt in it, and perhaps back", path, name);
    return true;
}
