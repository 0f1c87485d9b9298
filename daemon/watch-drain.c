/* SPDX-License-Identifier: Apache-2.0 */
#include "watch-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum told {
    TOLD_ENTRY = 1 << 0,
    TOLD_CONTENT = 1 << 1, /* with TOLD_ENTRY: content too */
    TOLD_LISTING = 1 << 2,
    TOLD_BELOW = 1 << 3,
    TOLD_WRITE = 1 << 4, /* with TOLD_CONTENT: by what may hold a descriptor only */
    TOLD_FILE = 1 << 5,  /* with TOLD_ENTRY: one that may have other names */
};

struct drain {
    struct watch *w;
    struct dirty *dirty;
    /* The last event: many writes to one file are one mark. */
    int32_t wd;
    unsigned told;
    struct bytes name;
    uint8_t name_at[NAME_MAX + 1];
    uint8_t path[PLACE_PATH_MAX];
};

/* What an event means for the name it has, or for the directory itself where it has none. */
static unsigned event_meaning(uint32_t mask, bool named)
{
    bool dir = mask & IN_ISDIR;
    /* A directory's mode decides, too, whether its names can be read and its entries be looked
     * at: a walk that starts anew would fail, or go on, where it did not before. */
    if (!named)
        return mask & IN_ATTRIB                         ? TOLD_ENTRY | TOLD_LISTING
               : mask & (IN_DELETE_SELF | IN_MOVE_SELF) ? 0u
                                                        : (unsigned)TOLD_LISTING;
    if (mask & (IN_CREATE | IN_MOVED_TO))
        return dir ? (unsigned)TOLD_BELOW : TOLD_ENTRY | TOLD_CONTENT | TOLD_FILE;
    if (mask & (IN_DELETE | IN_MOVED_FROM))
        return dir ? (unsigned)TOLD_ENTRY : TOLD_ENTRY | TOLD_CONTENT;
    if (mask & IN_ATTRIB)
        return TOLD_ENTRY | (unsigned)(dir ? TOLD_LISTING : TOLD_FILE);
    return TOLD_ENTRY | TOLD_CONTENT | TOLD_FILE | TOLD_WRITE;
}

/*
 * What happened to a file by one name happened to it by all. The others raise no event, not
 * even for getting company; and this one may be excluded, so that no tree knows how many there
 * are: the file is asked. Where its name is gone, a write was by a descriptor, and may be one
 * to a file that has another name, in the same directory if we are lucky. path ends in NUL.
 */
static void tell_other_names(const struct drain *d, const struct place *place, struct bytes dir,
                             struct bytes path, bool written)
{
    /* Not into another mount, which might keep us waiting; it is looked at anyway. */
    if (place->flags)
        return;
    cleanup_fd int fd = io_open_beneath(d->w->root_fd, (const char *)path.at, O_PATH);
    struct stat st;
    if (fd == -ENOENT && written)
        dirty_listing(d->dirty, dir);
    else if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1)
        dirty_inode(d->dirty, st.st_dev, st.st_ino);
    /* No descriptors, no memory: it can't be asked. */
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        d->w->lost = true;
}

static void tell(struct drain *d, const struct place *place, struct bytes name, unsigned what)
{
    struct bytes dir = place_path(place, d->path), path = dir;
    if (!dir.at) {
        d->w->lost = true;
        return;
    }
    if (name.len) {
        size_t at = dir.len ? dir.len + 1 : 0;
        d->path[dir.len] = '/';
        memcpy(d->path + at, name.at, name.len);
        d->path[at + name.len] = '\0';
        path = bytes_at(d->path, at + name.len);
    }
    if (what & TOLD_ENTRY)
        dirty_entry(d->dirty, path, what & TOLD_CONTENT);
    if (what & TOLD_LISTING)
        dirty_listing(d->dirty, path);
    if (what & TOLD_BELOW)
        dirty_below(d->dirty, path);
    if (what & (TOLD_FILE | TOLD_WRITE))
        tell_other_names(d, place, dir, path, what & TOLD_WRITE);
}

