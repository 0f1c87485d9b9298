/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include "text.h"

#include <ctype.h>

/* Bytes of a name that are compared; of a longer one the end. */
#define SPELLING_MAX 96

/* Bytes. A longer value is no reference to a variable. */
#define VALUE_MAX 4096

struct spelling {
    char at[SPELLING_MAX + 1]; /* letters and digits, in lower case */
    size_t len, last;          /* last: where the last word begins */
};

/* Names end with these, after dots, dashes and underscores are gone. */
static const char *const ends[] = {
    "password",   "passwd",      "passphrase", "passkey",       "passcode",      "token",
    "tokens",     "secret",      "secrets",    "apikey",        "authkey",       "accesskey",
    "secretkey",  "privatekey",  "signingkey", "encryptionkey", "secretkeybase", "licensekey",
    "credential", "credentials", "authident",  "accesskeyid",   "authorization", "passwords",
    "accountkey", "masterkey",
};
/* A last word that counts only after another one: DB_PWD, but not PWD. */
static const char *const last_words[] = {"pwd", "pass", "pat", "sas"};
/* The whole name. */
static const char *const wholes[] = {"auth", "otp", "pass", "bearer", "key", "cert"};
static const char *const inside[] = {"passw",      "token",  "secret",     "passkey",
                                     "passphrase", "apikey", "credential", "authident"};
static const char *const holders[] = {
    "httpbasic",
    "pypitoken",
    "githuboauth",
    "gitlabtoken",
    "gitlaboauth",
    "bearer",
    "forgejotoken",
    "bitbucketoauth",
    "customheaders",
    "clientcert",
    "packagesourcecredentials",
    "apikeys",
};
static const char *const users[] = {"username", "user",  "name",
                                    "login",    "email", "consumerkey"};
static const char *const packages[] = {
    "dependencies",
    "devdependencies",
    "optionaldependencies",
    "peerdependencies",
    "builddependencies",
    "peerdependenciesmeta",
    "dependenciesmeta",
    "dependencygroups",
    "bundledependencies",
    "overrides",
    "resolutions",
    "catalog",
    "catalogs",
    "patcheddependencies",
    "scripts",
    "bin",
    "engines",
    "require",
    "requiredev",
    "replace",
    "provide",
    "conflict",
    "suggest",
    "features",
    "patch",
    "versions",
    "libraries",
    "plugins",
    "bundles",
    "packages",
    "devpackages",
    "extras",
    "sources",
    "packageextensions",
    "replacement",
    "requires",
    "allowbuilds",
    "ignoredbuiltdependencies",
    "group",
    "modules",
};
static const char *const constants[] = {"true", "false",     "null", "none", "nil",
                                        "yes",  "undefined", "no",   "on",   "off"};
/* Words that stand for a credential in documentation. */
static const char *const placeholders[] = {
    "password", "passwd",   "pass",   "pwd",  "secret",    "token",       "apikey",
    "key",      "changeme", "dummy",  "fake", "value",     "placeholder", "foo",
    "bar",      "baz",      "abc",    "xyz",  "login",     "user",        "username",
    "hidden",   "redacted", "string", "todo", "authtoken", "accesstoken", "credentials",
};

static bool credentials_in(const char *const *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}
#define IN(list, word) credentials_in((list), ARRAY_SIZE(list), (word))

static struct spelling credentials_name(struct bytes key)
{
    struct spelling name = {0};
    bool lower = false;
    if (key.len > SPELLING_MAX)
        key = bytes_from(key, key.len - SPELLING_MAX);
    for (size_t i = 0; i < key.len; i++) {
        int c = key.at[i];
        if (!isalnum(c)) {
            name.last = name.len;
            lower = false;
            continue;
        }
        if (isupper(c) && lower)
            name.last = name.len;
        lower = !isupper(c);
        name.at[name.len++] = (char)tolower(c);
    }
    name.at[name.len] = '\0';
    return name;
}

static bool credentials_ends(const struct spelling *name, const char *end)
{
    size_t len = strlen(end);
    return name->len >= len && strcmp(name->at + name->len - len, end) == 0;
}

