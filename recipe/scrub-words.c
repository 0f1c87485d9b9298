/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in prose, arguments and programs:
 *
 *     password = "x"     setPassword("x")     token: 'x'     "auth_key" => "x"
 *     System.getenv("TOKEN") ?: "x"           ENV.fetch("TOKEN", "x")
 *     TOKEN=x npm ci     -Dtoken=x            --token x      Authorization: Bearer x
 *
 * A value that a program computes is none, and stays.
 */
#include "scrub-parts.h"
#include "text.h"

#include <ctype.h>

/* Bytes before a name, and after it on its line, that tell what it means. */
#define LOOK_BACK 300
#define LOOK_AHEAD 400
/* Bytes of a string over several lines, once one of the text had no end. */
#define STRING_MAX 1024

struct words {
    struct scrub *s;
    size_t to;
    unsigned flags;
    bool endless; /* a string had no end */
};

static bool words_is_part(int c)
{
    return isalnum(c) || c == '_' || c == '-' || c == '.';
}

static int words_peek(const struct words *w, size_t at)
{
    return at < w->to ? w->s->text.at[at] : -1;
}

static size_t words_skip(const struct words *w, size_t at, const char *what)
{
    while (at < w->to && strchr(what, w->s->text.at[at]))
        at++;
    return at;
}

static bool words_starts(const struct words *w, size_t at, const char *what)
{
    return bytes_starts(scrub_part(w->s, at, w->to), bytes_of(what));
}

/* ---- strings ----------------------------------------------------------------------- */

struct string {
    size_t from, to, end; /* its content, and where the text goes on */
};

/* A string that begins at `at`. False if none does, or if it has no end. */
static bool words_string(struct words *w, size_t at, struct string *ret)
{
    int quote = words_peek(w, at);
    if (quote != '"' && quote != '\'' && quote != '`')
        return false;
    bool triple =
        quote != '`' && words_peek(w, at + 1) == quote && words_peek(w, at + 2) == quote;
    size_t from = at + (triple ? 3 : 1);
    size_t to = w->endless && w->to - from > STRING_MAX ? from + STRING_MAX : w->to;
    for (size_t i = from; i < to; i++) {
        int c = words_peek(w, i);
        if (c == '\\') {
            i++;
        } else if (c == '\n' && !triple && quote != '`' && words_peek(w, i - 1) != '\\') {
            return false;
        } else if (c == quote && (!triple || (words_peek(w, i + 1) == quote &&
                                              words_peek(w, i + 2) == quote))) {
            *ret = (struct string){from, i, i + (triple ? 3 : 1)};
            return true;
        }
    }
    w->endless = true;
    return false;
}

/* Cuts the content of a string, and of those that are joined to it. */
static size_t words_cut_string(struct words *w, size_t at, struct bytes what)
{
    struct string string;
    bool cut = false;
    while (words_string(w, at, &string)) {
        struct bytes value = scrub_part(w->s, string.from, string.to);
        if (credential_value(what, value) || (cut && credential_literal(value))) {
            scrub_cut(w->s, string.from, string.to, string.from, what);
            cut = true;
        }
        at = string.end;
        size_t next = words_skip(w, at, " \t+.\\\n");
        if (next == at || !words_string(w, next, &string))
            break;
        /* Only an operator joins: a blank separates arguments. */
        if (!strpbrk((const char[]){(char)words_peek(w, words_skip(w, at, " \t")), 0}, "+.\\"))
            break;
        at = next;
    }
    return at;
}

/* ---- logins without a scheme ------------------------------------------------------------- */

void scrub_proxy(struct scrub *s, struct bytes key, size_t from, size_t to)
{
    struct bytes value = scrub_part(s, from, to);
    size_t sign = bytes_find_last(value, '@'), first = 0;
    if (sign == value.len || !text_has_nocase(key, "proxy") || text_has(value, "://"))
        return;
    while (first < sign && strchr(" \t=\"'", value.at[first]))
        first++;
    struct bytes login = bytes_head(bytes_from(value, first), sign - first);
    size_t colon = bytes_find(login, ':');
    if (colon < login.len && credential_literal(bytes_from(login, colon + 1)))
        scrub_cut(s, from + first, from + sign + 1, from, BYTES("the login of a proxy"));
}

