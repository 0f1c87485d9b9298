/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in values with brackets: JSON with and without comments, the inline tables of
 * TOML, the flow style of YAML. A pair whose key names a credential is cut with one of its
 * commas, so that what is left is still such a value.
 */
#include "scrub-parts.h"

#include <ctype.h>

/* Levels of maps and lists. What is deeper no reader accepts. */
#define FLOW_DEPTH_MAX 128

struct flow {
    struct scrub *s;
    bool yaml;
    unsigned depth;
    bool packages;  /* keys are names of packages */
    bool nested;    /* set if the value contains a map or list in a list */
    bool has_value; /* set if the value is a map with the key `value`, as cargo's [env] has */
};

static size_t flow_skip_comment(const struct flow *f, size_t at)
{
    const struct scrub *s = f->s;
    if (scrub_peek(s, at) == '#' ||
        (scrub_peek(s, at) == '/' && scrub_peek(s, at + 1) == '/')) {
        size_t end = scrub_line_end(s, at);
        if (at >= f->s->comments && !s->lock)
            scrub_words(f->s, at, end, 0);
        f->s->comments = end;
        return end;
    }
    if (scrub_peek(s, at) != '/' || scrub_peek(s, at + 1) != '*')
        return at;
    for (at += 2; at < s->text.len; at++)
        if (scrub_peek(s, at) == '*' && scrub_peek(s, at + 1) == '/')
            return at + 2;
    return at;
}

static size_t flow_skip(const struct flow *f, size_t at)
{
    for (size_t before = SIZE_MAX; before != at;) {
        before = at;
        while (at < f->s->text.len && strchr(" \t\r\n", f->s->text.at[at]))
            at++;
        at = flow_skip_comment(f, at);
    }
    return at;
}

/* The end of a quoted text that begins at `at`; *ret_text is its content. */
static size_t flow_quoted(const struct flow *f, size_t at, struct bytes *ret_text)
{
    const struct scrub *s = f->s;
    int quote = scrub_peek(s, at);
    bool triple = scrub_peek(s, at + 1) == quote && scrub_peek(s, at + 2) == quote && !f->yaml;
    size_t from = at + (triple ? 3 : 1), i = from;
    for (; i < s->text.len; i++) {
        int c = scrub_peek(s, i);
        if (c == '\\' && quote == '"')
            i++;
        else if (f->yaml && quote == '\'' && c == '\'' && scrub_peek(s, i + 1) == '\'')
            i++;
        else if (c == quote &&
                 (!triple || (scrub_peek(s, i + 1) == quote && scrub_peek(s, i + 2) == quote)))
            break;
        else if (c == '\n' && !triple && !f->yaml)
            break; /* it has no end */
    }
    if (i > s->text.len)
        i = s->text.len;
    *ret_text = scrub_part(s, from, i);
    size_t end = i + (triple ? 3 : 1);
    while (triple && scrub_peek(s, end) == quote)
        end++; /* """a"""" ends in a quote */
    return end < s->text.len ? end : s->text.len;
}

static size_t flow_bare(const struct flow *f, size_t at)
{
    const struct scrub *s = f->s;
    while (at < s->text.len && !strchr(",]}\r\n", s->text.at[at]) &&
           !(s->text.at[at] == '#' && (at == 0 || strchr(" \t", s->text.at[at - 1]))))
        at++;
    return at;
}

/* The end of a key: quoted or bare parts with dots between them. *ret_key is the last part;
 * *ret_holder and *ret_packages tell of the parts before it. */