/* Tells whether a name may end like one of `ends` or `last_words`. Nearly no name does, and
 * programs are full of names. */
static bool credentials_may_end(struct bytes key)
{
    static const char tails[] =
        "ord swd ase key ode ken ens ret ets ial als ent yid ion rds pwd "
        "ass pat sas";
    char tail[4] = "";
    if (key.len < 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        int c = key.at[key.len - 3 + i];
        if (!isalnum(c))
            return true; /* "key_id" */
        tail[i] = (char)tolower(c);
    }
    return strstr(tails, tail) != NULL;
}

bool credential_key(struct bytes key, bool broad)
{
    if (!broad && !credentials_may_end(key))
        return false;
    struct spelling name = credentials_name(key);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (credentials_ends(&name, ends[i]))
            return true;
    if (name.last > 0 && name.last < name.len && IN(last_words, name.at + name.last))
        return true;
    if (!broad)
        return strcmp(name.at, "pass") == 0 || strcmp(name.at, "authorization") == 0;
    /* "//host/:_auth" of .npmrc is the key "_auth" of a host */
    struct bytes own =
        bytes_starts(key, BYTES("//")) ? bytes_from(key, bytes_find_last(key, ':') + 1) : key;
    struct spelling alone = credentials_name(own);
    if (IN(wholes, alone.at))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
        if (strstr(name.at, inside[i]))
            return true;
    return false;
}

bool credential_holder(struct bytes key)
{
    struct spelling name = credentials_name(key);
    return IN(holders, name.at);
}

bool credential_user(struct bytes key)
{
    struct spelling name = credentials_name(key);
    return IN(users, name.at);
}

bool credential_packages(struct bytes key)
{
    struct spelling name = credentials_name(key);
    return IN(packages, name.at);
}

/* ---- values ------------------------------------------------------------------------ */

/* Pairs of marks around the name of a variable. */
static const struct {
    const char *open, *close;
} marks[] = {{"${", "}"}, {"{{", "}}"}, {"#{", "}"}, {"$(", ")"}, {"<%", "%>"}, {"[[", "]]"}};

/* The fallback that is in a reference, as in ${X:-rest}. */
static struct bytes credentials_fallback(struct bytes in)
{
    size_t at = 0;
    while (at < in.len && (isalnum(in.at[at]) || strchr("_.", in.at[at])))
        at++;
    if (at == in.len || !strchr(":-", in.at[at]))
        return BYTES("");
    return bytes_from(in, at + 1 + (at + 1 < in.len && in.at[at + 1] == '-'));
}

/* The length of a reference between two marks. */
static size_t credentials_marked(struct bytes text, struct bytes *ret_rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct bytes open = bytes_of(marks[i].open), close = bytes_of(marks[i].close);
        if (!bytes_starts(text, open))
            continue;
        size_t end = open.len;
        while (end < text.len && !bytes_starts(bytes_from(text, end), close))
            end++;
        if (end == text.len)
            continue;
        if (i == 0)
            *ret_rest = credentials_fallback(bytes_from(bytes_head(text, end), open.len));
        return end + close.len;
    }
    return 0;
}

/* The length of a reference after a dollar sign: $X, $1. */
static size_t credentials_dollar(struct bytes text)
{
    size_t end = 1;
    if (strchr("0123456789@*#?!", text.at[1]))
        return 2;
    if (!isalpha(text.at[1]) && text.at[1] != '_')
        return 0;
    while (end < text.len && (isalnum(text.at[end]) || strchr("_:.", text.at[end])))
        end++;
    return end;
}

/* The length of the reference to a variable that a text begins with, or 0. *ret_rest is the
 * fallback that it contains. */