/* ---- what follows a name ----------------------------------------------------------- */

struct separator {
    size_t value;  /* where the value begins */
    bool assigns;  /* "=" or ":" or the like: a bare value may follow */
    bool equal;    /* exactly "=", without blanks */
    bool call;     /* a string must follow */
    bool argument; /* it is the argument of a function of that name */
    bool bare;     /* nothing but blanks: a string must follow */
};

/* Reads what stands between a name, which ends at `at`, and its value. */
static bool words_separator(const struct words *w, size_t at, struct separator *ret)
{
    static const char *const signs[] = {"=>", ":=", "?:", "||", "??", "=", ":"};
    size_t blank = words_skip(w, at, " \t");
    size_t sign = words_skip(w, blank, "])"); /* ENV["X"] = …, getenv("X") ?: … */
    bool closed = sign > blank;
    sign = words_skip(w, sign, " \t");
    *ret = (struct separator){0};
    if (words_peek(w, sign) == '=' && words_peek(w, sign + 1) == '=')
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        if (!words_starts(w, sign, signs[i]))
            continue;
        size_t after = sign + strlen(signs[i]);
        ret->value = words_skip(w, after, " \t");
        ret->assigns = !closed && i >= 5;
        ret->equal = i == 5 && sign == at && ret->value == after;
        ret->call = i >= 2 && i <= 4;
        if (strchr("\r\n", words_peek(w, ret->value))) {
            ret->value = words_skip(w, ret->value, " \t\r\n");
            ret->call = true;
        }
        return words_peek(w, ret->value) >= 0;
    }
    if (closed || words_peek(w, blank) < 0)
        return false;
    bool open = words_peek(w, at) == '(' || words_peek(w, blank) == ',';
    ret->value = words_skip(w, open ? blank + 1 : blank, " \t\r\n");
    ret->call = true;
    ret->argument = words_peek(w, at) == '(';
    ret->bare = !open;
    return open || (blank > at && strchr("\"'", words_peek(w, blank)));
}

/* Tells whether a function sets what it is named after: setPassword("x"), password("x"). */
static bool words_sets(const struct words *w, size_t from, size_t end)
{
    static const char *const starts[] = {"set", "with", "use"};
    static const char *const wholes[] = {"password", "passphrase", "token",     "apiKey",
                                         "secret",   "accessKey",  "secretKey", "authToken"};
    struct bytes name = scrub_part(w->s, from, end);
    size_t dot = bytes_find_last(name, '.');
    name = bytes_from(name, dot < name.len ? dot + 1 : 0);
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (bytes_starts(name, bytes_of(starts[i])))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(wholes); i++)
        if (bytes_equal(name, bytes_of(wholes[i])))
            return true;
    return false;
}

/* Tells whether a name begins a statement: what stands before it on its line is a blank, or a
 * brace. */
static bool words_begins(const struct words *w, size_t from)
{
    while (from > 0 && strchr(" \t", w->s->text.at[from - 1]))
        from--;
    return from == 0 || strchr("\n{;", w->s->text.at[from - 1]);
}

/* Where a bare word ends. References to variables are parts of it. */
static size_t words_bare_end(const struct words *w, size_t at)
{
    while (at < w->to && !strchr(" \t\r\n\"'`;&|<>(),}]\\", words_peek(w, at))) {
        int close = words_starts(w, at, "${")   ? '}'
                    : words_starts(w, at, "{{") ? '}'
                    : words_starts(w, at, "$(") ? ')'
                                                : 0;
        size_t far = w->to - at > LOOK_AHEAD ? at + LOOK_AHEAD : w->to;
        size_t end = close ? bytes_find(scrub_part(w->s, at, far), (uint8_t)close) : 0;
        at += end && at + end < far ? end + 1 : 1;
        at += close && words_peek(w, at) == close && close == '}';
    }
    return at;
}

