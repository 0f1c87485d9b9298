/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in URLs, and tokens that are known by their shape.
 *
 *     https://user:password@host/    the login
 *     ssh://git:password@host/       the password alone, since ssh needs the user
 *     https://host/?token=x          the parameter; of a signed URL the whole query
 *     https://host/t/TOKEN/channel   the part of the path, for services that are known
 */
#include "scrub-parts.h"
#include "text.h"

#include <ctype.h>

/* Bytes of a path and query that are looked at. A longer one is no URL that a tool fetches. */
#define PATH_LOOK_MAX 1024

/* ---- logins ------------------------------------------------------------------------ */

/* If a backslash ends a line at `at`: where the next line begins, without its blanks. */
static size_t urls_joint(const struct scrub *s, size_t at)
{
    int next = scrub_peek(s, at + 1);
    if (scrub_peek(s, at) != '\\' || (next != '\n' && next != '\r'))
        return at;
    for (at += 2; at < s->text.len && strchr(" \t\f\n", s->text.at[at]);)
        at++;
    return at;
}

/* The end of what can be a login and a host: a user with references may contain marks that end
 * other URLs. */
static size_t urls_authority_end(const struct scrub *s, size_t at, size_t to)
{
    bool colon = false, digits = true;
    while (at < to) {
        int c = scrub_peek(s, at);
        size_t joint = urls_joint(s, at);
        if (joint > at) {
            at = joint;
            continue;
        }
        if (strchr("/ \t\r\n\"'`?#\\>|", c) || (c == '<' && scrub_peek(s, at + 1) == '/'))
            break;
        /* A comma is part of a password, but ends a host with its port. */
        if (strchr(",)];", c) && (!colon || digits))
            break;
        if (colon)
            digits &= isdigit(c) != 0;
        colon |= c == ':';
        at++;
    }
    return at < to ? at : to;
}

static bool urls_known_user(struct bytes user)
{
    static const char *const known[] = {"git",       "hg",     "svn",
                                        "anonymous", "user",   "username",
                                        "__token__", "oauth2", "x-access-token"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (bytes_equal_nocase(user, bytes_of(known[i])))
            return true;
    return false;
}

static bool urls_is_placeholder(struct bytes user, struct bytes password)
{
    static const char *const users[] = {"user",          "username",      "login",
                                        "your-username", "your_username", "__token__"};
    if (credential_real(password))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(users); i++)
        if (bytes_equal_nocase(user, bytes_of(users[i])))
            return true;
    return !credential_literal(user);
}

/* Takes the login of a URL whose authority is [at, end). */
static void urls_take_login(struct scrub *s, size_t at, size_t end, struct bytes scheme)
{
    struct bytes authority = scrub_part(s, at, end);
    size_t sign = bytes_find_last(authority, '@');
    struct bytes login = bytes_head(authority, sign);
    size_t colon = bytes_find(login, ':');
    struct bytes user = bytes_head(login, colon), password = bytes_from(login, colon + 1);
    bool ssh = bytes_ends(scheme, BYTES("ssh")) || bytes_ends(scheme, BYTES("sftp"));
    if (sign == authority.len)
        return;
    if (colon == login.len || password.len == 0 ||
        bytes_equal(password, BYTES("x-oauth-basic"))) {
        if (ssh || urls_known_user(user) || !credential_literal(user))
            return;
    } else if (!credential_literal(password) || urls_is_placeholder(user, password)) {
        return;
    }
    scrub_cut(s, ssh ? at + colon : at, ssh ? at + sign : at + sign + 1, at,
              BYTES("a login in a URL"));
}

/* ---- paths and queries ------------------------------------------------------------- */

/* Services whose URLs may contain a token in the path. */
static const struct {
    const char *host;   /* the end of the host's name */
    const char *before; /* what stands before the token */
    const char *with;   /* cut together with it */
} in_paths[] = {
    /* source: conda's split_anaconda_token() */
    {"", "/t/", "/t/"},
    /* source: MyGet, "Private feeds" */
    {"myget.org", "/auth/", "/auth/"},
    /* source: packagecloud, "Private repositories" */
    {"packagecloud.io", "/priv/", "/priv/"},
    /* sources: Gemfury and Cloudsmith, "Entitlement tokens" */
    {"fury.io", "/", "/"},
    {"cloudsmith.io", "/", "/"},
    {"cloudsmith.com", "/", "/"},
};

static bool urls_is_conda(const struct scrub *s, struct bytes host)
{
    struct bytes name = path_name(s->path);
    return text_has(name, "conda") || bytes_starts(name, BYTES("environment")) ||
           text_has(host, "conda");
}

/* Takes tokens in a path, which begins at `at`. */
static void urls_take_path(struct scrub *s, size_t at, size_t to, struct bytes host)
{
    size_t end = at;
    host = bytes_from(
        host, bytes_find_last(host, '@') < host.len ? bytes_find_last(host, '@') + 1 : 0);
    host = bytes_head(host, bytes_find(host, ':'));
    to = to - at > PATH_LOOK_MAX ? at + PATH_LOOK_MAX : to;
    while (end < to && !strchr(" \t\r\n\"'`?#<>,)\\", s->text.at[end]))
        end++;
    struct bytes path = scrub_part(s, at, end);
    for (size_t i = 0; i < ARRAY_SIZE(in_paths); i++) {
        struct bytes before = bytes_of(in_paths[i].before);
        if (!bytes_ends(host, bytes_of(in_paths[i].host)) ||
            (i == 0 && !urls_is_conda(s, host)))
            continue;
        size_t from = 0;
        while (before.len > 1 && from < path.len &&
               !bytes_starts(bytes_from(path, from), before))
            from++;
        struct bytes token = bytes_from(path, from + before.len);
        token = bytes_head(token, bytes_find(token, '/'));
        size_t after = from + before.len + token.len;
        bool more = after + 1 < path.len; /* a token is never the last part */
        bool known = before.len == 1 && (token.len < 12 || !credential_looks_random(token));
        if (from < path.len && token.len && more && !known && credential_real(token)) {
            scrub_cut(s, at + from, at + after, at + from,
                      BYTES("a token in the path of a URL"));
            return;
        }
    }
}

