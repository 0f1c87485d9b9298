/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in YAML. Blocks are read by their indentation, values in brackets by
 * scrub-flow.c. A key that names a credential is cut with everything that is indented below it.
 * yarn.lock of yarn 1 and .bundle/config are close enough.
 */
#include "scrub-parts.h"

/* Levels of blocks. What is deeper is taken as the last one. */
#define YAML_DEPTH_MAX 128

struct level {
    size_t indent;
    bool packages;
};

struct yaml {
    struct scrub *s;
    struct level at[YAML_DEPTH_MAX];
    size_t depth;
};

/* A line, taken apart. */
struct yaml_line {
    size_t from, next; /* the line, and the one after it */
    size_t start;      /* its first byte that is no blank and no dash of a list */
    size_t indent;     /* column of `start` */
    size_t outer;      /* column of the first byte that is no blank */
    bool blank, dash;
    struct bytes key; /* {NULL, 0}: none */
    size_t value;     /* where the value begins */
};

/* What may be a key, up to its colon or its quote; *at is moved after it. */
static struct bytes yaml_take_key(const struct scrub *s, size_t end, size_t *at)
{
    size_t from = *at, to = from;
    uint8_t quote = s->text.at[from];
    if (strchr("\"'", quote)) {
        for (to = from + 1; to < end && s->text.at[to] != quote;)
            to++;
        *at = to + 1;
        return scrub_part(s, from + 1, to);
    }
    while (to < end &&
           !(s->text.at[to] == ':' && (to + 1 >= end || strchr(" \t\r", s->text.at[to + 1]))))
        to++;
    *at = to;
    return scrub_part(s, from, to);
}

static struct yaml_line yaml_read_line(const struct scrub *s, size_t from)
{
    struct yaml_line line = {.from = from};
    size_t end = scrub_line_end(s, from), at = from;
    line.next = end < s->text.len ? end + 1 : end;
    while (at < end && s->text.at[at] == ' ')
        at++;
    line.outer = at - from;
    while (at < end && s->text.at[at] == '-' &&
           (at + 1 == end || strchr(" \r", s->text.at[at + 1]))) {
        line.dash = true;
        at++;
        while (at < end && s->text.at[at] == ' ')
            at++;
    }
    line.start = at;
    line.indent = at - from;
    line.blank = at >= end || s->text.at[at] == '#' || s->text.at[at] == '\r';
    if (line.blank || strchr("{[&*|>%@", s->text.at[at]))
        return line;
    struct bytes key = yaml_take_key(s, end, &at);
    while (at < end && s->text.at[at] == ' ')
        at++;
    if (at >= end || s->text.at[at] != ':')
        return line;
    line.key = key;
    line.value = at + 1;
    while (line.value < end && strchr(" \t", s->text.at[line.value]))
        line.value++;
    return line;
}

/* Where the block of a key ends: the next line that is not below it. */
static size_t yaml_block_end(const struct scrub *s, const struct yaml_line *line)
{
    size_t at = line->next, end = at;
    bool open = line->value >= line->next || strchr("\r\n#&!", s->text.at[line->value]);
    while (at < s->text.len) {
        struct yaml_line next = yaml_read_line(s, at);
        size_t width = next.start - next.from;
        bool empty = next.start + 1 >= next.next || strchr("\r\n", s->text.at[next.start]);
        bool below = next.outer > line->indent ||
                     (width && next.outer == line->indent && next.dash && open);
        if (next.outer == line->indent && next.dash && open)
            below = true;
        if (!empty && !below)
            break;
        at = next.next;
        if (!empty)
            end = at;
    }
    return end;
}