/* The range of an argument whose name begins at `from`: with -D, -P, /p: or -- before it. */
static size_t words_option_start(const struct words *w, size_t from)
{
    static const char *const marks[] = {"--", "-D", "-P", "/p:", "-p:", "--define="};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        size_t len = strlen(marks[i]);
        if (from >= len && words_starts(w, from - len, marks[i]))
            return from - len;
    }
    /* The name has taken the mark, since it may contain dashes. */
    if (words_starts(w, from, "--") || words_starts(w, from, "-D") ||
        words_starts(w, from, "-P"))
        return from;
    return SIZE_MAX;
}

/* Cuts an argument with its name, and its line if it has one of its own. */
static void words_cut_option(struct words *w, size_t start, size_t end, struct bytes what)
{
    struct cut c = scrub_whole_lines(w->s, start, end);
    while (c.from > 0 && c.to == end && strchr(" \t", w->s->text.at[c.from - 1]))
        c.from--;
    scrub_cut(w->s, c.from, c.to, start, what);
}

/* Takes a bare value; `sure`: the name and the sign leave no doubt. */
static size_t words_take_bare(struct words *w, size_t start, size_t value, bool sure,
                              struct bytes what)
{
    static const char *const schemes[] = {"Bearer ", "Basic ",  "Token ",
                                          "token ",  "bearer ", "basic "};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (words_starts(w, value, schemes[i])) {
            value += strlen(schemes[i]);
            start = SIZE_MAX;
            sure = true;
        }
    size_t end = words_bare_end(w, value);
    struct bytes text = scrub_part(w->s, value, end);
    if (!(sure ? text.len >= 3 && credential_real(text) : credential_looks_random(text)))
        return value;
    if (start != SIZE_MAX)
        words_cut_option(w, start, end, what);
    else
        scrub_cut(w->s, value, end, value, what);
    return end;
}

/* In a program: strings that a computed value falls back to, up to the end of the line. */
static void words_take_fallbacks(struct words *w, size_t at, struct bytes what)
{
    static const char *const before[] = {"?:", "||", "??", "+", " or", "rElse(", "rDefault("};
    size_t end = at;
    while (end < w->to && end - at < LOOK_AHEAD && words_peek(w, end) != '\n')
        end++;
    for (; at < end; at++) {
        struct string string;
        if (!words_string(w, at, &string))
            continue;
        size_t left = at;
        while (left > 0 && strchr(" \t", w->s->text.at[left - 1]))
            left--;
        for (size_t i = 0; i < ARRAY_SIZE(before); i++)
            if (bytes_ends(bytes_head(w->s->text, left), bytes_of(before[i])))
                words_cut_string(w, at, what);
        at = string.end - 1;
    }
}

/* ---- names ------------------------------------------------------------------------- */

static void words_scan(struct words *w, size_t from, bool in_string);

/* Takes what follows a name of a credential, [from, own), after which a method may reach to
 * `end`. Gives where to go on. */
static size_t words_take_value(struct words *w, size_t from, size_t own, size_t end,
                               bool quoted, bool in_string)
{
    struct separator separator;
    bool code = (w->flags & WORDS_CODE) && !in_string;
    struct bytes name = scrub_part(w->s, from, own);
    struct bytes what =
        arena_copy(w->s->arena, bytes_from(name, name.len > 40 ? name.len - 40 : 0));
    size_t start = words_option_start(w, from);
    size_t after = end + (quoted ? 1 : 0);
    bool option = start != SIZE_MAX && !quoted;
    if (option && words_starts(w, start, "--") && words_peek(w, end) == ' ' &&
        !strchr("-<[\"'", words_peek(w, words_skip(w, end, " ")) > 0
                              ? words_peek(w, words_skip(w, end, " "))
                              : '-'))
        return words_take_bare(w, start, words_skip(w, end, " "), false, what);
    if (!words_separator(w, after, &separator))
        return end;
    size_t value = separator.value;
    if (strchr("frbu@", words_peek(w, value)) &&
        strchr("\"'", words_peek(w, value + 1) > 0 ? words_peek(w, value + 1) : ' '))
        value++;
    /* Arguments of a function are values only if its name says so, or after a quoted name. */
    bool comma = separator.call && words_peek(w, words_skip(w, after, " \t")) == ',';
    if ((comma && !(quoted && from > 1 && w->s->text.at[from - 2] == '(')) ||
        (separator.bare && !quoted && !words_begins(w, from)) ||
        (separator.argument && !words_sets(w, from, own)))
        return end;
    size_t past = words_cut_string(w, value, what);
    if (past > value)
        return past;
    if (separator.call)
        return end;
    if (code && !(separator.equal && (w->flags & WORDS_SHELL) && !quoted)) {
        words_take_fallbacks(w, value, what);
        return end;
    }
    if (quoted || !separator.assigns)
        return end;
    return words_take_bare(w, option ? start : SIZE_MAX, value, separator.equal, what);
}