static size_t flow_key(const struct flow *f, size_t at, struct bytes *ret_key, bool *ret_holder,
                       bool *ret_packages)
{
    const struct scrub *s = f->s;
    *ret_key = BYTES("");
    while (at < s->text.len) {
        size_t end = at;
        struct bytes part;
        if (strchr("\"'", s->text.at[at])) {
            end = flow_quoted(f, at, &part);
        } else {
            while (end < s->text.len && !strchr(" \t\r\n=:,{}[]\"'", s->text.at[end]) &&
                   !(s->text.at[end] == '.' && !f->yaml))
                end++;
            part = scrub_part(s, at, end);
        }
        *ret_holder |= credential_holder(part);
        *ret_key = part;
        while (end < s->text.len && strchr(" \t", s->text.at[end]))
            end++;
        if (f->yaml || scrub_peek(s, end) != '.')
            return end;
        *ret_packages |= credential_packages(part);
        at = end + 1;
        while (at < s->text.len && strchr(" \t", s->text.at[at]))
            at++;
    }
    return at;
}

static size_t flow_value(struct flow *f, size_t at, bool *ret_literal);

static bool flow_is_number(struct bytes text)
{
    bool digit = false;
    for (size_t i = 0; i < text.len; i++) {
        digit |= isdigit(text.at[i]) != 0;
        if (!isdigit(text.at[i]) && !strchr("+-._eE", text.at[i]))
            return false;
    }
    return digit;
}

/* Takes "key = value" or "key: value". Gives its end; *ret_cut: it must go. */
static size_t flow_pair(struct flow *f, size_t at, bool *ret_cut, struct bytes *ret_key,
                        bool *ret_literal)
{
    struct scrub *s = f->s;
    struct bytes key;
    bool holder = false, packages = f->packages, literal = false;
    size_t end = flow_key(f, at, &key, &holder, &packages);
    *ret_cut = false;
    end = flow_skip(f, end);
    if (scrub_peek(s, end) != '=' && scrub_peek(s, end) != ':')
        return end > at ? end : at + 1;
    size_t value = flow_skip(f, end + 1);
    bool named = !packages && (holder || credential_key(key, false));
    struct scrub_mark mark = scrub_mark(s);
    struct flow below = *f;
    below.packages = packages || credential_packages(key);
    below.nested = below.has_value = false;
    end = flow_value(&below, value, &literal);
    bool number = flow_is_number(utf8_trim(scrub_part(s, value, end)));
    static const char *const word[] = {"password", "passwd", "pass", "passphrase"};
    for (size_t i = 0; i < ARRAY_SIZE(word) && number; i++)
        number = !bytes_ends(key, bytes_of(word[i]));
    /* A map below such a key is a map of something else, whose own keys tell. */
    bool map = scrub_peek(s, value) == '{' && !below.has_value;
    *ret_cut = named && literal && !number && (holder || !(map || below.nested));
    *ret_literal |= literal && !credential_user(key);
    scrub_proxy(s, key, value, end);
    if (*ret_cut)
        scrub_return(s, mark);
    *ret_key = key;
    return end;
}

/* Takes a map or list that begins at `at`. */
static size_t flow_container(struct flow *f, size_t at, bool *ret_literal)
{
    struct scrub *s = f->s;
    bool map = scrub_peek(s, at) == '{', cut = false;
    size_t kept = at + 1; /* the end of the last element that stays */
    at = flow_skip(f, at + 1);
    while (at < s->text.len && !strchr("}]", s->text.at[at])) {
        struct bytes key = BYTES("");
        size_t from = at, line = at;
        size_t end =
            map ? flow_pair(f, at, &cut, &key, ret_literal) : flow_value(f, at, ret_literal);
        if (end <= at)
            end = at + 1;
        f->has_value |= map && bytes_equal(key, BYTES("value"));
        f->nested |= !map && strchr("{[", s->text.at[from]);
        at = flow_skip(f, end);
        bool comma = scrub_peek(s, at) == ',';
        if (comma)
            at = flow_skip(f, at + 1);
        bool last = at >= s->text.len || strchr("}]", s->text.at[at]);
        if (cut && (!last || (comma && kept < from)))
            scrub_cut(s, from, at, line, arena_copy(s->arena, bytes_head(key, 60)));
        else if (cut)
            scrub_cut(s, kept, end, line, arena_copy(s->arena, bytes_head(key, 60)));
        else
            kept = end;
    }
    return at < s->text.len ? at + 1 : at;
}

