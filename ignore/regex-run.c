/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program over a text: all positions at once, so a text of n runes costs n times the
 * program's length at most, whatever the pattern.
 */
#include "ignore-priv.h"

#include <stdlib.h>

/* Instructions for which a run needs no heap. */
#define SMALL_PROGRAM 256u

/* A set of instructions in insertion order, emptied in no time. */
struct position_set {
    uint32_t *dense, *sparse;
    uint32_t n;
};

static void set_add(struct position_set *s, uint32_t pc)
{
    uint32_t at = s->sparse[pc];
    if (at < s->n && s->dense[at] == pc)
        return;
    s->sparse[pc] = s->n;
    s->dense[s->n++] = pc;
}

/* What is before or behind a position, for `^`, `$` and `\b`. */
enum edge { EDGE_TEXT, EDGE_WORD, EDGE_OTHER };

static enum edge edge_of(uint32_t rune)
{
    return (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') || rune == '_' ||
                   (rune >= 'a' && rune <= 'z')
               ? EDGE_WORD
               : EDGE_OTHER;
}

static bool holds(uint32_t op, enum edge before, enum edge behind)
{
    if (op == OP_BEGIN)
        return before == EDGE_TEXT;
    if (op == OP_END)
        return behind == EDGE_TEXT;
    return ((before == EDGE_WORD) != (behind == EDGE_WORD)) == (op == OP_WORD);
}

/* Follows all that takes no rune. The set is its own work list: what is added is visited. */
static bool close_set(const struct regex *re, struct position_set *s, enum edge before,
                      enum edge behind)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t pc = s->dense[i];
        const struct instruction *in = &re->at[pc];
        switch ((enum regex_op)in->op) {
        case OP_SPLIT:
            set_add(s, pc + 1);
            set_add(s, (uint32_t)((int64_t)pc + in->arg));
            break;
        case OP_JUMP:
            set_add(s, (uint32_t)((int64_t)pc + in->arg));
            break;
        case OP_NOT_SLASH_LOOP:
        case OP_NOT_NEWLINE_LOOP:
        case OP_ANY_LOOP:
            set_add(s, pc + 1);
            break;
        case OP_BEGIN:
        case OP_END:
        case OP_WORD:
        case OP_NOT_WORD:
            if (holds(in->op, before, behind))
                set_add(s, pc + 1);
            break;
        case OP_MATCH:
            return true;
        default:
            break;
        }
    }
    return false;
}

static void step_set(const struct regex *re, const struct position_set *s,
                     struct position_set *next, uint32_t rune)
{
    next->n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t pc = s->dense[i];
        const struct instruction *in = &re->at[pc];
        bool loops = false, takes = false;
        switch ((enum regex_op)in->op) {
        case OP_RUNE:
            takes = rune == (uint32_t)in->arg;
            break;
        case OP_CLASS:
            takes = class_has(&re->classes[in->arg], rune);
            break;
        case OP_NOT_SLASH:
            takes = rune != '/';
            break;
        case OP_NOT_NEWLINE:
            takes = rune != '\n';
            break;
        case OP_NOT_SLASH_LOOP:
            loops = rune != '/';
            break;
        case OP_NOT_NEWLINE_LOOP:
            loops = rune != '\n';
            break;
        case OP_ANY_LOOP:
            loops = true;
            break;
        default:
            break;
        }
        if (takes || loops)
            set_add(next, loops ? pc : pc + 1);
    }
}

bool regex_match(const struct regex *re, struct bytes text)
{
    uint32_t small[4 * SMALL_PROGRAM];
    uint32_t *room = small;
    if (re->n > SMALL_PROGRAM)
        room = xcalloc(4 * (size_t)re->n, sizeof(*room));
    else
        memset(small, 0, 4 * (size_t)re->n * sizeof(*small));
    struct position_set now = {room, room + re->n, 0};
    struct position_set next = {room + 2 * (size_t)re->n, room + 3 * (size_t)re->n, 0};
    enum edge before = EDGE_TEXT;
    bool found = false;
    set_add(&now, 0);
    while (!found && now.n) {
        uint32_t rune = 0;
        size_t len = text.len ? utf8_decode(text, &rune) : 0;
        found = close_set(re, &now, before, len ? edge_of(rune) : EDGE_TEXT);
        if (len == 0)
            break;
        step_set(re, &now, &next, rune);
        struct position_set swap = now;
        now = next;
        next = swap;
        before = edge_of(rune);
        text = bytes_from(text, len);
    }
    if (room != small)
        free(room);
    return found;
}