static size_t credentials_reference(struct bytes text, struct bytes *ret_rest)
{
    *ret_rest = BYTES("");
    size_t end = credentials_marked(text, ret_rest);
    if (end || text.len < 2)
        return end;
    uint8_t first = text.at[0];
    if (first == '$')
        return credentials_dollar(text);
    if (!strchr("%@<{", first))
        return 0;
    uint8_t last = first == '<' ? '>' : first == '{' ? '}' : first;
    end = 1;
    while (end < text.len && (isalnum(text.at[end]) || strchr("_.- :", text.at[end])))
        end++;
    if (end > 1 && end < text.len && text.at[end] == last)
        return end + 1;
    return first == '%' && strchr("sdv", text.at[1]) ? 2 : 0;
}

static bool credentials_constant(struct bytes value)
{
    struct spelling name = credentials_name(value);
    return IN(constants, name.at);
}

/* Tells whether a text without references holds six letters or digits in a row, or is no word
 * of a scheme. */
static bool credentials_rest(struct bytes text)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = isalnum(text.at[i]) ? run + 1 : 0;
        if (run == 6) {
            size_t from = i + 1 - run, end = i + 1;
            while (end < text.len && isalnum(text.at[end]))
                end++;
            struct bytes word = bytes_head(bytes_from(text, from), end - from);
            if (!bytes_equal_nocase(word, BYTES("bearer")) && credential_real(word))
                return true;
            i = end - 1;
            run = 0;
        }
    }
    return false;
}

bool credential_literal(struct bytes value)
{
    value = utf8_trim(value);
    char rest[512];
    size_t len = 0;
    bool refers = false;
    if (value.len > VALUE_MAX)
        return true;
    if (value.len == 0 || credentials_constant(value) ||
        (value.at[0] == '!' && bytes_starts(value, BYTES("!env"))))
        return false;
    for (size_t i = 0; i < value.len;) {
        struct bytes fallback;
        size_t skip = credentials_reference(bytes_from(value, i), &fallback);
        /* maven's {encrypted} is no reference */
        if (skip && value.at[i] == '{' && i == 0 && skip == value.len &&
            !bytes_starts(value, BYTES("{{")))
            skip = 0;
        refers |= skip > 0;
        if (fallback.len && credential_real(fallback))
            return true;
        if (skip == 0 && len < sizeof(rest))
            rest[len++] = (char)value.at[i];
        i += skip ? skip : 1;
    }
    return !refers || credentials_rest(bytes_at(rest, len));
}

bool credential_real(struct bytes value)
{
    value = utf8_trim(value);
    if (!credential_literal(value))
        return false;
    struct spelling name = credentials_name(value);
    bool number = true, same = true, odd = false;
    for (size_t i = 0; i < value.len; i++) {
        number &= isdigit(value.at[i]) != 0;
        same &= value.at[i] == value.at[0];
        odd |= value.at[i] >= 0x80;
    }
    if ((number && value.len < 6) || (same && value.len > 1) || (name.len == 0 && !odd) ||
        IN(placeholders, name.at))
        return false;
    static const char *const starts[] = {"your",  "insert",  "example",
                                         "dummy", "replace", "some"};
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (strncmp(name.at, starts[i], strlen(starts[i])) == 0)
            return false;
    return !credentials_ends(&name, "here") && strncmp(name.at, "xxx", 3) != 0;
}

bool credential_value(struct bytes key, struct bytes value)
{
    struct spelling name = credentials_name(key);
    bool blank = false, digit = false;
    if (!credential_real(value))
        return false;
    for (size_t i = 0; i < value.len; i++) {
        blank |= value.at[i] == ' ';
        digit |= isdigit(value.at[i]) != 0;
    }
    if (strstr(name.at, "passphrase"))
        return true;
    if (bytes_starts(value, BYTES("Bearer ")) || bytes_starts(value, BYTES("Basic ")))
        return credential_real(bytes_from(value, bytes_find(value, ' ') + 1));
    if (blank)
        return digit && value.len >= 12 && strstr(name.at, "passw");
    return strstr(name.at, "pass") || strstr(name.at, "pwd") || value.len >= 16 ||
           (digit && value.len >= 8);
}

bool credential_looks_random(struct bytes value)
{
    size_t digits = 0;
    for (size_t i = 0; i < value.len; i++)
        digits += isdigit(value.at[i]) != 0;
    return value.len >= 8 && digits && credential_real(value);
}