/* The end of a name without the method that sets it: password.set("x"). */
static size_t words_without_method(const struct words *w, size_t from, size_t end)
{
    static const char *const methods[] = {".set", ".convention", ".value"};
    for (size_t i = 0; i < ARRAY_SIZE(methods) && words_peek(w, end) == '('; i++)
        if (bytes_ends(scrub_part(w->s, from, end), bytes_of(methods[i])))
            return end - strlen(methods[i]);
    return end;
}

/* Gradle's HttpHeaderCredentials: name = "Private-Token", and then value = "x". */
static bool words_is_header_value(const struct words *w, size_t from, struct bytes name)
{
    size_t near = from > LOOK_BACK ? from - LOOK_BACK : 0;
    struct bytes before = scrub_part(w->s, near, from);
    return (w->flags & WORDS_CODE) && bytes_equal(name, BYTES("value")) &&
           (text_has(before, "HeaderCredentials") || text_has(before, "-Token"));
}

static size_t words_take_name(struct words *w, size_t from, bool in_string)
{
    size_t end = from;
    while (end < w->to && words_is_part(words_peek(w, end)))
        end++;
    size_t own = words_without_method(w, from, end);
    struct bytes name = scrub_part(w->s, from, own);
    int before = from > 0 ? w->s->text.at[from - 1] : 0;
    bool quoted = before && strchr("\"'", before) && words_peek(w, end) == before;
    if (name.len >= 5 && bytes_equal_nocase(bytes_from(name, name.len - 5), BYTES("proxy")))
        scrub_proxy(w->s, name, end, words_bare_end(w, words_skip(w, end, " \t=\"'")));
    if (!credential_key(name, false) && !words_is_header_value(w, from, name))
        return end;
    size_t on = words_take_value(w, from, own, end, quoted, in_string);
    return on > end ? on : end;
}

/* curl's -u user:password. */
static size_t words_take_user(struct words *w, size_t at)
{
    size_t value = words_starts(w, at, "-u ")       ? at + 3
                   : words_starts(w, at, "--user ") ? at + 7
                   : words_starts(w, at, "--user=") ? at + 7
                                                    : 0;
    size_t near = at > LOOK_BACK ? at - LOOK_BACK : 0;
    struct bytes before = scrub_part(w->s, near, at);
    before = bytes_from(before, bytes_find_last(before, '\n') % (before.len ? before.len : 1));
    if (value == 0 || !(text_has(before, "curl") || text_has(before, "wget")))
        return at;
    value = words_skip(w, value, "\"'");
    size_t end = words_bare_end(w, value);
    struct bytes login = scrub_part(w->s, value, end);
    size_t colon = bytes_find(login, ':');
    if (colon == login.len || !credential_real(bytes_from(login, colon + 1)))
        return at;
    scrub_cut(w->s, value, end, value, BYTES("-u"));
    return end;
}

/* A string in a program: "NAME" = …, or a text that contains arguments. Where to go on. */
static size_t words_take_string(struct words *w, const struct string *string)
{
    struct words within = *w;
    size_t end = string->from;
    while (end < string->to && words_is_part(words_peek(w, end)))
        end++;
    if (end == string->to && end > string->from) {
        size_t on = words_take_name(w, string->from, false);
        return on > string->end ? on : string->end;
    }
    within.to = string->to;
    words_scan(&within, string->from, true);
    return string->end;
}

