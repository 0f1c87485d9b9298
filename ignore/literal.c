/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The literal engine (ignore-engine.h): a step-by-step copy of
 * patternmatcher.MatchesUsingParentResults and fsutil's filter, which tries every pattern on
 * every path. It is slow. Tests compare the automaton with it, and it walks the sets that
 * contain a pattern whose evaluation fails, because there it matters which ones are evaluated.
 */
#include "literal.h"

#include "pattern.h"

#include <stdlib.h>

struct literal_dir {
    struct ignore_dir base;
    struct bytes path; /* empty: the root */
    uint64_t
        bits[]; /* one for each pattern, set if it took effect here or above; then the path */
};

static size_t literal_bit_words(const struct ignore *ig)
{
    return ig->n / 64 + 1;
}

/* The state of the entry `name` of dir, with no bit set. */
static struct literal_dir *literal_dir_new(const struct ignore *ig, struct bytes dir,
                                           struct bytes name)
{
    size_t bits = literal_bit_words(ig) * sizeof(uint64_t);
    size_t len = dir.len + (dir.len > 0) + name.len;
    struct literal_dir *made = xcalloc(1, sizeof(*made) + bits + len);
    atomic_init(&made->base.refs, 1);
    uint8_t *path = (uint8_t *)(made + 1) + bits;
    pattern_path(path, dir, name);
    made->path = bytes_at(path, len);
    return made;
}

static int literal_root(struct ignore *ig, struct ignore_dir **ret)
{
    *ret = &literal_dir_new(ig, BYTES(""), BYTES(""))->base;
    return 0;
}

/* Whether BuildKit does not enter an excluded directory. Source: fsutil filter.go. */
static bool literal_is_pruned(const struct ignore *ig, struct bytes path)
{
    if (ig->n_exceptions == 0)
        return true;
    if (!ig->prefix_exceptions)
        return false;
    for (size_t i = 0; i < ig->n; i++) {
        struct bytes text = exception_text(&ig->patterns[i]);
        if (ig->patterns[i].exception && path_under(text, path))
            return false;
    }
    return true;
}

/* Whether the pattern matches the path or one of the directories above it. */
static bool literal_match_any(const struct pattern *p, struct bytes path)
{
    if (pattern_match(p, path))
        return true;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] == '/' && pattern_match(p, bytes_head(path, i)))
            return true;
    return false;
}

/*
 * The pattern (1-based) that decides on the path without a walk, or 0. It is a PATTERN_BAD if
 * the evaluation fails. Source: patternmatcher.MatchesOrParentMatches.
 */
static uint32_t literal_path_rule(const struct ignore *ig, struct bytes path)
{
    uint32_t rule = 0;
    bool excluded = false;
    for (uint32_t i = 0; i < ig->n; i++) {
        const struct pattern *p = &ig->patterns[i];
        if (p->exception != excluded)
            continue;
        if (p->kind == PATTERN_BAD)
            return i + 1;
        if (!literal_match_any(p, path))
            continue;
        excluded = !p->exception;
        rule = i + 1;
    }
    return rule;
}

static int literal_check(const struct ignore *ig, const struct ignore_dir *ignore_dir,
                         struct bytes name, bool is_dir, struct ignore_verdict *ret_verdict,
                         struct ignore_dir **ret_below, struct failure *f)
{
    const struct literal_dir *dir = (const struct literal_dir *)(const void *)ignore_dir;
    struct literal_dir *below = literal_dir_new(ig, dir->path, name);
    struct ignore_verdict verdict = {.keep = true};
    bool excluded = false;
    for (size_t i = 0; i < ig->n; i++) {
        const struct pattern *p = &ig->patterns[i];
        uint64_t bit = 1ull << i % 64;
        if (!(dir->bits[i / 64] & bit)) {
            if (p->exception != excluded)
                continue;
            if (p->kind == PATTERN_BAD) {
                free(below);
                return pattern_fail(p, ig->name, f);
            }
            if (!pattern_match(p, below->path))
                continue;
        }
        below->bits[i / 64] |= bit;
        excluded = !p->exception;
        verdict.rule = (uint32_t)i + 1;
    }
    verdict.keep = !excluded;
    verdict.descend = is_dir && (!excluded || !literal_is_pruned(ig, below->path));
    if (!is_dir && !excluded) {
        /* If the path verdict fails, BuildKit's open of the file fails, and the file is sent
         * empty, too. */
        uint32_t rule = literal_path_rule(ig, below->path);
        verdict.no_content = rule && (!ig->patterns[rule - 1].exception ||
                                      ig->patterns[rule - 1].kind == PATTERN_BAD);
        verdict.content_rule = verdict.no_content ? rule : 0;
    }
    *ret_verdict = verdict;
    *ret_below = verdict.descend ? &steal(&below)->base : NULL;
    free(below);
    return 0;
}

int literal_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                 struct failure *f)
{
    uint32_t rule = literal_path_rule(ig, path);
    const struct pattern *p = rule ? &ig->patterns[rule - 1] : NULL;
    if (p && p->kind == PATTERN_BAD)
        return pattern_fail(p, ig->name, f);
    *ret_excluded = p && !p->exception;
    return 0;
}

const struct engine literal_engine = {literal_root, literal_check, literal_path};
