/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `# name = value` lines at the head of a Dockerfile, and the syntax that the file asks
 * for.
 *
 * The builder reads these lines twice, and by different rules: its parser skips leading space,
 * the search for a syntax skips a `#!` line. The search also looks for `// syntax = …` and
 * {"syntax": "…"}, which are for files of other frontends.
 */
#include "directive.h"
#include "json-form.h"

#include <errno.h>

/* Go's `\s`. */
static bool directive_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

static bool directive_is_alpha(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Go's `^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$`. */
static bool directive_match(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
    size_t i = 0;
    while (i < line.len &&
           (directive_is_alpha(line.at[i]) || (i && line.at[i] >= '0' && line.at[i] <= '9')))
        i++;
    *ret_name = bytes_head(line, i);
    while (i < line.len && directive_is_space(line.at[i]))
        i++;
    if (ret_name->len == 0 || i == line.len || line.at[i] != '=')
        return false;
    /* The value has one byte at least: if all of it is space, that is the last one. */
    struct bytes value = bytes_from(line, i + 1);
    while (value.len > 1 && directive_is_space(value.at[0]))
        value = bytes_from(value, 1);
    while (value.len > 1 && directive_is_space(value.at[value.len - 1]))
        value.len--;
    *ret_value = value;
    return value.len > 0;
}

int df_directive(struct df_directives *d, struct bytes line, struct bytes comment,
                 struct bytes *ret_value)
{
    static const struct {
        const char *name;
        enum df_directive directive;
    } known[] = {{"syntax", DF_SYNTAX}, {"escape", DF_ESCAPE}, {"check", DF_CHECK}};
    struct bytes name;
    if (!d->done && bytes_starts(line, comment) &&
        directive_match(utf8_trim_left(bytes_from(line, comment.len)), &name, ret_value)) {
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
            if (!bytes_equal_nocase(name, bytes_of(known[i].name)))
                continue;
            unsigned bit = 1u << known[i].directive;
            if (d->seen & bit)
                return -EINVAL;
            d->seen |= bit;
            return (int)known[i].directive;
        }
    }
    d->done = true;
    return DF_NO_DIRECTIVE;
}

/* Finds the syntax directive at the head of text. Its value ends at its first space. */
static bool directive_find_syntax(struct bytes text, struct bytes comment, struct bytes *ret)
{
    struct df_directives d = {0};
    struct bytes line, value;
    while (bytes_next(&text, '\n', &line)) {
        if (bytes_ends(line, BYTES("\r")))
            line.len--;
        int which = df_directive(&d, line, comment, &value);
        if (which <= 0)
            return false;
        if (which == DF_SYNTAX) {
            *ret = bytes_head(value, bytes_find(value, ' '));
            return true;
        }
    }
    return false;
}

struct bytes df_detect_syntax(struct arena *arena, struct bytes text)
{
    struct bytes syntax = {0};
    if (bytes_starts(text, BYTES("\xef\xbb\xbf")))
        text = bytes_from(text, 3);
    if (bytes_starts(text, BYTES("#!")))
        text = bytes_from(text, bytes_find(text, '\n') + 1);
    if (directive_find_syntax(text, BYTES("#"), &syntax) ||
        directive_find_syntax(text, BYTES("//"), &syntax) ||
        df_json_member(arena, text, BYTES("syntax"), &syntax))
        return syntax;
    return BYTES("");
}

bool df_syntax_is_ours(struct bytes syntax)
{
    static const char *const names[] = {"docker/dockerfile", "docker/dockerfile-upstream"};
    if (bytes_starts(syntax, BYTES("docker.io/")))
        syntax = bytes_from(syntax, 10);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct bytes name = bytes_of(names[i]);
        struct bytes tag = bytes_from(syntax, name.len);
        if (bytes_starts(syntax, name) &&
            (tag.len == 0 || tag.at[0] == ':' || tag.at[0] == '@'))
            return true;
    }
    return false;
}
