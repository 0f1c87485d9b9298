/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pattern of an ignore file: what it is after translate.h has compiled it, whether it
 * matches a path, and how it is shown in messages. Thread: any; a compiled pattern does not
 * change.
 */
#ifndef CTXD_PATTERN_H
#define CTXD_PATTERN_H

#include "base.h"
#include "regex-program.h"

enum pattern_kind {
    PATTERN_EXACT,  /* the path is `literal` */
    PATTERN_PREFIX, /* the path starts with `literal` */
    PATTERN_SUFFIX, /* the path ends with `literal`, or is `literal` without its leading '/' */
    PATTERN_REGEX,  /* `regex` matches the path */
    PATTERN_BAD,    /* Go's regexp rejects it, but only when the pattern is evaluated */
};

struct pattern {
    struct bytes text;         /* cleaned, without the '!' */
    struct bytes literal;      /* a part of text */
    struct bytes shown;        /* as parsed, with its '!' */
    const struct regex *regex; /* of a PATTERN_REGEX */
    uint32_t line;             /* 1-based */
    uint16_t kind;             /* enum pattern_kind */
    bool exception;            /* it begins with '!' */
};

/* Whether the pattern matches the whole path; false for a PATTERN_BAD. */
bool pattern_match(const struct pattern *p, struct bytes path);

/* Puts "file:line" for messages into q. Returns q's text. */
const char *pattern_place(struct quoted *q, struct bytes file, uint32_t line);
/* The failure of evaluating a PATTERN_BAD of the ignore file `file`: -EINVAL. */
int pattern_fail(const struct pattern *p, struct bytes file, struct failure *f);

/*
 * The text of an exception without a last `*` or `**`. By this text BuildKit decides whether to
 * enter an excluded directory. Source: fsutil filter.go.
 */
struct bytes exception_text(const struct pattern *p);

/*
 * Writes the path of the entry `name` of a directory to out, as patterns are matched against
 * it: "dir/name", or just the name in the root. out has room for dir.len + 1 + name.len bytes.
 */
void pattern_path(uint8_t *out, struct bytes dir, struct bytes name);

#endif