static size_t flow_value(struct flow *f, size_t at, bool *ret_literal)
{
    struct scrub *s = f->s;
    int c = scrub_peek(s, at);
    if (c == '{' || c == '[') {
        if (f->depth == FLOW_DEPTH_MAX)
            return s->text.len;
        f->depth++;
        size_t end = flow_container(f, at, ret_literal);
        f->depth--;
        return end;
    }
    struct bytes text;
    size_t end, from = at;
    if (c == '"' || c == '\'') {
        end = flow_quoted(f, at, &text);
        from = (size_t)(text.at - s->text.at);
    } else {
        end = flow_bare(f, at);
        text = utf8_trim(scrub_part(s, at, end));
    }
    *ret_literal |= credential_literal(text);
    if (!s->lock && text.len)
        scrub_words(s, from, from + text.len, 0);
    return end;
}

size_t scrub_flow(struct scrub *s, size_t at, bool yaml, bool in_packages, bool *ret_literal)
{
    struct flow f = {.s = s, .yaml = yaml, .packages = in_packages};
    return flow_value(&f, at, ret_literal);
}

void scrub_json(struct scrub *s)
{
    struct flow f = {.s = s};
    bool ignored = false;
    size_t at = bytes_starts(s->text, BYTES("\xef\xbb\xbf")) ? 3 : 0;
    at = flow_skip(&f, at);
    while (at < s->text.len) { /* what follows a value is an error, but may hold another */
        size_t end = flow_value(&f, at, &ignored);
        at = flow_skip(&f, end > at ? end : at + 1);
    }
}

/* ---- TOML -------------------------------------------------------------------------- */

struct section {
    size_t from; /* its header */
    bool holder, packages;
    bool literal;
};

static void flow_end_section(struct scrub *s, const struct section *section, size_t end,
                             struct scrub_mark mark)
{
    if (!section->holder || !section->literal)
        return;
    scrub_return(s, mark);
    size_t close = bytes_find(bytes_from(s->text, section->from), ']');
    scrub_cut(s, section->from, end, section->from,
              scrub_part(s, section->from, section->from + close + 1));
}

/* Reads a header, [a.b] or [[a.b]]. Gives the end of its line. */
static size_t flow_header(const struct flow *f, size_t at, struct section *ret)
{
    struct bytes key;
    *ret = (struct section){.from = at};
    while (scrub_peek(f->s, at) == '[' || scrub_peek(f->s, at) == ' ')
        at++;
    size_t end = flow_key(f, at, &key, &ret->holder, &ret->packages);
    ret->packages |= credential_packages(key);
    return scrub_line_end(f->s, end);
}

void scrub_toml(struct scrub *s)
{
    struct flow f = {.s = s};
    struct section section = {0};
    struct scrub_mark mark = scrub_mark(s);
    size_t at = flow_skip(&f, 0);
    while (at < s->text.len) {
        if (s->text.at[at] == '[') {
            flow_end_section(s, &section, at, mark);
            mark = scrub_mark(s);
            at = flow_skip(&f, flow_header(&f, at, &section));
            continue;
        }
        bool cut = false, literal = false;
        struct bytes key = BYTES("");
        f.packages = section.packages;
        size_t end = flow_pair(&f, at, &cut, &key, &literal);
        section.literal |= literal;
        if (cut) {
            struct cut lines = scrub_whole_lines(s, at, end);
            /* A comment may follow, and hold the old one. */
            if (lines.from == at && lines.to == end && scrub_line_start(s, at) == at)
                lines.to = scrub_line_end(s, end) + 1;
            lines.to = lines.to < s->text.len ? lines.to : s->text.len;
            scrub_cut(s, lines.from, lines.to, at, arena_copy(s->arena, bytes_head(key, 60)));
        }
        at = flow_skip(&f, end > at ? end : at + 1);
    }
    flow_end_section(s, &section, s->text.len, mark);
}
