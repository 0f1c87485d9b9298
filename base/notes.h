/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a library tells a person although nothing failed: warnings and explanations, in order.
 * Libraries never print; the program prints all notes once.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_NOTES_H
#define CTXD_NOTES_H

#include "arena.h"

enum note_level {
    NOTE_INFO,    /* why something is as it is: shown with --verbose or when asked */
    NOTE_WARNING, /* the user probably wants to know */
};

struct note {
    enum note_level level;
    struct bytes text; /* one line, printable, no newline; in the arena */
};

struct notes {
    struct arena arena;
    struct note *at;
    size_t n, cap;
    size_t dropped; /* notes past NOTES_MAX, which are only counted */
};

/* Notes that are kept. A hostile tree may cause one per file, but nobody reads so many. */
#define NOTES_MAX 1000

#define cleanup_notes __attribute__((cleanup(notes_release)))

/* Adds a note. notes may be NULL: then nothing is kept. */
void notes_add(struct notes *notes, enum note_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How many notes there are; to forget those of a try that failed: notes_cut(notes, at). NULL is
 * fine. */
struct notes_at {
    size_t n, dropped;
};
struct notes_at notes_here(const struct notes *notes);
void notes_cut(struct notes *notes, struct notes_at at);
void notes_release(struct notes *notes);

#endif
