/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of a regular expression: what regex-parse.c writes, regex-run.c runs, and edges.c
 * and trie.c read.
 *
 * A program is a row of instructions. Distances are relative to the instruction itself, so a
 * fragment can be moved and copied:
 *
 *     ^a[^/]*b$   BEGIN  RUNE a  NOT_SLASH_LOOP  RUNE b  END  MATCH
 *     a|b         ANY_LOOP  SPLIT +3  RUNE a  JUMP +2  RUNE b  MATCH
 *
 * Thread: any. A program does not change once it is compiled.
 */
#ifndef CTXD_REGEX_PROGRAM_H
#define CTXD_REGEX_PROGRAM_H

#include "rune-class.h"

#include <stdint.h>

enum regex_op {
    OP_RUNE,             /* arg: the rune */
    OP_CLASS,            /* arg: index into classes */
    OP_NOT_SLASH,        /* `[^/]` */
    OP_NOT_NEWLINE,      /* `.` */
    OP_NOT_SLASH_LOOP,   /* `[^/]*`: takes such a rune and stays, or goes on to the next one */
    OP_NOT_NEWLINE_LOOP, /* `.*` */
    OP_ANY_LOOP,         /* any runes: the first instruction if the regex is not anchored */
    OP_SPLIT,            /* both: the next instruction, and the one at distance arg */
    OP_JUMP,             /* the instruction at distance arg */
    OP_BEGIN,            /* only at the start of the text */
    OP_END,              /* only at the end of the text */
    OP_WORD,             /* `\b` */
    OP_NOT_WORD,         /* `\B` */
    OP_MATCH,            /* found, whatever text follows */
};

struct instruction {
    uint32_t op; /* enum regex_op */
    int32_t arg;
};

struct regex {
    struct instruction *at;
    uint32_t n;
    const struct rune_class *classes;
};

#endif
