/* SPDX-License-Identifier: Apache-2.0 */
#include "watch-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/*
 * The events of each directory.
 *
 * IN_CLOSE_WRITE besides IN_MODIFY: stores into a mapping, and asynchronous writes by
 * io_submit(2), raise only the close. No IN_EXCL_UNLINK: the descriptor of an unlinked name,
 * or of O_TMPFILE, may belong to a file that has another name here. Its writes are reported
 * for the name that is gone: see watch-names.h. No IN_DONT_FOLLOW: /proc/self/fd/N is a link,
 * and the only way to name a descriptor. No IN_DELETE_SELF and IN_MOVE_SELF: the parent's
 * events say the same, and removing a tree of 10,000 directories would fill the queue (16,384)
 * with them. IN_MASK_ADD: a directory that is reached at a second path (a mount of the root
 * below itself) must not lose the events of the first.
 */
#define WATCH_MASK                                                                             \
    (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |          \
     IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD)
/* The root's parent is not watched. The two events only wake the loop that polls; what became
 * of the root, watch_in_place() finds out. */
#define WATCH_MASK_ROOT (WATCH_MASK | IN_DELETE_SELF | IN_MOVE_SELF)

/* Mount points that may go between two drains; if more do, an answer looks at everything. */
#define WENT_MAX 1000

bool watch_in_place(const struct watch *w)
{
    struct identity now;
    return identify(AT_FDCWD, w->root_path, AT_SYMLINK_NOFOLLOW, &now) &&
           same_directory(&now, &w->root);
}

bool watch_is_elsewhere(const struct watch *w)
{
    return !w->silent_fs && !watch_in_place(w);
}

bool watch_ended(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool ended = w->ended;
    pthread_mutex_unlock(&w->lock);
    return ended;
}

/* ---- watches --------------------------------------------------------------------------- */

/* Ends watch number wd, which places_set_wd() returned; 0: nothing. */
static void watch_end__with_lock(struct watch *w, int32_t wd)
{
    if (!wd)
        return;
    /* EINVAL: the kernel has ended the watch, but we have not read that event yet. The kernel
     * doesn't use a number again. */
    inotify_rm_watch(w->fd, wd);
    w->n_watches--;
}

/* Returns the watch number or -errno. */
static int watch_add__with_lock(struct watch *w, const char *fd_path, const struct place *place)
{
    /* If the place has a watch already, the number of watches stays the same, even if another
     * directory is there now. */
    if (w->max_watches && w->n_watches >= w->max_watches && !place->wd)
        return -EDQUOT;
    int wd = inotify_add_watch(w->fd, fd_path, place->parent ? WATCH_MASK : WATCH_MASK_ROOT);
    if (wd < 0)
        return -errno;
    size_t at = 0;
    if (!places_of_wd(&w->places, wd, &at))
        w->n_watches++;
    return wd;
}

void watch_enter(void *watch, int dir_fd, struct bytes path)
{
    struct watch *w = watch;
    char fd_path[32];
    snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", dir_fd);
    struct identity dir;
    bool foreign = !identify(dir_fd, "", AT_EMPTY_PATH, &dir) || !same_mount(&dir, &w->root);

    /* Held during the system call: a drain must find each watch number in the table. */
    pthread_mutex_lock(&w->lock);
    struct place *place = places_make(&w->places, path);
    int wd = watch_add__with_lock(w, fd_path, place);
    if (wd < 0)
        w->refusal = -wd;
    /* Until now names may have come and gone in it, which led to files of other directories. */
    if (wd > 0 && wd != place->wd)
        watch_names_lose(&w->names);
    watch_end__with_lock(w, places_set_wd(&w->places, place, wd < 0 ? 0 : wd));
    places_set_flags(&w->places, place,
                     (uint8_t)((wd < 0 ? PLACE_UNWATCHED : 0) | (foreign ? PLACE_FOREIGN : 0)));
    pthread_mutex_unlock(&w->lock);
}

