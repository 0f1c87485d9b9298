/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the events of one root say of each name since the last drain: which file a name led to
 * when something was done by it, and whether that can still be found out.
 *
 *     watch_names_take(&names, event, name);        for each event that has a name
 *     watch_names_each(&names, look, context);      the names to look at; then
 *     if (watch_names_unknown(&names)) …            any file may have changed
 *     watch_names_forget(&names);
 *
 * An event has the name of a file and not the file. link(2) raises an event for the new name
 * alone, which looks like that of a new file. So what was done by a name that came since the
 * last drain may have been done to any file of the tree, unless the name still leads to that
 * file when it is looked at. It does not after these, each of which makes the answer unknown:
 *  - the name came, the file was written to or its attributes changed, and the name was
 *    removed;
 *  - the name came, and the file was moved out, or another file was renamed over it;
 *  - a file was written to after its name was removed, by a descriptor;
 *  - a directory came: before it was watched, names may have come and gone in it.
 * Names that were there at the last drain are no danger: if their file has another name in a
 * watched directory, the tree knows that it has several.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_WATCH_NAMES_H
#define CTXD_WATCH_NAMES_H

#include "base.h"

struct inotify_event;

/* A file that was moved from a name, until the event of its new name. */
struct watch_move {
    uint32_t cookie;
    uintptr_t was; /* the flags of the old name */
};

struct watch_names {
    struct arena arena;
    struct table names; /* number of the watch, name -> flags */
    struct watch_move *moves;
    size_t n_moves, moves_cap;
    bool unknown;
};

/* name: that of the event, without padding. */
void watch_names_take(struct watch_names *names, const struct inotify_event *event,
                      struct bytes name);
/* Notes that any file may have changed. */
void watch_names_lose(struct watch_names *names);
/*
 * Calls look() for each name that should lead to a file that came, was written to, or whose
 * attributes changed. false: it doesn't lead to one any more.
 */
void watch_names_each(struct watch_names *names,
                      bool (*look)(void *context, int32_t wd, struct bytes name),
                      void *context);
/* Whether something was done to a file that can't be told. To be asked after the events of a
 * drain were taken, and the names looked at. */
bool watch_names_unknown(const struct watch_names *names);
/* Forgets all names. Also releases what is allocated. */
void watch_names_forget(struct watch_names *names);

#endif
