/* SPDX-License-Identifier: Apache-2.0 */
#include "scrub.h"

#include "scrub-parts.h"
#include "text.h"

#include <stdlib.h>

enum syntax {
    SYNTAX_CODE, /* and everything else */
    SYNTAX_SHELL,
    SYNTAX_JSON,
    SYNTAX_TOML,
    SYNTAX_YAML,
    SYNTAX_XML,
    SYNTAX_LINES,      /* key = value */
    SYNTAX_WORDS,      /* key value */
    SYNTAX_PROPERTIES, /* the same, and every name counts wherever it stands */
    SYNTAX_ARGUMENTS,
    SYNTAX_LOCK,
    SYNTAX_PATCH,
};

/* The syntax of a file, by its name or by the end of its name. The first that fits counts. */
static const struct {
    const char *end;
    enum syntax syntax;
} syntaxes[] = {
    {"/package-lock.json", SYNTAX_LOCK},
    {"/npm-shrinkwrap.json", SYNTAX_LOCK},
    {"/packages.lock.json", SYNTAX_LOCK},
    {"/Pipfile.lock", SYNTAX_LOCK},
    {"/composer.lock", SYNTAX_JSON}, /* its transport-options may hold headers */
    {"/pnpm-lock.yaml", SYNTAX_LOCK},
    {"/conda-lock.yml", SYNTAX_LOCK},
    {"/pylock.toml", SYNTAX_LOCK},
    {"/Gemfile", SYNTAX_CODE},
    {"/Pipfile", SYNTAX_TOML},
    {".lock", SYNTAX_LOCK},
    {".lockfile", SYNTAX_LOCK},
    {".sum", SYNTAX_LOCK},
    {".mod", SYNTAX_LOCK},
    {"/go.work", SYNTAX_LOCK},
    {".json", SYNTAX_JSON},
    {".jsonc", SYNTAX_JSON},
    {".json5", SYNTAX_JSON},
    {".toml", SYNTAX_TOML},
    {"/.cargo/config", SYNTAX_TOML},
    {"/rust-toolchain", SYNTAX_TOML},
    {".yml", SYNTAX_YAML},
    {".yaml", SYNTAX_YAML},
    {"/.bundle/config", SYNTAX_YAML},
    {"/.condarc", SYNTAX_YAML},
    {".xml", SYNTAX_XML},
    {"/maven.config", SYNTAX_ARGUMENTS},
    {"/jvm.config", SYNTAX_ARGUMENTS},
    {".config", SYNTAX_XML},
    {".props", SYNTAX_XML},
    {".targets", SYNTAX_XML},
    {"proj", SYNTAX_XML},
    {".slnx", SYNTAX_XML},
    {".pom", SYNTAX_XML},
    {".nuspec", SYNTAX_XML},
    {".pubxml", SYNTAX_XML},
    {".rsp", SYNTAX_ARGUMENTS},
    {".txt", SYNTAX_ARGUMENTS},
    {".in", SYNTAX_ARGUMENTS},
    {".properties", SYNTAX_PROPERTIES},
    {"/.npmrc", SYNTAX_PROPERTIES},
    {"/.yarnrc", SYNTAX_WORDS},
    {".ini", SYNTAX_LINES},
    {".cfg", SYNTAX_LINES},
    {".conf", SYNTAX_LINES},
    {"/.editorconfig", SYNTAX_LINES},
    {".patch", SYNTAX_PATCH},
    {".diff", SYNTAX_PATCH},
    {".sh", SYNTAX_SHELL},
    {".bash", SYNTAX_SHELL},
    {".envrc", SYNTAX_SHELL},
    {"/mvnw", SYNTAX_SHELL},
    {"/gradlew", SYNTAX_SHELL},
    {".cmd", SYNTAX_SHELL},
    {".bat", SYNTAX_SHELL},
};