void watch_leave(void *watch, struct bytes path)
{
    struct watch *w = watch;
    pthread_mutex_lock(&w->lock);
    struct places *places = &w->places;
    struct place *top = places_find(places, path), *place = NULL;
    while (top && place != top) {
        place = place_deepest(top);
        /* The root itself keeps its watch, which tells when it moves. */
        if (place == places->root)
            break;
        struct place *parent = place->parent;
        watch_end__with_lock(w, places_set_wd(places, place, 0));
        places_set_flags(places, place, 0);
        places_remove(places, place);
        if (place == top)
            places_prune(places, parent);
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- mounts ---------------------------------------------------------------------------- */

static bool watch_has_mount(const struct mounts *mounts, struct bytes path)
{
    size_t from = 0, to = mounts->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int order = bytes_compare(mounts->paths[mid], path);
        if (order == 0)
            return true;
        *(order < 0 ? &from : &to) = order < 0 ? mid + 1 : mid;
    }
    return false;
}

/* Mount points that are new need no list: each drain marks all that there are. */
void watch_refresh_mounts__with_lock(struct watch *w)
{
    struct mounts now;
    w->mounts_error = mounts_read(w->mounts_fd, watch_root(w), &now);
    w->mounts_stale = w->mounts_error < 0;
    if (w->mounts_error < 0)
        return;
    for (size_t i = 0; i < w->mounts.n; i++) {
        if (watch_has_mount(&now, w->mounts.paths[i]))
            continue;
        if (w->went.n >= WENT_MAX) {
            w->lost = true;
            break;
        }
        *ARENA_PUSH(&w->went.arena, w->went.paths, &w->went.n, &w->went_cap) =
            arena_copy(&w->went.arena, w->mounts.paths[i]);
    }
    mounts_release(&w->mounts);
    w->mounts = now;
}

void watch_mounts_changed(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    watch_refresh_mounts__with_lock(w);
    /* The root may have been elsewhere for a moment while the table was read. */
    w->mounts_stale = true;
    pthread_mutex_unlock(&w->lock);
}

/* ---- life cycle ------------------------------------------------------------------------ */

static int watch_open(struct watch *w, struct failure *f)
{
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0)
        return fail_errno(f, -errno,
                          "can't watch %s (EMFILE: raise fs.inotify.max_user_instances)",
                          QUOTE(watch_root(w)));
    w->mounts_fd = mounts_open();
    w->mounts_poll_fd = mounts_open();
    if (w->mounts_fd < 0 || w->mounts_poll_fd < 0)
        return fail_errno(f, w->mounts_fd < 0 ? w->mounts_fd : w->mounts_poll_fd,
                          "can't watch %s: /proc/self/mountinfo", QUOTE(watch_root(w)));
    if (!identify(w->root_fd, "", AT_EMPTY_PATH, &w->root))
        return fail_errno(f, -errno, "can't watch %s", QUOTE(watch_root(w)));
    struct statfs fs;
    if (fstatfs(w->root_fd, &fs) < 0)
        return fail_errno(f, -errno, "can't tell the file system of %s", QUOTE(watch_root(w)));
    w->silent_fs = watch_silent_fs((uint64_t)fs.f_type);
    return 0;
}

int watch_new(const struct watch_setup *setup, struct watch **ret_watch, struct failure *f)
{
    struct watch *w = xcalloc(1, sizeof(*w));
    w->root_fd = setup->root_fd;
    w->root_path = xcalloc(1, setup->root.len + 1);
    memcpy(w->root_path, setup->root.at, setup->root.len);
    w->max_watches = setup->max_watches;
    w->fd = w->mounts_fd = w->mounts_poll_fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    places_init(&w->places);
    int r = watch_open(w, f);
    if (r < 0) {
        watch_free(w);
        return r;
    }
    /* The lock is not needed yet: no other thread knows of w. */
    watch_refresh_mounts__with_lock(w);
    watch_enter(w, w->root_fd, BYTES(""));
    *ret_watch = w;
    return 0;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    const int fds[] = {w->fd, w->mounts_fd, w->mounts_poll_fd};
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    places_release(&w->places);
    watch_names_forget(&w->names);
    mounts_release(&w->mounts);
    mounts_release(&w->went);
    pthread_mutex_destroy(&w->lock);
    free(w->root_path);
    free(w);
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

int watch_mounts_fd(const struct watch *w)
{
    return w->mounts_poll_fd;
}
