/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program by following all positions at once (Thompson's way): a text of n runes costs
 * at most n times the length of the program, whatever the pattern.
 */
#include "regex-run.h"

#include <stdlib.h>

/* A run of a program of up to so many instructions needs no heap, but 4 KiB of stack. */
#define SMALL_PROGRAM 256u

/* A set of instructions in the order of insertion, which n = 0 empties. `sparse` gives the
 * index in `dense` at which an instruction would be. Source: Briggs and Torczon, 1993. */
struct position_set {
    uint32_t *dense, *sparse;
    uint32_t n;
};

static void positions_add(struct position_set *s, uint32_t pc)
{
    uint32_t at = s->sparse[pc];
    if (at < s->n && s->dense[at] == pc)
        return;
    s->sparse[pc] = s->n;
    s->dense[s->n++] = pc;
}

/* What is on one side of a position, for `^`, `$` and `\b`. */
enum side { SIDE_END, SIDE_WORD, SIDE_OTHER };

static enum side regex_side_of(uint32_t rune)
{
    return (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') || rune == '_' ||
                   (rune >= 'a' && rune <= 'z')
               ? SIDE_WORD
               : SIDE_OTHER;
}

static bool regex_side_holds(uint32_t op, enum side before, enum side after)
{
    if (op == OP_BEGIN)
        return before == SIDE_END;
    if (op == OP_END)
        return after == SIDE_END;
    return ((before == SIDE_WORD) != (after == SIDE_WORD)) == (op == OP_WORD);
}

/* Adds what the instructions of the set lead to without a rune. The set is its own work list:
 * what is added at the end is visited, too. Returns whether the program has matched. */
static bool positions_close(const struct regex *re, struct position_set *s, enum side before,
                            enum side after)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t pc = s->dense[i];
        const struct instruction *in = &re->at[pc];
        switch ((enum regex_op)in->op) {
        case OP_SPLIT:
            positions_add(s, pc + 1);
            positions_add(s, (uint32_t)((int64_t)pc + in->arg));
            break;
        case OP_JUMP:
            positions_add(s, (uint32_t)((int64_t)pc + in->arg));
            break;
        case OP_NOT_SLASH_LOOP:
        case OP_NOT_NEWLINE_LOOP:
        case OP_ANY_LOOP:
            positions_add(s, pc + 1);
            break;
        case OP_BEGIN:
        case OP_END:
        case OP_WORD:
        case OP_NOT_WORD:
            if (regex_side_holds(in->op, before, after))
                positions_add(s, pc + 1);
            break;
        case OP_MATCH:
            return true;
        default:
            break;
        }
    }
    return false;
}

static void positions_step(const struct regex *re, const struct position_set *s,
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
            positions_add(next, loops ? pc : pc + 1);
    }
}

/* The two sets of a run, on the stack if the program is small. */
struct run {
    struct position_set now, next;
    uint32_t *heap;
    uint32_t small[4 * SMALL_PROGRAM];
};

static void regex_run_init(struct run *run, const struct regex *re)
{
    uint32_t *room = run->small;
    run->heap = NULL;
    if (re->n > SMALL_PROGRAM)
        room = run->heap = xcalloc(4 * (size_t)re->n, sizeof(*room));
    else
        memset(room, 0, 4 * (size_t)re->n * sizeof(*room));
    run->now = (struct position_set){room, room + re->n, 0};
    run->next = (struct position_set){room + 2 * (size_t)re->n, room + 3 * (size_t)re->n, 0};
}

static void regex_run_swap(struct run *run)
{
    struct position_set swap = run->now;
    run->now = run->next;
    run->next = swap;
}

/* Makes next the same as now. */
static void regex_run_copy(struct run *run)
{
    run->next.n = 0;
    for (uint32_t i = 0; i < run->now.n; i++)
        positions_add(&run->next, run->now.dense[i]);
}

/* Runs over a text. Returns whether the program has matched before the end of it. */
static bool regex_run_text(struct run *run, const struct regex *re, struct bytes text,
                           enum side *before)
{
    while (text.len && run->now.n) {
        uint32_t rune;
        text = bytes_from(text, utf8_decode(text, &rune));
        if (positions_close(re, &run->now, *before, regex_side_of(rune)))
            return true;
        positions_step(re, &run->now, &run->next, rune);
        regex_run_swap(run);
        *before = regex_side_of(rune);
    }
    return false;
}

bool regex_match(const struct regex *re, struct bytes text)
{
    struct run run;
    enum side before = SIDE_END;
    regex_run_init(&run, re);
    positions_add(&run.now, 0);
    bool found = regex_run_text(&run, re, text, &before);
    found = found || positions_close(re, &run.now, before, SIDE_END);
    free(run.heap);
    return found;
}

bool regex_step(const struct regex *re, const uint32_t *from, size_t n_from, bool at_start,
                struct bytes name, uint32_t *ret_below, size_t *ret_n_below)
{
    struct run run;
    enum side before = at_start ? SIDE_END : SIDE_OTHER;
    regex_run_init(&run, re);
    for (size_t i = 0; i < n_from; i++)
        positions_add(&run.now, from[i]);
    bool found = regex_run_text(&run, re, name, &before);
    size_t n = 0;
    if (found) {
        /* It matched before the end, so it matches whatever follows. */
        if (ret_below)
            ret_below[n++] = re->n - 1;
    } else if (ret_below) {
        /* The end of the text and a following '/' let different assertions hold, so each is
         * followed in a copy of the set. */
        regex_run_copy(&run);
        bool passed = positions_close(re, &run.next, before, SIDE_OTHER);
        found = positions_close(re, &run.now, before, SIDE_END);
        positions_step(re, &run.next, &run.now, '/');
        if (passed)
            ret_below[n++] = re->n - 1;
        for (; !passed && n < run.now.n; n++)
            ret_below[n] = run.now.dense[n];
    } else {
        found = positions_close(re, &run.now, before, SIDE_END);
    }
    if (ret_below)
        *ret_n_below = n;
    free(run.heap);
    return found;
}
