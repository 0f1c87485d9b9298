/* SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

#include <stdarg.h>
#include <stdio.h>

void notes_add(struct notes *notes, enum note_level level, const char *format, ...)
{
    if (!notes)
        return;
    if (notes->n >= NOTES_MAX) {
        notes->dropped++;
        return;
    }
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct note *note = ARENA_PUSH(&notes->arena, notes->at, &notes->n, &notes->cap);
    *note = (struct note){level, arena_copy(&notes->arena, bytes_of(text))};
}

struct notes_at notes_here(const struct notes *notes)
{
    return notes ? (struct notes_at){notes->n, notes->dropped} : (struct notes_at){0};
}

void notes_cut(struct notes *notes, struct notes_at at)
{
    if (!notes)
        return;
    notes->n = at.n;
    notes->dropped = at.dropped;
}

void notes_release(struct notes *notes)
{
    arena_release(&notes->arena);
    *notes = (struct notes){0};
}