static bool scrub_ends(struct bytes path, const char *end)
{
    size_t len = strlen(end);
    bool whole = end[0] == '/' && path.len == len - 1; /* the name, without a directory */
    return whole ? bytes_equal_nocase(path, bytes_of(end + 1))
                 : path.len >= len &&
                       bytes_equal_nocase(bytes_from(path, path.len - len), bytes_of(end));
}

static enum syntax scrub_syntax(struct bytes path, struct bytes text)
{
    struct bytes base = path_name(path), first = bytes_head(text, bytes_find(text, '\n'));
    for (size_t i = 0; i < ARRAY_SIZE(syntaxes); i++)
        if (scrub_ends(path, syntaxes[i].end))
            return syntaxes[i].syntax;
    bool bang = bytes_starts(first, BYTES("#!")) && text_has(first, "sh");
    bool sample = bytes_starts(base, BYTES(".env")) || text_has(base, ".env.");
    return bang || sample || bytes_find(base, '.') == base.len ? SYNTAX_SHELL : SYNTAX_CODE;
}

/* A patch is applied to what others wrote: only the lines that it adds are ours to change. */
static void scrub_patch(struct scrub *s)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at < s->text.len;) {
            size_t end = scrub_line_end(s, at);
            bool added =
                s->text.at[at] == '+' && !bytes_starts(bytes_from(s->text, at), BYTES("+++ "));
            if (added && pass == 0)
                scrub_urls(s, at + 1, end);
            else if (added)
                scrub_words(s, at + 1, end, WORDS_CODE);
            at = end + 1;
        }
        scrub_settle(s);
    }
}

static void scrub_run(struct scrub *s, enum syntax syntax)
{
    if (syntax != SYNTAX_PATCH)
        scrub_urls(s, 0, s->text.len);
    scrub_settle(s);
    switch (syntax) {
    case SYNTAX_CODE:
        scrub_words(s, 0, s->text.len, WORDS_CODE);
        break;
    case SYNTAX_SHELL:
        scrub_words(s, 0, s->text.len, WORDS_CODE | WORDS_SHELL);
        break;
    case SYNTAX_JSON:
        scrub_json(s);
        break;
    case SYNTAX_TOML:
        scrub_toml(s);
        break;
    case SYNTAX_YAML:
        scrub_yaml(s);
        break;
    case SYNTAX_XML:
        scrub_xml(s);
        break;
    case SYNTAX_LINES:
        scrub_lines(s, false, false);
        break;
    case SYNTAX_WORDS:
        scrub_lines(s, true, true);
        break;
    case SYNTAX_PROPERTIES:
        scrub_lines(s, true, !bytes_ends(s->path, BYTES("npmrc")));
        break;
    case SYNTAX_ARGUMENTS:
        scrub_words(s, 0, s->text.len, 0);
        break;
    case SYNTAX_LOCK:
        break;
    case SYNTAX_PATCH:
        scrub_patch(s);
        break;
    }
}

static int scrub_compare_findings(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : bytes_compare(x->what, y->what);
}

struct scrubbed scrub_text(struct arena *a, struct bytes path, struct bytes text)
{
    struct scrubbed clean = {.text = text};
    struct scrub s = {.arena = a, .path = path, .text = text};
    enum credential_file file = credential_file(path);
    if (file == FILE_SECRET)
        return (struct scrubbed){.text = BYTES(""), .all = true};
    /* A text need not be UTF-8: one letter of an old comment must not save a credential. */
    if (bytes_find(text, '\0') < text.len)
        return clean;
    if (file == FILE_SETTINGS) {
        scrub_environment(&s);
    } else {
        enum syntax syntax = scrub_syntax(path, text);
        clean.code = syntax == SYNTAX_CODE || syntax == SYNTAX_SHELL;
        s.lock = syntax == SYNTAX_LOCK;
        scrub_run(&s, syntax);
    }
    clean.found = s.found;
    clean.n = s.n_found;
    if (clean.n)
        qsort(clean.found, clean.n, sizeof(*clean.found), scrub_compare_findings);
    if (s.n)
        clean.text = scrub_result(&s);
    return clean;
}
