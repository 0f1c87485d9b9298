/* SPDX-License-Identifier: Apache-2.0 */
/* watch_drain(): reads the queued events, and marks what they name in a tree's dirty set. */
#include "watch-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* What to mark for an event: see dirty_entry() and the others of hashdb.h. */
enum drain_mark {
    MARK_ENTRY = 1 << 0,
    MARK_CONTENT = 1 << 1, /* with MARK_ENTRY: its content, too */
    MARK_LISTING = 1 << 2,
    MARK_BELOW = 1 << 3,
};

struct drain {
    struct watch *w;
    struct dirty *dirty;
    /* The last event and what was marked for it: many writes to one file are marked once. */
    int32_t wd;
    unsigned marked;
    struct bytes name;
    uint8_t name_at[NAME_MAX + 1];
    uint8_t path[PLACE_PATH_MAX];
};

/* What to mark for the name of an event; for the directory itself if it has no name. */
static unsigned watch_event_marks(uint32_t mask, bool named)
{
    bool dir = mask & IN_ISDIR;
    /* A directory's mode also decides whether its names can be read and its entries be looked
     * at, so a new walk might fail where the old one did not, or the other way round. */
    if (!named)
        return mask & IN_ATTRIB                         ? MARK_ENTRY | MARK_LISTING
               : mask & (IN_DELETE_SELF | IN_MOVE_SELF) ? 0u
                                                        : (unsigned)MARK_LISTING;
    if (mask & (IN_CREATE | IN_MOVED_TO))
        return dir ? (unsigned)MARK_BELOW : MARK_ENTRY | MARK_CONTENT;
    if (mask & (IN_DELETE | IN_MOVED_FROM))
        return dir ? (unsigned)MARK_ENTRY : MARK_ENTRY | MARK_CONTENT;
    if (mask & IN_ATTRIB)
        return MARK_ENTRY | (dir ? MARK_LISTING : 0u);
    return MARK_ENTRY | MARK_CONTENT;
}

/* Writes dir + "/" + name + NUL to path, where dir stands already. */
static struct bytes watch_path_of(uint8_t path[PLACE_PATH_MAX], struct bytes dir,
                                  struct bytes name)
{
    size_t at = dir.len ? dir.len + 1 : 0;
    path[dir.len] = '/';
    memcpy(path + at, name.at, name.len);
    path[at + name.len] = '\0';
    return bytes_at(path, at + name.len);
}

/* Marks a name in a directory, or the directory itself if the name is empty. */
static void watch_mark(struct drain *d, const struct place *place, struct bytes name,
                       unsigned what)
{
    struct bytes dir = place_path(place, d->path), path = dir;
    if (!dir.at) {
        d->w->lost = true;
        return;
    }
    if (name.len)
        path = watch_path_of(d->path, dir, name);
    if (what & MARK_ENTRY)
        dirty_entry(d->dirty, path, what & MARK_CONTENT);
    if (what & MARK_LISTING)
        dirty_listing(d->dirty, path);
    if (what & MARK_BELOW)
        dirty_below(d->dirty, path);
}

/* Removes what the last event has marked already for the same name. */
static unsigned watch_drop_marked(struct drain *d, int32_t wd, struct bytes name, unsigned what)
{
    if (d->wd == wd && bytes_equal(d->name, name)) {
        /* An entry that was marked without its content must be marked again with it. */
        unsigned news = what & ~d->marked;
        d->marked |= what;
        return news & MARK_CONTENT ? news | MARK_ENTRY : news;
    }
    d->wd = wd;
    d->marked = what;
    d->name = bytes_at(d->name_at, name.len);
    memcpy(d->name_at, name.at, name.len);
    return what;
}

/* The kernel has ended a watch: the directory is gone, or its file system was unmounted. */
static void watch_end_place__with_lock(struct watch *w, int32_t wd)
{
    bool known = false;
    for (;;) {
        size_t at = 0;
        struct place *place = places_of_wd(&w->places, wd, &at);
        if (!place)
            break;
        known = true;
        w->ended |= !place->parent;
        places_set_wd(&w->places, place, 0);
        places_set_flags(&w->places, place, place->flags | PLACE_LOST);
    }
    w->n_watches -= known;
}

static void watch_take_event__with_lock(struct drain *d, const struct inotify_event *event)
{
    struct watch *w = d->w;
    w->n_events++;
    if (event->mask & IN_Q_OVERFLOW) {
        w->n_overflows++;
        w->lost = true;
        w->mounts_stale = true; /* a moved directory may be among what was lost */
        return;
    }
    if (event->mask & (IN_IGNORED | IN_UNMOUNT)) {
        if (event->mask & IN_IGNORED)
            watch_end_place__with_lock(w, event->wd);
        return;
    }
    /* Mounts below a directory move with it, but the table does not count as changed. */
    if (event->mask & IN_ISDIR && event->mask & (IN_MOVED_FROM | IN_MOVED_TO))
        w->mounts_stale = true;
    if (w->lost)
        return;
    size_t len = event->len ? strnlen(event->name, event->len) : 0;
    struct bytes name = bytes_at(event->name, len > NAME_MAX ? NAME_MAX : len);
    unsigned what = watch_event_marks(event->mask, name.len > 0);
    what = watch_drop_marked(d, event->wd, name, what);
    /* A number without a place belongs to a directory that was left: it is no longer in the
     * tree. */
    size_t at = 0;
    struct place *place = places_of_wd(&w->places, event->wd, &at);
    if (place && name.len)
        watch_names_take(&w->names, event, name);
    for (; what && place; place = places_of_wd(&w->places, event->wd, &at))
        watch_mark(d, place, name, what);
}

