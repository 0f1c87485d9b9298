/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore: ignore file -> patterns -> compiled matcher -> a verdict for each entry of a walk.
 *
 * The verdicts are those of BuildKit's own filtered walk, case by case (docs/ignore.md says
 * how). Nothing here reads the file system or a Dockerfile.
 *
 *     r = ignore_parse(BYTES(".dockerignore"), text, IGNORE_BUILDKIT, notes, &ig, f);
 *     const struct ignore_dir *here = ignore_root(ig);
 *     r = ignore_check(ig, here, name, is_dir, &verdict, &below, f);
 *     if (verdict.descend)
 *         … the same with `below` for the entries of the directory, then ignore_leave(below)
 */
#ifndef CTXD_IGNORE_H
#define CTXD_IGNORE_H

#include "base.h"

/* The implementation whose rules apply. */
enum ignore_rules {
    IGNORE_BUILDKIT, /* the newest patternmatcher, and the walk of fsutil */
    IGNORE_LIBRARY,  /* the same, but bytes that are not UTF-8 stay as they are in patterns:
                        the tests compare with the library alone */
    IGNORE_CLASSIC,  /* the 20.10 client: docker/pkg/fileutils and archive.TarWithOptions. It
                        does not send an excluded directory that contains something kept; the
                        daemon makes that directory */
};

/* Bytes. A larger ignore file is refused with -E2BIG; real ones have a few kilobytes. */
#define IGNORE_FILE_MAX (16u << 20)

/* A compiled set of patterns. It never changes, and any number of threads may share it. */
struct ignore;

/* The state of a walk in a directory: the patterns that can still match below. Immutable. */
struct ignore_dir;

struct ignore_verdict {
    bool keep;       /* the entry is sent, and (except in classic) its excluded ancestors are */
    bool descend;    /* a directory that may contain something kept: it must be entered */
    bool no_content; /* a kept regular file that is sent empty. BuildKit decides by
                        ignore_path(), not by the walk, whether content may be opened */
    uint32_t rule;   /* the pattern that decided, 1-based; 0: none. For ignore_rule() */
    uint32_t content_rule; /* if no_content: the pattern that refuses the content */
};

/* One pattern as it is in the file, for messages and `why`. */
struct ignore_rule {
    struct bytes text; /* the pattern as parsed, with its '!' */
    uint32_t line;     /* 1-based, in the file */
    bool exception;
};

/*
 * Parses and compiles the content of an ignore file, which messages call `name`. An empty text
 * gives an empty set, which keeps everything. A pattern that can't match anything gets a note.
 *
 * -EINVAL if the reference rejects the set; the failure names file and line. -E2BIG past
 * IGNORE_FILE_MAX, 250,000 patterns, a million components or 256 MiB of regexes.
 *
 * The caller frees *ret_ignore with ignore_free(). It borrows neither name nor text. Thread:
 * any.
 */
int ignore_parse(struct bytes name, struct bytes text, enum ignore_rules rules,
                 struct notes *notes, struct ignore **ret_ignore, struct failure *f) must_use;
void ignore_free(struct ignore *ig);

/* How many patterns there are. */
size_t ignore_count(const struct ignore *ig);
/* rule: 1 to ignore_count(). The text is borrowed from ig. */
struct ignore_rule ignore_rule(const struct ignore *ig, uint32_t rule);

/* The state of the root directory. It belongs to ig: no ignore_leave(). Thread: any. */
const struct ignore_dir *ignore_root(const struct ignore *ig);

/*
 * The verdict for the entry `name` (one component) of the directory `dir`.
 *
 * If the entry is a directory that must be entered, *ret_below is its state, else NULL. The
 * caller gives the state back with ignore_leave(). It stays valid after `dir` is left.
 *
 * -EINVAL: a pattern is malformed, and the reference finds that only when it evaluates the
 * pattern. The whole walk fails, as Docker's does. Thread: any.
 */
int ignore_check(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                 bool is_dir, struct ignore_verdict *ret_verdict, struct ignore_dir **ret_below,
                 struct failure *f) must_use;
/* NULL is fine. Thread: any. */
void ignore_leave(struct ignore_dir *dir);

/*
 * The path verdict: whether a path is excluded, without a walk. The classic client decides by
 * it, and BuildKit decides by it whether the content of a file may be opened. -EINVAL as for
 * ignore_check(). Source: patternmatcher.MatchesOrParentMatches. Thread: any.
 */
int ignore_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f) must_use;

#endif
