/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite-place: how the stage that a rewrite adds fits into the file, so that it changes no
 * verdict of the builder's checks and few line numbers. Thread: any. Source: BuildKit
 * dockerfile2llb/validations.go, parser/parser.go, instructions/parse.go, v0.34.
 */
#ifndef CTXD_REWRITE_PLACE_H
#define CTXD_REWRITE_PLACE_H

#include "dockerfile.h"

/* Blank lines that are left out at most: for four added stages. */
#define REWRITE_LINES 8

struct rewrite_place {
    size_t at;  /* offset in the text: of the line before which the stage goes */
    bool lower; /* the stage is written in lower case */
    /* Blank lines behind `at`, whole and ascending, that are left out. All that follows the
     * last one keeps its line number, if there are as many as lines are added. */
    struct {
        size_t at, len;
    } blank[REWRITE_LINES];
    size_t n_blank;
};

/* n_lines: the lines that will be added. */
struct rewrite_place rewrite_find_place(const struct dockerfile *df, size_t n_lines);

#endif