/* Takes away what the event before already told of the same name. */
static unsigned drop_told(struct drain *d, int32_t wd, struct bytes name, unsigned what)
{
    if (d->wd == wd && bytes_equal(d->name, name)) {
        /* An entry told without its content is not the same as one with it. */
        unsigned news = what & ~d->told;
        d->told |= what;
        return news & TOLD_CONTENT ? news | TOLD_ENTRY : news;
    }
    d->wd = wd;
    d->told = what;
    d->name = bytes_at(d->name_at, name.len);
    memcpy(d->name_at, name.at, name.len);
    return what;
}

/* The kernel dropped a watch: its directory is gone, or its file system was unmounted. */
static void watch_ended(struct watch *w, int32_t wd)
{
    bool known = false;
    for (;;) {
        size_t at = 0;
        struct place *place = places_of_wd(&w->places, wd, &at);
        if (!place)
            break;
        known = true;
        places_set_wd(&w->places, place, 0);
        places_set_flags(&w->places, place, place->flags | PLACE_LOST);
    }
    w->n_watches -= known;
}

static void take_event(struct drain *d, const struct inotify_event *event)
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
            watch_ended(w, event->wd);
        return;
    }
    /* What is mounted below a directory moves along, and the table doesn't count as changed. */
    if (event->mask & IN_ISDIR && event->mask & (IN_MOVED_FROM | IN_MOVED_TO))
        w->mounts_stale = true;
    if (w->lost)
        return;
    size_t len = event->len ? strnlen(event->name, event->len) : 0;
    struct bytes name = bytes_at(event->name, len > NAME_MAX ? NAME_MAX : len);
    unsigned what = event_meaning(event->mask, name.len > 0);
    what = drop_told(d, event->wd, name, what);
    /* A number that is nowhere was left before: what is not in the tree can't make it stale. */
    struct place *place;
    for (size_t at = 0; what && (place = places_of_wd(&w->places, event->wd, &at));)
        tell(d, place, name, what);
}

/* Reads what was queued when this was called, and no more: writers may be quicker than we. */
static void read_events(struct drain *d)
{
    struct watch *w = d->w;
    int queued = 0;
    if (ioctl(w->fd, FIONREAD, &queued) < 0) {
        w->lost = true;
        return;
    }
    /* Some 400 events a call. */
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
            take_event(d, event);
            at += sizeof(*event) + event->len;
        }
        left -= (size_t)n < left ? (size_t)n : left;
    }
}

static void tell_mounts(struct watch *w, struct dirty *dirty)
{
    if (mounts_changed(w->mounts_fd) || w->mounts_stale)
        watch_refresh_mounts(w);
    for (size_t i = 0; i < w->went.n; i++)
        dirty_below(dirty, w->went.paths[i]);
    for (size_t i = 0; i < w->mounts.n; i++)
        dirty_below(dirty, w->mounts.paths[i]);
    mounts_release(&w->went);
    w->went_cap = 0;
}

/* Marks the directories that no event tells of. */
static void tell_odd(struct drain *d)
{
    struct places *places = &d->w->places;
    for (size_t i = 0; i < places->n_odd; i++) {
        const struct place *place = places->odd[i];
        if (!place->parent || !place->parent->flags)
            tell(d, place, BYTES(""), TOLD_BELOW);
    }
    /* One whose watch ended is either gone or entered again by the walk that comes of this.
     * From the end, since the last takes the place of one that goes. */
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
    d.w = w, d.dirty = dirty, d.wd = 0, d.told = 0, d.name = BYTES("");
    read_events(&d);
    tell_mounts(w, dirty);
    tell_odd(&d);
    w->astray = !w->silent_fs && !watch_in_place(w);
    /* Where it comes back to, what was mounted meanwhile has another path. */
    w->mounts_stale |= w->astray;
    bool told = !w->lost && !w->silent_fs && !w->astray && w->mounts_error == 0;
    w->lost = false;
    pthread_mutex_unlock(&w->lock);
    return told;
}