/* Bytes of the events that are queued, or -1. */
static int watch_queued(const struct watch *w)
{
    int queued = 0;
    return ioctl(w->fd, FIONREAD, &queued) < 0 ? -1 : queued;
}

/* Reads the events that are queued now, and no later ones, or a fast writer could keep it. */
static void watch_read_events__with_lock(struct drain *d)
{
    struct watch *w = d->w;
    int queued = watch_queued(w);
    if (queued < 0) {
        w->lost = true;
        return;
    }
    /* Bytes of a read(): some 400 events. */
    alignas(struct inotify_event) uint8_t events[16384];
    for (size_t left = (unsigned)queued; left > 0;) {
        ssize_t n = read(w->fd, events, sizeof(events));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            w->lost |= n == 0 || errno != EAGAIN;
            return;
        }
        for (size_t at = 0; at < (size_t)n;) {
            const struct inotify_event *event = (const void *)(events + at);
            watch_take_event__with_lock(d, event);
            at += sizeof(*event) + event->len;
        }
        left -= (size_t)n < left ? (size_t)n : left;
    }
}

/*
 * Looks where a name leads. If that file has several names, marks it by its inode: what
 * happened to it by one name happened to it by all names, but the others raise no event, not
 * even when the new name is made. The tree may not know how many names there are, because this
 * one may be excluded, so the file's own link count is read. false: the name leads to no file.
 */
static bool watch_look_at_name(void *context, int32_t wd, struct bytes name)
{
    struct drain *d = context;
    struct place *place;
    bool odd = false;
    for (size_t at = 0; (place = places_of_wd(&d->w->places, wd, &at));) {
        /* Not on another mount, where opening might wait; everything there is marked anyway. */
        odd |= place->flags != 0;
        struct bytes dir = place_path(place, d->path);
        if (place->flags || !dir.at)
            continue;
        watch_path_of(d->path, dir, name);
        cleanup_fd int fd = io_open_beneath(d->w->root_fd, (const char *)d->path, O_PATH);
        struct stat st;
        /* Without a descriptor or memory the link count can't be read. */
        if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
            d->w->lost = true;
        if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
            continue;
        if (st.st_nlink > 1)
            dirty_inode(d->dirty, st.st_dev, st.st_ino);
        return true;
    }
    return odd;
}

/*
 * Looks at the names of files that came or were changed. If a file can't be found by its name
 * any more, it may be any, and the stat of each is taken. Names are kept for the next drain if
 * there are events by now: another file may have got the name after the events that were read.
 */
static void watch_look_at_names__with_lock(struct drain *d)
{
    struct watch *w = d->w;
    if (!w->lost)
        watch_names_each(&w->names, watch_look_at_name, d);
    if (watch_names_unknown(&w->names))
        dirty_files(d->dirty);
    if (w->lost || watch_names_unknown(&w->names) || watch_queued(w) == 0)
        watch_names_forget(&w->names);
}

static void watch_mark_mounts__with_lock(struct watch *w, struct dirty *dirty)
{
    if (mounts_changed(w->mounts_fd) || w->mounts_stale)
        watch_refresh_mounts__with_lock(w);
    for (size_t i = 0; i < w->went.n; i++)
        dirty_below(dirty, w->went.paths[i]);
    for (size_t i = 0; i < w->mounts.n; i++)
        dirty_below(dirty, w->mounts.paths[i]);
    mounts_release(&w->went);
    w->went_cap = 0;
}

/* Marks the directories that are not watched, and everything below them. In one that the kernel
 * refused to watch, names may have come and gone that led to files of other directories. */
static void watch_mark_odd__with_lock(struct drain *d)
{
    struct places *places = &d->w->places;
    for (size_t i = 0; i < places->n_odd; i++) {
        const struct place *place = places->odd[i];
        if (place->flags & PLACE_UNWATCHED)
            dirty_files(d->dirty);
        if (!place->parent || !place->parent->flags)
            watch_mark(d, place, BYTES(""), MARK_BELOW);
    }
    /* A directory whose watch ended is gone, or the walk that follows enters it again. The loop
     * runs from the end, because places_set_flags() moves the last one into a gap. */
    for (size_t i = places->n_odd; i-- > 0;) {
        struct place *place = places->odd[i];
        if (!(place->flags & PLACE_LOST))
            continue;
        places_set_flags(places, place, 0);
        places_prune(places, place);
    }
}

bool watch_drain(void *watch, struct dirty *dirty)
{
    struct watch *w = watch;
    pthread_mutex_lock(&w->lock);
    struct drain d;
    d.w = w, d.dirty = dirty, d.wd = 0, d.marked = 0, d.name = BYTES("");
    watch_read_events__with_lock(&d);
    watch_look_at_names__with_lock(&d);
    watch_mark_mounts__with_lock(w, dirty);
    watch_mark_odd__with_lock(&d);
    w->astray = !w->silent_fs && !watch_in_place(w);
    /* When the root is back at its path, the mounts below it have other paths in the table. */
    w->mounts_stale |= w->astray;
    bool known = !w->lost && !w->ended && !w->silent_fs && !w->astray && w->mounts_error == 0;
    w->lost = false;
    pthread_mutex_unlock(&w->lock);
    return known;
}
