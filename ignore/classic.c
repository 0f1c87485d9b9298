/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classic engine (ignore-engine.h): the rules of the 20.10 client, which packs the context
 * itself by archive.TarWithOptions and fileutils.PatternMatcher.Matches. They differ from
 * BuildKit's walk:
 *
 * - Every pattern is a regex in which only `.` and `$` are escaped: see translate.c.
 * - No pattern is skipped: the last one that matches decides. A malformed one always fails.
 * - A pattern matches a path if it matches the path itself, or the directory above it that has
 *   as many components as the pattern.
 * - An excluded directory is entered only if the text of an exception, including its wildcards,
 *   lies below the directory. The directory itself is not sent for what is kept in it.
 *
 * Source: docker v20.10.24, pkg/fileutils/fileutils.go and pkg/archive/archive.go.
 */
#include "ignore-engine.h"
#include "pattern.h"

#include <stdlib.h>

struct classic_dir {
    struct ignore_dir base;
    uint32_t carried; /* the last pattern (1-based) that matches a directory above, or 0 */
    uint32_t depth;   /* number of components of the path */
    struct bytes path;
    uint8_t text[];
};

static struct classic_dir *classic_dir_new(struct bytes dir, struct bytes name)
{
    size_t len = dir.len + (dir.len > 0) + name.len;
    struct classic_dir *made = xcalloc(1, sizeof(*made) + len);
    atomic_init(&made->base.refs, 1);
    made->path = bytes_at(made->text, len);
    pattern_path(made->text, dir, name);
    return made;
}

static int classic_root(struct ignore *ig, struct ignore_dir **ret)
{
    (void)ig;
    *ret = &classic_dir_new(BYTES(""), BYTES(""))->base;
    return 0;
}

static uint32_t classic_components(struct bytes path)
{
    uint32_t n = 1;
    for (size_t i = 0; i < path.len; i++)
        n += path.at[i] == '/';
    return n;
}

/* Whether the text of an exception is the directory, or lies below it. */
static bool classic_exception_below(const struct ignore *ig, struct bytes dir)
{
    for (size_t i = 0; i < ig->n; i++) {
        struct bytes text = ig->patterns[i].text;
        if (ig->patterns[i].exception && path_under(text, dir))
            return true;
    }
    return false;
}

static int classic_fail_if_bad(const struct ignore *ig, struct failure *f)
{
    for (size_t i = 0; ig->n_bad && i < ig->n; i++)
        if (ig->patterns[i].kind == PATTERN_BAD)
            return pattern_fail(&ig->patterns[i], ig->name, f);
    return 0;
}

static int classic_check(const struct ignore *ig, const struct ignore_dir *ignore_dir,
                         struct bytes name, bool is_dir, struct ignore_verdict *ret_verdict,
                         struct ignore_dir **ret_below, struct failure *f)
{
    const struct classic_dir *dir = (const struct classic_dir *)(const void *)ignore_dir;
    int r = classic_fail_if_bad(ig, f);
    if (r < 0)
        return r;
    struct classic_dir *below = classic_dir_new(dir->path, name);
    below->depth = dir->depth + 1;
    below->carried = dir->carried;
    uint32_t rule = dir->carried;
    /* Backwards: the first match that is found decides, and those before it change nothing. */
    for (uint32_t i = (uint32_t)ig->n; i > below->carried; i--) {
        const struct pattern *p = &ig->patterns[i - 1];
        bool carries = is_dir && classic_components(p->text) == below->depth;
        if ((rule >= i || rule > dir->carried) && !carries)
            continue;
        if (!pattern_match(p, below->path))
            continue;
        if (i > rule)
            rule = i;
        if (carries)
            below->carried = i;
    }
    bool excluded = rule && !ig->patterns[rule - 1].exception;
    *ret_verdict = (struct ignore_verdict){
        .keep = !excluded,
        .descend = is_dir && (!excluded || classic_exception_below(ig, below->path)),
        .rule = rule,
    };
    *ret_below = ret_verdict->descend ? &steal(&below)->base : NULL;
    free(below);
    return 0;
}

static int classic_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                        struct failure *f)
{
    int r = classic_fail_if_bad(ig, f);
    if (r < 0)
        return r;
    bool excluded = false;
    for (size_t i = 0; i < ig->n; i++) {
        const struct pattern *p = &ig->patterns[i];
        uint32_t wanted = classic_components(p->text), n = 1;
        bool hit = pattern_match(p, path);
        for (size_t k = 0; k < path.len && !hit; k++)
            if (path.at[k] == '/' && n++ == wanted)
                hit = pattern_match(p, bytes_head(path, k));
        if (hit)
            excluded = !p->exception;
    }
    *ret_excluded = excluded;
    return 0;
}

const struct engine classic_engine = {classic_root, classic_check, classic_path};