static bool words_begin_string(struct words *w, size_t at, bool in_string, struct string *ret)
{
    return !in_string && (w->flags & WORDS_CODE) && strchr("\"'`", words_peek(w, at)) &&
           words_string(w, at, ret);
}

static void words_scan(struct words *w, size_t from, bool in_string)
{
    for (size_t at = from; at < w->to;) {
        int c = words_peek(w, at), before = at > from ? w->s->text.at[at - 1] : ' ';
        struct string string;
        size_t inside = w->s->settled ? scrub_inside(w->s, at) : 0;
        if (inside)
            at = inside;
        else if (words_begin_string(w, at, in_string, &string))
            at = words_take_string(w, &string);
        else if (c == '-' && !words_is_part(before) && words_take_user(w, at) > at)
            at = words_take_user(w, at);
        else if (words_is_part(c) && !words_is_part(before))
            at = words_take_name(w, at, in_string);
        else
            at++;
    }
}

void scrub_words(struct scrub *s, size_t from, size_t to, unsigned flags)
{
    struct words w = {.s = s, .to = to < s->text.len ? to : s->text.len, .flags = flags};
    words_scan(&w, from, false);
}

/* ---- settings, one a line ---------------------------------------------------------- */

/* The end of a key that begins at `at`, in [at, end). */
static size_t words_key_end(const struct bytes *line, bool blanks_separate)
{
    size_t i = 0;
    if (line->len && strchr("\"'", line->at[0]))
        return 1 + bytes_find(bytes_from(*line, 1), line->at[0]);
    bool url = bytes_starts(*line, BYTES("//")); /* .npmrc: //host/:key */
    while (i < line->len && line->at[i] != '=' && !(blanks_separate && line->at[i] == ' ') &&
           !(line->at[i] == ':' && !url && blanks_separate))
        i++;
    return i;
}

void scrub_lines(struct scrub *s, bool broad, bool blanks_separate)
{
    struct bytes rest = s->text;
    struct words w = {.s = s, .to = s->text.len};
    while (rest.len) {
        size_t from = s->text.len - rest.len;
        struct bytes lines = text_take_lines(&rest);
        size_t next = s->text.len - rest.len, end = from + lines.len;
        struct bytes line = utf8_trim(text_join_lines(s->arena, lines));
        size_t key_end = words_key_end(&line, blanks_separate);
        struct bytes key = bytes_head(line, key_end), value = bytes_from(line, key_end);
        while (value.len && strchr("\"'=: \t", value.at[0]))
            value = bytes_from(value, 1);
        bool comment = line.len && strchr("#;!", line.at[0]);
        if (!comment && line.len && line.at[0] != '[' && credential_key(key, broad) &&
            credential_literal(value)) {
            while (key.len && strchr("\"'", key.at[0]))
                key = bytes_from(key, 1);
            scrub_cut(s, from, next, from, bytes_head(key, 60));
            continue;
        }
        scrub_proxy(s, key, from + (key_end < lines.len ? key_end : lines.len), end);
        w.to = end;
        words_scan(&w, from, false);
    }
}

void scrub_environment(struct scrub *s)
{
    struct bytes rest = s->text, line;
    while (rest.at && rest.len) {
        size_t from = s->text.len - rest.len;
        if (!bytes_next(&rest, '\n', &line))
            break;
        size_t next = rest.at ? s->text.len - rest.len : s->text.len;
        struct bytes trimmed = utf8_trim(line);
        struct bytes value = bytes_from(trimmed, bytes_find(trimmed, '=') + 1);
        while (value.len && strchr("\"'", value.at[0]))
            value = bytes_from(value, 1);
        bool plain =
            trimmed.len && trimmed.at[0] != '#' && bytes_find(trimmed, '=') < trimmed.len;
        if (!plain || credential_literal(value))
            scrub_cut_more(s, from, next);
        if (plain && credential_literal(value))
            scrub_cut(s, from, next, from, BYTES("values"));
    }
}