/* ---- shapes ------------------------------------------------------------------------ */

/* What tokens of services begin with, and how many letters, digits and dashes follow at least.
 * Sources: the services' lists for secret scanning. */
static const struct {
    const char *start;
    size_t least;
} shapes[] = {
    {"ghp_", 30},     {"gho_", 30},        {"ghu_", 30},      {"ghs_", 30},    {"ghr_", 30},
    {"npm_", 30},     {"github_pat_", 30}, {"glpat-", 20},    {"gldt-", 20},   {"glptt-", 20},
    {"pypi-AgE", 40}, {"AKIA", 16},        {"ASIA", 16},      {"xoxb-", 20},   {"xoxp-", 20},
    {"sk_live_", 20}, {"rubygems_", 40},   {"dckr_pat_", 20}, {"oy2", 43},     {"hf_", 30},
    {"cio", 32},      {"AIza", 35},        {"shpat_", 30},    {"dop_v1_", 60}, {"sntrys_", 30},
};

static size_t credentials_pem(struct bytes text)
{
    struct bytes begin = BYTES("-----BEGIN "), end = BYTES("-----");
    size_t at = begin.len;
    if (!bytes_starts(text, begin))
        return 0;
    while (at < text.len && at < 60 && (isalnum(text.at[at]) || text.at[at] == ' '))
        at++;
    if (!text_has(bytes_head(text, at), "PRIVATE KEY"))
        return 0;
    for (size_t last = 0; at + end.len <= text.len; at++) {
        if (!last && bytes_starts(bytes_from(text, at), BYTES("-----END ")))
            last = at + 9;
        else if (last && at > last && bytes_starts(bytes_from(text, at), end))
            return at + end.len;
    }
    return text.len;
}

size_t credential_shape(struct bytes text)
{
    if (text.len && text.at[0] == '-')
        return credentials_pem(text);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        if (text.len == 0 || (uint8_t)shapes[i].start[0] != text.at[0] ||
            !bytes_starts(text, bytes_of(shapes[i].start)))
            continue;
        size_t start = strlen(shapes[i].start), end = start;
        while (end < text.len && (isalnum(text.at[end]) || strchr("_-", text.at[end])))
            end++;
        if (end - start >= shapes[i].least && credential_looks_random(bytes_head(text, end)))
            return end;
    }
    return 0;
}

/* ---- files ------------------------------------------------------------------------- */

enum credential_file credential_file(struct bytes path)
{
    static const char *const secret[] = {
        ".netrc",
        "_netrc",
        ".pgpass",
        ".git-credentials",
        ".pypirc",
        "auth.json",
        "credentials",
        "credentials.toml",
        "credentials.json",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".htpasswd",
        "settings-security.xml",
        "settings-security4.xml",
        ".vault-token",
        ".dockercfg",
        "kubeconfig",
        "master.key",
    };
    static const char *const stores[] = {".p12", ".pfx", ".keystore", ".kdbx", ".ppk"};
    static const char *const samples[] = {"example", "sample",   "template",
                                          "dist",    "defaults", "schema"};
    struct bytes name = path_name(path), dir = path_name(path_dir(path));
    for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
        if (bytes_equal_nocase(name, bytes_of(secret[i])))
            return FILE_SECRET;
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
        if (bytes_ends(name, bytes_of(stores[i])))
            return FILE_SECRET;
    bool keys =
        bytes_equal(dir, BYTES(".gradle-enterprise")) || bytes_equal(dir, BYTES(".develocity"));
    if ((keys && bytes_equal(name, BYTES("keys.properties"))) ||
        (bytes_equal(dir, BYTES(".docker")) && bytes_equal(name, BYTES("config.json"))))
        return FILE_SECRET;
    if (!bytes_starts(name, BYTES(".env")) && !bytes_ends(name, BYTES(".env")))
        return FILE_PLAIN;
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        if (text_has(name, samples[i]))
            return FILE_PLAIN;
    return bytes_equal(name, BYTES(".envrc")) ? FILE_PLAIN : FILE_SETTINGS;
}
