/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk by the letter of patternmatcher.MatchesUsingParentResults and fsutil's filter: every
 * pattern against every path. Slow, and the measure of the automaton.
 */
#include "ignore-priv.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ignore_dir {
    struct bytes path; /* empty: the root */
    uint64_t *bits;    /* a bit for each pattern that has matched here or above */
};

static size_t bit_words(const struct ignore *ig)
{
    return ig->n / 64 + 1;
}

static struct ignore_dir *dir_new(const struct ignore *ig, size_t path_len)
{
    size_t bits = bit_words(ig) * sizeof(uint64_t);
    struct ignore_dir *dir = xcalloc(1, sizeof(*dir) + bits + path_len);
    dir->bits = (uint64_t *)(dir + 1);
    dir->path = bytes_at((uint8_t *)(dir + 1) + bits, path_len);
    return dir;
}

struct ignore_dir *literal_root(const struct ignore *ig)
{
    return dir_new(ig, 0);
}

void literal_leave(struct ignore_dir *dir)
{
    free(dir);
}

/* The directory or file `name` of dir, its bits not yet set. */
static struct ignore_dir *dir_below(const struct ignore *ig, const struct ignore_dir *dir,
                                    struct bytes name)
{
    size_t lead = dir->path.len ? dir->path.len + 1 : 0;
    struct ignore_dir *below = dir_new(ig, lead + name.len);
    uint8_t *path = (uint8_t *)below->bits + bit_words(ig) * sizeof(uint64_t);
    if (lead) {
        memcpy(path, dir->path.at, dir->path.len);
        path[lead - 1] = '/';
    }
    memcpy(path + lead, name.at, name.len);
    return below;
}

/* Whether BuildKit skips an excluded directory unentered. Source: fsutil filter.go. */
static bool is_pruned(const struct ignore *ig, struct bytes path)
{
    if (ig->n_exceptions == 0)
        return true;
    if (!ig->prefix_exceptions)
        return false;
    for (size_t i = 0; i < ig->n; i++) {
        struct bytes text = ig->patterns[i].text;
        if (!ig->patterns[i].exception)
            continue;
        if (bytes_ends(text, BYTES("/**")))
            text.len -= 3;
        if (bytes_ends(text, BYTES("/*")))
            text.len -= 2;
        if (bytes_starts(text, path) && (text.len == path.len || text.at[path.len] == '/'))
            return false;
    }
    return true;
}

int literal_check(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                  bool is_dir, struct ignore_verdict *ret_verdict,
                  struct ignore_dir **ret_below, struct failure *f)
{
    struct ignore_dir *below = dir_below(ig, dir, name);
    struct ignore_verdict verdict = {.keep = true};
    bool excluded = false;
    for (size_t i = 0; i < ig->n; i++) {
        const struct pattern *p = &ig->patterns[i];
        uint64_t bit = 1ull << i % 64;
        if (!(dir->bits[i / 64] & bit)) {
            if (p->exception != excluded)
                continue;
            if (p->kind == PATTERN_BAD) {
                literal_leave(below);
                return pattern_fail(ig, p, f);
            }
            if (!pattern_match(p, below->path))
                continue;
        }
        below->bits[i / 64] |= bit;
        excluded = !p->exception;
        verdict.rule = (uint32_t)i + 1;
    }
    verdict.keep = !excluded;
    verdict.descend = is_dir && (!excluded || !is_pruned(ig, below->path));
    if (!is_dir && !excluded) {
        /* Where the path verdict fails, BuildKit's open fails: the same empty file. */
        bool refused;
        verdict.no_content = ignore_path(ig, below->path, &refused, NULL) < 0 || refused;
    }
    *ret_verdict = verdict;
    *ret_below = verdict.descend ? steal(&below) : NULL;
    literal_leave(below);
    return 0;
}
