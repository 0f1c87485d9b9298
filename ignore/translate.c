/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pattern -> kind and regex text, exactly as patternmatcher's Pattern.compile. That is a text
 * substitution that does not parse classes or escapes, and its quirks are the rules.
 *
 * One quirk is an accident: in the library's table of the characters to escape, `.+()|{}$`, the
 * bits are too few, so `|`, `{` and `}` are not escaped, and `a|b*` is the regex `^a|b[^/]*$`.
 */
#include "translate.h"

#include <errno.h>

/* Bytes of the regex of one line, which has at most 64 KiB: a pair of stars becomes up to 12
 * bytes, a byte that is not UTF-8 three. */
#define REGEX_TEXT_MAX (6u * 65536u + 16u)

/* The runes of a pattern as Go's text/scanner gives them. */
struct scanner {
    struct bytes rest;
};

static bool translate_peek_is(const struct scanner *s, uint8_t c)
{
    return s->rest.len && s->rest.at[0] == c;
}

static uint32_t translate_next_rune(struct scanner *s)
{
    uint32_t rune;
    s->rest = bytes_from(s->rest, utf8_decode(s->rest, &rune));
    return rune;
}

static int translate_add_rune(struct buf *out, uint32_t rune)
{
    uint8_t text[4];
    return buf_add(out, text, utf8_encode(rune, text));
}

static bool translate_must_escape(uint32_t rune, enum ignore_rules rules)
{
    if (rules == IGNORE_CLASSIC)
        return rune == '.' || rune == '$';
    return rune == '.' || rune == '+' || rune == '(' || rune == ')' || rune == '$';
}

/* Translates `**`, of which the first star is already taken. */
static int translate_double_star(struct scanner *s, bool first, enum ignore_rules rules,
                                 enum pattern_kind *kind, struct buf *out)
{
    translate_next_rune(s);
    if (translate_peek_is(s, '/'))
        translate_next_rune(s);
    int r = 0;
    if (s->rest.len) {
        r = buf_add_bytes(out, BYTES("(.*/)?"));
        *kind = PATTERN_REGEX;
    } else if (*kind == PATTERN_EXACT && rules != IGNORE_CLASSIC) {
        *kind = PATTERN_PREFIX;
    } else {
        r = buf_add_bytes(out, BYTES(".*"));
        *kind = PATTERN_REGEX;
    }
    if (first)
        *kind = PATTERN_SUFFIX;
    return r;
}

/* Writes the regex of the pattern into *out. *ret_kind is its kind. */
static int translate(struct scanner s, enum ignore_rules rules, enum pattern_kind *ret_kind,
                     struct buf *out)
{
    enum pattern_kind kind = PATTERN_EXACT;
    int r = buf_add_byte(out, '^');
    for (bool first = true; s.rest.len && r == 0; first = false) {
        uint32_t rune = translate_next_rune(&s);
        if (rune == '*' && translate_peek_is(&s, '*')) {
            r = translate_double_star(&s, first, rules, &kind, out);
        } else if (rune == '*' || rune == '?') {
            r = buf_add_bytes(out, rune == '*' ? BYTES("[^/]*") : BYTES("[^/]"));
            kind = PATTERN_REGEX;
        } else if (translate_must_escape(rune, rules)) {
            r = buf_add_byte(out, '\\');
            r = r ? r : translate_add_rune(out, rune);
        } else if (rune == '\\') {
            r = buf_add_byte(out, '\\');
            if (r == 0 && s.rest.len) {
                r = translate_add_rune(out, translate_next_rune(&s));
                kind = PATTERN_REGEX;
            }
        } else {
            r = translate_add_rune(out, rune);
            if (rune == '[' || rune == ']')
                kind = PATTERN_REGEX;
        }
    }
    *ret_kind = kind;
    return r ? r : buf_add_byte(out, '$');
}

int pattern_compile(struct arena *arena, struct pattern *p, enum ignore_rules rules,
                    struct regex_budget *budget)
{
    struct scanner s = {p->text};
    /* Go's text/scanner drops a BOM at the start. */
    if (bytes_starts(s.rest, BYTES("\xef\xbb\xbf")))
        s.rest = bytes_from(s.rest, 3);
    cleanup_buf struct buf out = BUF(REGEX_TEXT_MAX);
    enum pattern_kind kind;
    int r = translate(s, rules, &kind, &out);
    if (r < 0)
        return r;
    if (rules == IGNORE_CLASSIC)
        kind = PATTERN_REGEX; /* the only kind of 20.10 */
    p->kind = (uint16_t)kind;
    p->literal = p->text;
    if (kind == PATTERN_PREFIX)
        p->literal.len -= 2;
    if (kind == PATTERN_SUFFIX)
        p->literal = bytes_from(p->text, 2);
    if (kind != PATTERN_REGEX)
        return 0;
    struct regex *regex;
    r = regex_compile(arena, buf_bytes(&out), budget, &regex);
    if (r == -EINVAL)
        p->kind = PATTERN_BAD;
    if (r == 0)
        p->regex = regex;
    return r == -EINVAL ? 0 : r;
}
