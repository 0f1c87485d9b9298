/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a source of COPY or ADD into the pattern of what it may read.
 *
 * Builders match a source with wildcards against whole paths; a walk matches it component by
 * component. The two differ if a class can match a slash, or is closed only after one. Such a
 * pattern is cut there, and takes all paths that begin in the same way:
 *
 *     a/x[^b]c/d      a/x*        because "a/x/c/d" matches too
 *
 * BuildKit takes all characters of the components before the first wildcard literally,
 * backslashes included. The classic builder does so only if the source contains no wildcard at
 * all. If the two readings differ, both are added.
 *
 * If a variable is unknown, all paths that begin with what is certain may be read:
 *
 *     src/${X}        src
 *     src/lib-${X}.c  src/lib-*
 *     ${X}/src        everything
 *     src/${X}/../a   everything      X may be empty
 *
 * A value that is unknown here and contains ".." is not foreseen: see dockerfile_reads().
 */
#include "sources.h"
#include "analysis.h"
#include "reads-set.h"

#include <errno.h>

static bool source_is_url(struct bytes text)
{
    return bytes_starts(text, BYTES("http://")) || bytes_starts(text, BYTES("https://"));
}

/* Tells whether text is user@host:path, as git takes it. */
static bool source_is_scp(struct bytes text)
{
    size_t at = bytes_find(text, '@'), colon = bytes_find(text, ':');
    if (at == 0 || at >= colon || colon == text.len || colon == at + 1)
        return false;
    for (size_t i = 0; i < colon; i++) {
        uint8_t c = text.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '-' || (c == '_' && i < at) ||
                    (c == '.' && i > at);
        if (i != at && !word)
            return false;
    }
    return true;
}

bool source_is_remote(struct bytes text)
{
    return source_is_url(text) || bytes_starts(text, BYTES("git://")) ||
           bytes_starts(text, BYTES("ssh://")) || source_is_scp(text);
}

/* The length of the class that p begins with, or 0 if it isn't closed. Source: Go
 * filepath.Match. */
static size_t source_class_end(struct bytes p)
{
    size_t i = p.len > 1 && p.at[1] == '^' ? 2 : 1;
    for (size_t ranges = 0;; ranges++) {
        if (i < p.len && p.at[i] == ']' && ranges > 0)
            return i + 1;
        for (int bound = 0; bound < 2; bound++) {
            if (i >= p.len || p.at[i] == '-' || p.at[i] == ']')
                return 0;
            i += p.at[i] == '\\';
            if (i >= p.len)
                return 0;
            uint32_t rune;
            i += utf8_decode(bytes_from(p, i), &rune);
            if (i >= p.len || p.at[i] != '-')
                break;
            i += bound == 0;
        }
    }
}

/* How many bytes of a component can be matched apart from the other components. */
static size_t source_safe_length(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '\\' && ++i == name.len)
            return i - 1;
        else if (name.at[i] == '[' && name.at[i - (i > 0)] != '\\') {
            size_t end = source_class_end(bytes_from(name, i));
            struct bytes class = bytes_at(name.at + i, end);
            /* A class that begins a component stands after a slash. Clean paths have no two
             * slashes in a row, so it can't match one, and is safe. */
            if (!end || (i > 0 && glob_match(class, BYTES("/"))))
                return i;
            i += end - 1;
        }
    }
    return name.len;
}

bool source_has_wildcard(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (strchr("*?[", text.at[i]) && text.at[i])
            return true;
    }
    return false;
}

/* Adds a read, with copies of its views, unless the same read of the same line is there. */
static int source_add(struct analysis *an, struct df_read read, struct failure *f)
{
    struct bytes key =
        arena_printf(&an->arena, "%u %d %d %d %d %d %.*s", read.line, read.kind, read.literal,
                     read.globstar, read.pivot, read.widened.len > 0, BYTES_ARG(read.pattern));
    bool new;
    *table_put(&an->seen, key, &new) = 1;
    if (!new)
        return 0;
    if (read.pattern.len == 0 && !read.widened.len)
        an->exact_whole = true;
    struct arena *a = &an->reads->arena;
    read.source = arena_copy(a, read.source);
    read.pattern = arena_copy(a, read.pattern);
    read.widened = read.widened.len ? arena_copy(a, read.widened) : read.widened;
    return reads_add(an->reads, read, f);
}

