/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax check of patternmatcher.New: the error of Go's filepath.Match(pattern, "."). That
 * function stops at the first chunk that does not match ".", so it does not see a fault after a
 * later star: `a*b[` passes here, and fails only when its regex is compiled.
 */
#include "syntax.h"

#include <errno.h>

/* The name that is matched: "." or the rest of it. */
struct dot {
    size_t len; /* 0 or 1 */
};

/* Takes the chunk up to the next star outside a class off *p. Source: filepath scanChunk. */
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
    struct bytes chunk = bytes_head(*p, i);
    *p = bytes_from(*p, i);
    return chunk;
}

/* Matches a chunk with the start of *name. 1: *name is the rest; 0; -EINVAL. Source: filepath
 * matchChunk. */
static int syntax_match_chunk(struct bytes chunk, struct dot *name)
{
    bool failed = false;
    size_t left = name->len;
    while (chunk.len) {
        uint8_t c = chunk.at[0];
        failed = failed || left == 0;
        chunk = bytes_from(chunk, 1);
        if (c == '[') {
            int has = glob_class(&chunk, failed ? 0 : '.');
            if (has < 0)
                return -EINVAL;
            failed = failed || has == 0;
        } else if (c == '\\') {
            if (chunk.len == 0)
                return -EINVAL;
            failed = failed || chunk.at[0] != '.';
            chunk = bytes_from(chunk, 1);
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
        struct bytes chunk = syntax_take_chunk(&p);
        if (star && chunk.len == 0)
            return true;
        struct dot rest = name;
        int r = syntax_match_chunk(chunk, &rest);
        if (r > 0 && (rest.len == 0 || p.len)) {
            name = rest;
            continue;
        }
        if (r < 0)
            return false;
        /* A star could take the dot itself, but then nothing is left for the chunk to match. */
        return true;
    }
    return true;
}