/* Tells whether a block holds a literal other than the name of a login. */
static bool yaml_has_literal(const struct scrub *s, const struct yaml_line *line, size_t end)
{
    for (size_t at = line->from; at < end;) {
        struct yaml_line one = at == line->from ? *line : yaml_read_line(s, at);
        struct bytes value = scrub_part(s, one.key.at ? one.value : one.start, one.next);
        value = utf8_trim(value);
        while (value.len && strchr("|>&!+-", value.at[0]) && one.key.at)
            value = bytes_from(value, 1);
        value = bytes_head(value, value.len && value.at[0] != '#' ? value.len : 0);
        while (value.len && strchr("\"'", value.at[0]))
            value = bytes_from(value, 1);
        while (value.len && strchr("\"'", value.at[value.len - 1]))
            value.len--;
        bool user = one.key.at && at != line->from && credential_user(one.key);
        bool flow = value.len && strchr("{[", value.at[0]) && !bytes_starts(value, BYTES("{{"));
        struct scrub probe = *s;
        bool literal = false;
        if (flow)
            scrub_flow(&probe, (size_t)(value.at - s->text.at), true, false, &literal);
        else
            literal = credential_literal(value);
        if (literal && !user)
            return true;
        at = one.next;
    }
    return false;
}

/* Tells whether the block of a key is a map, whose own keys tell what they are. */
static bool yaml_is_map(const struct scrub *s, const struct yaml_line *line, size_t end)
{
    int first = line->value < line->next ? scrub_peek(s, line->value) : '\n';
    if (first == '{')
        return true;
    if (!strchr("\r\n#&!", first))
        return false;
    for (size_t at = line->next; at < end;) {
        struct yaml_line below = yaml_read_line(s, at);
        if (below.key.at)
            return true;
        at = below.next;
    }
    return false;
}

/* Cuts a key with its block. After a dash, the next key of the same map takes its place. */
static void yaml_cut(struct scrub *s, const struct yaml_line *line, size_t end)
{
    struct bytes what = arena_copy(s->arena, bytes_head(line->key, 60));
    if (!line->dash) {
        scrub_cut(s, line->from, end, line->start, what);
        return;
    }
    struct yaml_line next = yaml_read_line(s, end);
    if (end < s->text.len && !next.dash && next.outer == line->indent && next.key.at) {
        scrub_cut(s, line->start, next.start, line->start, what);
        return;
    }
    size_t stop = end > line->next ? end - 1 : scrub_line_end(s, line->start);
    scrub_cut(s, line->start, stop, line->start, what);
}

static bool yaml_enter(struct yaml *y, size_t indent)
{
    while (y->depth && y->at[y->depth - 1].indent >= indent)
        y->depth--;
    return y->depth && y->at[y->depth - 1].packages;
}

/* Takes a line. Gives where to go on. */
static size_t yaml_take(struct yaml *y, const struct yaml_line *line)
{
    struct scrub *s = y->s;
    size_t value = line->key.at ? line->value : line->start, end = line->next;
    bool literal = false;
    if (line->blank) {
        scrub_words(s, line->start, line->next, 0);
        return line->next;
    }
    bool packages = yaml_enter(y, line->indent);
    if (line->key.at) {
        bool named = credential_key(line->key, false) || credential_holder(line->key);
        size_t block = named && !packages ? yaml_block_end(s, line) : 0;
        if (block && (credential_holder(line->key) || !yaml_is_map(s, line, block)) &&
            yaml_has_literal(s, line, block)) {
            yaml_cut(s, line, block);
            return block;
        }
        if (y->depth < YAML_DEPTH_MAX)
            y->at[y->depth++] =
                (struct level){line->indent, packages || credential_packages(line->key)};
        packages |= credential_packages(line->key);
    }
    if (value < line->next && strchr("{[", s->text.at[value])) {
        size_t stop = scrub_flow(s, value, true, packages, &literal);
        end = scrub_line_end(s, stop);
        return end < s->text.len ? end + 1 : end;
    }
    scrub_words(s, value, line->next, 0);
    scrub_proxy(s, line->key, value, scrub_line_end(s, value));
    return end;
}

void scrub_yaml(struct scrub *s)
{
    struct yaml y = {.s = s};
    for (size_t at = 0; at < s->text.len;) {
        struct yaml_line line = yaml_read_line(s, at);
        at = yaml_take(&y, &line);
    }
}
