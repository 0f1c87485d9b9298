/* SPDX-License-Identifier: Apache-2.0 */
#include "watch-names.h"

#include <limits.h>
#include <sys/inotify.h>

/* Names, at 100 bytes each. The kernel queues 16,384 events by default; there are more names
 * only if several drains in a row had to keep theirs. */
#define NAMES_KEPT_MAX 65536

enum name_flags {
    NAME_CAME = 1 << 0,    /* since the last drain: its file may be any */
    NAME_TOUCHED = 1 << 1, /* its file was written to, or its attributes changed */
    NAME_GONE = 1 << 2,    /* the last event says that it leads nowhere */
    NAME_LOOK = 1 << 3,    /* look where it leads */
};

static uintptr_t *watch_names_at(struct watch_names *names, int32_t wd, struct bytes name)
{
    uint8_t key[sizeof(wd) + NAME_MAX];
    memcpy(key, &wd, sizeof(wd));
    memcpy(key + sizeof(wd), name.at, name.len);
    struct bytes bytes = bytes_at(key, sizeof(wd) + name.len);
    uintptr_t *flags = table_get(&names->names, bytes);
    if (flags)
        return flags;
    if (names->names.n == NAMES_KEPT_MAX) {
        names->unknown = true;
        return NULL;
    }
    return table_put(&names->names, arena_copy(&names->arena, bytes), NULL);
}

/* A name is removed. Its file can't be found any more, which matters if something was done to
 * it by this name. If the name led nowhere, two names were exchanged, and this is the other's
 * file. */
static void watch_names_go(struct watch_names *names, uintptr_t *flags)
{
    names->unknown |= *flags & NAME_GONE || (*flags & NAME_CAME && *flags & NAME_TOUCHED);
    *flags = NAME_GONE;
}

static void watch_names_move_from(struct watch_names *names, uintptr_t *flags, uint32_t cookie)
{
    if (names->n_moves == names->moves_cap) {
        names->moves_cap = names->moves_cap * 2 + 16;
        names->moves = xrealloc(names->moves, names->moves_cap * sizeof(*names->moves));
    }
    names->unknown |= (*flags & NAME_GONE) != 0;
    names->moves[names->n_moves++] = (struct watch_move){cookie, *flags};
    *flags = NAME_GONE;
}

/* The flags that the file had at its old name; NAME_CAME: no watched directory has that. */
static uintptr_t watch_names_move_to(struct watch_names *names, uint32_t cookie)
{
    for (size_t i = names->n_moves; i-- > 0;) {
        uintptr_t was = names->moves[i].was;
        if (names->moves[i].cookie != cookie)
            continue;
        names->moves[i] = names->moves[--names->n_moves];
        return was;
    }
    return NAME_CAME;
}

void watch_names_take(struct watch_names *names, const struct inotify_event *event,
                      struct bytes name)
{
    uint32_t mask = event->mask;
    if (mask & IN_ISDIR) {
        names->unknown |= (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
        return;
    }
    if (names->unknown)
        return;
    uintptr_t *flags = watch_names_at(names, event->wd, name);
    if (!flags)
        return;
    if (mask & IN_DELETE) {
        watch_names_go(names, flags);
    } else if (mask & IN_MOVED_FROM) {
        watch_names_move_from(names, flags, event->cookie);
    } else if (mask & (IN_CREATE | IN_MOVED_TO)) {
        /* What came is replaced; or exchanged, and then it goes on under another name. */
        names->unknown |= *flags & NAME_CAME && !(*flags & NAME_GONE);
        *flags = NAME_LOOK |
                 (mask & IN_CREATE ? NAME_CAME : watch_names_move_to(names, event->cookie));
    } else {
        /* A descriptor of a file whose name is gone. */
        names->unknown |= (*flags & NAME_GONE) != 0;
        *flags |= NAME_TOUCHED | NAME_LOOK;
    }
}

void watch_names_lose(struct watch_names *names)
{
    names->unknown = true;
}

void watch_names_each(struct watch_names *names,
                      bool (*look)(void *context, int32_t wd, struct bytes name), void *context)
{
    for (size_t i = 0; i < names->names.cap && !names->unknown; i++) {
        const struct table_slot *slot = &names->names.slots[i];
        if (!slot->key.at || !(slot->value & NAME_LOOK) || slot->value & NAME_GONE)
            continue;
        int32_t wd;
        memcpy(&wd, slot->key.at, sizeof(wd));
        names->unknown |= !look(context, wd, bytes_from(slot->key, sizeof(wd)));
    }
    /* The files that came and were moved out. */
    for (size_t i = 0; i < names->n_moves; i++)
        names->unknown |= (names->moves[i].was & NAME_CAME) != 0;
    names->n_moves = 0;
}

bool watch_names_unknown(const struct watch_names *names)
{
    return names->unknown;
}

void watch_names_forget(struct watch_names *names)
{
    table_release(&names->names);
    arena_release(&names->arena);
    free(names->moves);
    *names = (struct watch_names){0};
}
