/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore: ignore file -> patterns -> compiled matcher -> verdict carried down a walk.
 *
 * Answers what BuildKit's own filtered walk answers, case by case (docs/ignore.md says how).
 * Never touches the file system, and knows nothing of Dockerfiles.
 *
 *     r = ignore_parse(BYTES(".dockerignore"), text, IGNORE_BUILDKIT, notes, &ig, f);
 *     const struct ignore_dir *here = ignore_root(ig);
 *     r = ignore_check(ig, here, name, is_dir, &verdict, &below, f);
 *     if (verdict.descend)
 *         … the same with `below` for what the directory holds, then ignore_leave(below)
 */
#ifndef CTXD_IGNORE_H
#define CTXD_IGNORE_H

#include "base.h"

/* Whose rules apply. */
enum ignore_rules {
    IGNORE_BUILDKIT, /* the newest patternmatcher and fsutil walk */
    IGNORE_LIBRARY,  /* the same but for what JSON does to bad UTF-8 in patterns: for oracles */
    IGNORE_CLASSIC,  /* the 20.10 client: docker/pkg/fileutils and archive.TarWithOptions. It
                        sends no excluded directory for what it keeps in it: the daemon makes
                        one up. */
};

/* A larger ignore file is refused with -E2BIG. */
#define IGNORE_FILE_MAX (16u << 20)

/* A compiled set of patterns: sealed, shared by any number of threads. */
struct ignore;

/* Where a walk stands: what the patterns still alive know of one directory. Immutable. */
struct ignore_dir;

struct ignore_verdict {
    bool keep;       /* the entry is sent (and, but for classic, its excluded ancestors) */
    bool descend;    /* a directory that may hold something kept: must be entered */
    bool no_content; /* a kept regular file whose content the rules refuse: sent empty
                        (BuildKit opens content by the path verdict, not the walk's) */
    uint32_t rule;   /* the 1-based pattern that decided, 0: none matched; see ignore_rule() */
    uint32_t content_rule; /* the one that refuses the content, where no_content */
};

/* One pattern as the person wrote it, for messages and `why`. */
struct ignore_rule {
    struct bytes text; /* the pattern after parsing, with its '!' */
    uint32_t line;     /* 1-based, in the file */
    bool exception;
};

/*
 * Parses and compiles the content of an ignore file called `name` in messages. Empty text is
 * an empty set, which keeps everything. Notes get what a person should know (a pattern that can
 * match nothing). -EINVAL for a set that the reference rejects, naming file and line; -E2BIG
 * past IGNORE_FILE_MAX, 250,000 patterns, a million components or 256 MiB of regexes.
 * *ret_ignore is the caller's, freed by ignore_free(). Borrows nothing.
 */
int ignore_parse(struct bytes name, struct bytes text, enum ignore_rules rules,
                 struct notes *notes, struct ignore **ret_ignore, struct failure *f) must_use;
void ignore_free(struct ignore *ig);

size_t ignore_count(const struct ignore *ig);
/* rule: 1 … ignore_count(). Borrowed from ig. */
struct ignore_rule ignore_rule(const struct ignore *ig, uint32_t rule);

/* The root directory's state; owned by ig, never left. Thread: any. */
const struct ignore_dir *ignore_root(const struct ignore *ig);

/*
 * The verdict for the entry `name` (one component) of directory `dir`.
 * For a directory that must be entered, *ret_below is its state, the caller's until
 * ignore_leave(); else NULL. It stays valid after `dir` is left.
 * -EINVAL: a pattern that the reference compiles only now is malformed: the whole walk fails,
 * as Docker's does. Thread: any.
 */
int ignore_check(const struct ignore *ig, const struct ignore_dir *dir, struct bytes name,
                 bool is_dir, struct ignore_verdict *ret_verdict, struct ignore_dir **ret_below,
                 struct failure *f) must_use;
void ignore_leave(struct ignore_dir *dir);

/*
 * The path verdict (MatchesOrParentMatches): whether a path is excluded, without a walk.
 * Classic decides by it, and BuildKit whether a file's content may be opened. Thread: any.
 */
int ignore_path(const struct ignore *ig, struct bytes path, bool *ret_excluded,
                struct failure *f) must_use;

#endif