enum parameter { PARAMETER_PLAIN, PARAMETER_TOKEN, PARAMETER_SIGNED };

static enum parameter urls_parameter(struct bytes key, struct bytes value)
{
    static const char *const signatures[] = {"sig", "signature", "x-amz-signature",
                                             "x-goog-signature", "hmac"};
    static const char *const others[] = {"auth", "key", "code", "pat", "pwd", "jwt", "st"};
    if (!credential_real(value))
        return PARAMETER_PLAIN;
    for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
        if (bytes_equal_nocase(key, bytes_of(signatures[i])))
            return PARAMETER_SIGNED;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (bytes_equal_nocase(key, bytes_of(others[i])) && value.len >= 16)
            return PARAMETER_TOKEN;
    return credential_key(key, false) ? PARAMETER_TOKEN : PARAMETER_PLAIN;
}

/* Takes the query that begins after the '?' at `mark`. */
static void urls_take_query(struct scrub *s, size_t mark, size_t to)
{
    size_t end = mark + 1, first = 0, last = 0, kept = 0;
    bool any = false;
    while (end < to && !strchr(" \t\r\n\"'`#<>\\)", s->text.at[end]))
        end++;
    struct scrub_mark before = scrub_mark(s);
    for (size_t at = mark + 1; at < end;) {
        size_t stop = at;
        while (stop < end && s->text.at[stop] != '&')
            stop++;
        struct bytes one = scrub_part(s, at, stop);
        size_t equal = bytes_find(one, '=');
        size_t next = stop < end ? stop + 1 : end;
        if (bytes_starts(scrub_part(s, stop, end), BYTES("&amp;")))
            next = stop + 5;
        switch (urls_parameter(bytes_head(one, equal), bytes_from(one, equal + 1))) {
        case PARAMETER_PLAIN:
            kept = stop;
            break;
        case PARAMETER_SIGNED: /* its date changes with it */
            scrub_return(s, before);
            scrub_cut(s, mark, end, mark, BYTES("the signature of a URL"));
            return;
        case PARAMETER_TOKEN:
            first = next < end || !kept ? at : kept;
            last = next;
            scrub_cut(s, first, last, at,
                      arena_copy(s->arena, bytes_head(bytes_head(one, equal), 40)));
            any = true;
            break;
        }
        at = next;
    }
    if (any && !kept)
        scrub_cut_more(s, mark, end);
}

/* ---- the text ---------------------------------------------------------------------- */

/* Where the scheme of a URL begins whose colon is at `at`. */
static size_t urls_scheme(const struct scrub *s, size_t from, size_t at)
{
    size_t start = at;
    while (start > from &&
           (isalnum(s->text.at[start - 1]) || strchr("+.-", s->text.at[start - 1])))
        start--;
    return start;
}

static size_t urls_take(struct scrub *s, size_t from, size_t colon, size_t at, size_t to)
{
    size_t end = urls_authority_end(s, at, to);
    size_t start = urls_scheme(s, from, colon);
    urls_take_login(s, at, end, scrub_part(s, start, colon));
    if (scrub_peek(s, end) == '\\' && scrub_peek(s, end + 1) == '/')
        end++; /* JSON's \/ */
    if (end >= to)
        return to;
    if (scrub_peek(s, end) == '/')
        urls_take_path(s, end, to, scrub_part(s, at, end));
    size_t mark = end;
    to = to - end > PATH_LOOK_MAX ? end + PATH_LOOK_MAX : to;
    while (mark < to && !strchr(" \t\r\n\"'`#<>?", s->text.at[mark]))
        mark++;
    if (mark < to && s->text.at[mark] == '?')
        urls_take_query(s, mark, to);
    return end;
}

void scrub_urls(struct scrub *s, size_t from, size_t to)
{
    for (size_t at = from; at < to;) {
        int c = s->text.at[at];
        bool plain = c == ':' && scrub_peek(s, at + 1) == '/' && scrub_peek(s, at + 2) == '/';
        bool escaped = c == ':' && bytes_starts(bytes_from(s->text, at), BYTES(":\\/\\/"));
        if (plain || escaped) {
            at = urls_take(s, from, at, at + (plain ? 3 : 5), to);
            continue;
        }
        bool begins = at == from || !(isalnum(s->text.at[at - 1]) || s->text.at[at - 1] == '_');
        size_t token =
            begins && strchr("-gnpAxsrdohc", c) ? credential_shape(scrub_part(s, at, to)) : 0;
        if (token)
            scrub_cut(s, at, at + token, at,
                      c == '-' ? BYTES("a private key") : BYTES("a token"));
        at += token ? token : 1;
    }
}
