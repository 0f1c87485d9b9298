/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax check of patternmatcher.New, which is Go's filepath.Match(pattern, ".") and its
 * error. That stops at the first piece that doesn't match ".", so a fault behind a later star
 * goes unseen: `a*b[` passes here, and fails only when its regex is compiled.
 */
#include "syntax.h"

#include <errno.h>

/* The name that is matched: "." or what is left of it. */
struct dot {
    size_t len; /* 0 or 1 */
};

/* The piece of p up to the next star outside a class. Source: filepath scanChunk. */
static struct bytes syntax_take_chunk(struct bytes *p)
{
    bool in_class = false;
    size_t i = 0;
    for (; i < p->len && (in_class || p->at[i] != '*'); i++) {
        if (p->at[i] == '\\' && i + 1 < p->len)
            i++;
        else if (p->at[i] == '[')
            in_class = true;
        else if (p->at[i] == ']')
            in_class = false;
    }
    struct bytes piece = bytes_head(*p, i);
    *p = bytes_from(*p, i);
    return piece;
}

/* 1 with the rest of *name, 0, or -EINVAL. Source: filepath matchChunk. */
static int syntax_match_chunk(struct bytes piece, struct dot *name)
{
    bool failed = false;
    size_t left = name->len;
    while (piece.len) {
        uint8_t c = piece.at[0];
        failed = failed || left == 0;
        piece = bytes_from(piece, 1);
        if (c == '[') {
            int has = glob_class(&piece, failed ? 0 : '.');
            if (has < 0)
                return -EINVAL;
            failed = failed || has == 0;
        } else if (c == '\\') {
            if (piece.len == 0)
                return -EINVAL;
            failed = failed || piece.at[0] != '.';
            piece = bytes_from(piece, 1);
        } else if (c != '?') {
            failed = failed || c != '.';
        }
        left = 0;
    }
    if (!failed)
        name->len = left;
    return !failed;
}

bool pattern_valid(struct bytes p)
{
    struct dot name = {1};
    while (p.len) {
        bool star = p.at[0] == '*';
        while (p.len && p.at[0] == '*')
            p = bytes_from(p, 1);
        struct bytes piece = syntax_take_chunk(&p);
        if (star && piece.len == 0)
            return true;
        struct dot rest = name;
        int r = syntax_match_chunk(piece, &rest);
        if (r > 0 && (rest.len == 0 || p.len)) {
            name = rest;
            continue;
        }
        if (r < 0)
            return false;
        /* Where a star takes the dot itself, nothing is left to match the piece with. */
        return true;
    }
    return true;
}