int source_add_path(struct analysis *an, struct df_read read, struct bytes path,
                    struct failure *f)
{
    read.pattern = path_clean_root(&an->arena, path);
    read.literal = true;
    return source_add(an, read, f);
}

/* Adds a clean pattern, cut where a wildcard can match a slash. */
static int source_add_glob(struct analysis *an, struct df_read read, struct bytes pattern,
                           struct failure *f)
{
    struct bytes rest = pattern, name;
    size_t at = 0;
    read.pattern = pattern;
    while (bytes_next(&rest, '/', &name)) {
        size_t safe = source_safe_length(name);
        if (safe < name.len) {
            read.pattern = arena_printf(&an->arena, "%.*s*", (int)(at + safe), pattern.at);
            if (!read.widened.len)
                read.widened = BYTES("the pattern may match slashes");
            break;
        }
        at += name.len + 1;
    }
    return source_add(an, read, f);
}

/* The clean source with the backslashes of its leading plain components escaped. */
static struct bytes source_escape_plain_head(struct arena *arena, struct bytes clean)
{
    uint8_t *out = arena_alloc(arena, clean.len * 2);
    struct bytes rest = clean, name;
    size_t len = 0, at = 0;
    while (bytes_next(&rest, '/', &name) && !source_has_wildcard(name)) {
        for (size_t i = 0; i < name.len; i++) {
            if (name.at[i] == '\\')
                out[len++] = '\\';
            out[len++] = name.at[i];
        }
        at += name.len;
        if (at < clean.len)
            out[len++] = clean.at[at++];
    }
    if (at < clean.len) {
        memcpy(out + len, clean.at + at, clean.len - at);
        len += clean.len - at;
    }
    return bytes_at(out, len);
}

static int source_add_clean(struct analysis *an, struct df_read read, struct bytes clean,
                            struct failure *f)
{
    if (!source_has_wildcard(clean))
        return source_add_path(an, read, clean, f);
    int r = source_add_glob(an, read, clean, f);
    if (r == 0 && bytes_find(clean, '\\') < clean.len)
        r = source_add_glob(an, read, source_escape_plain_head(&an->arena, clean), f);
    return r;
}

int source_add_exact(struct analysis *an, struct df_read read, struct bytes text, bool parents,
                     struct failure *f)
{
    struct bytes clean = path_clean_root(&an->arena, text);
    read.globstar = parents;
    /* With --parents the patterns are those of patternmatcher, in which a backslash always
     * escapes. */
    if (parents && bytes_find(clean, '\\') < clean.len) {
        int r = source_add_glob(an, read, clean, f);
        if (r < 0)
            return r;
    }
    return source_add_clean(an, read, clean, f);
}

static bool source_has_dots(struct bytes text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.at[i] == '.' && text.at[i + 1] == '.')
            return true;
    return false;
}

/* Tells whether ".." stands after the first variable of a word, or inside its braces, or in
 * what the build would put there if it were given no other arguments. */
static bool source_climbs(struct bytes word, const struct df_expanded *expanded)
{
    return source_has_dots(bytes_from(word, bytes_find(word, '$'))) ||
           source_has_dots(bytes_from(expanded->text, expanded->known_prefix));
}

int source_add_widened(struct analysis *an, struct df_read read, struct bytes word,
                       const struct df_expanded *expanded, bool *ret_whole, struct failure *f)
{
    struct bytes prefix = bytes_head(expanded->text, expanded->known_prefix);
    size_t slash = bytes_find_last(prefix, '/');
    struct bytes dir = bytes_head(prefix, slash == prefix.len ? 0 : slash);
    struct bytes begin = slash == prefix.len ? prefix : bytes_from(prefix, slash + 1);
    bool whole = source_climbs(word, expanded) || bytes_equal(begin, BYTES(".."));
    dir = path_clean_root(&an->arena, whole ? BYTES("") : dir);
    if (whole || bytes_equal(begin, BYTES(".")) || bytes_find(begin, '[') < begin.len ||
        bytes_find(begin, '\\') < begin.len)
        begin = BYTES("");
    *ret_whole = dir.len == 0 && begin.len == 0;
    if (begin.len == 0)
        return source_add_clean(an, read, dir, f);
    struct bytes name = arena_printf(&an->arena, "%.*s*", BYTES_ARG(begin));
    return source_add_clean(an, read, path_join(&an->arena, dir, name), f);
}
