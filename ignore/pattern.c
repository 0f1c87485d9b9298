/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include "regex-run.h"

#include <errno.h>
#include <stdio.h>

bool pattern_match(const struct pattern *p, struct bytes path)
{
    switch ((enum pattern_kind)p->kind) {
    case PATTERN_EXACT:
        return bytes_equal(path, p->literal);
    case PATTERN_PREFIX:
        return bytes_starts(path, p->literal);
    case PATTERN_SUFFIX:
        return bytes_ends(path, p->literal) ||
               (p->literal.at[0] == '/' && bytes_equal(path, bytes_from(p->literal, 1)));
    case PATTERN_REGEX:
        return regex_match(p->regex, path);
    case PATTERN_BAD:
        break;
    }
    return false;
}

const char *pattern_place(struct quoted *q, struct bytes name, uint32_t line)
{
    /* The escapes stay, the quotes go: they only make "file:line" harder to read. */
    quote(q, name);
    size_t len = strlen(q->text);
    char *text = q->text;
    if (len >= 2) {
        memmove(text, text + 1, len - 2);
        text[len - 2] = 0;
    }
    char number[16];
    int digits = snprintf(number, sizeof(number), ":%u", line);
    size_t used = strlen(text);
    if (digits > 0 && used + (size_t)digits < sizeof(q->text))
        memcpy(text + used, number, (size_t)digits + 1);
    return text;
}

int pattern_fail(const struct pattern *p, struct bytes file, struct failure *f)
{
    return fail(f, -EINVAL,
                "%s: pattern %s is malformed, which Docker finds only once it meets a path: "
                "mind that a \"\\\" and a class are those of a regular expression",
                pattern_place(&(struct quoted){.text = ""}, file, p->line), QUOTE(p->shown));
}

struct bytes exception_text(const struct pattern *p)
{
    struct bytes text = p->text;
    if (bytes_ends(text, BYTES("/**")))
        text.len -= 3;
    if (bytes_ends(text, BYTES("/*")))
        text.len -= 2;
    return text;
}

void pattern_path(uint8_t *out, struct bytes dir, struct bytes name)
{
    if (dir.len) {
        memcpy(out, dir.at, dir.len);
        out[dir.len] = '/';
        out += dir.len + 1;
    }
    if (name.len)
        memcpy(out, name.at, name.len);
}
