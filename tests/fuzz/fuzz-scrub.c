/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrubs any text as the file of any format. No input may crash or stall the scrubber, and what
 * it says must be about the text. In formats of lines, a credential that stands after the text,
 * on a line of its own, must be cut, whatever came before it.
 */
#include "fuzz.h"
#include "scrub.h"

static const char *const paths[] = {
    ".npmrc",
    "gradle.properties",
    "pip.conf",
    "requirements.txt",
    "Cargo.toml",
    "poetry.toml",
    "package.json",
    "package-lock.json",
    ".yarnrc.yml",
    "pnpm-lock.yaml",
    "environment.yml",
    "pom.xml",
    "nuget.config",
    "build.gradle",
    "Gemfile",
    "mix.exs",
    ".mvn/jvm.config",
    "yarn.lock",
    "Gemfile.lock",
    "go.mod",
    ".mvn/maven.config",
    ".env",
    "patches/a.patch",
    "install.js",
};
#define CANARY "cAnArY4f81ce09"
/* Of the formats of lines, the line that holds a credential. */
static const char *const last_lines[ARRAY_SIZE(paths)] = {
    "\n\n//registry.example.com/:_authToken=" CANARY "\n",
    "\n\nrepoPassword=" CANARY "\n",
    NULL,
    "\n\n--index-url https://user:" CANARY "@example.com/simple\n",
};

static uint32_t count_lines(struct bytes text)
{
    uint32_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n' || text.at[i] == '\r';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t which = data[0] % ARRAY_SIZE(paths);
    cleanup_arena struct arena arena = {0};
    struct bytes path = bytes_of(paths[which]), text = bytes_at(data + 1, size - 1);
    bool has_canary = last_lines[which] && bytes_find(text, '\0') == text.len /* no binary */ &&
                      !memmem(text.at, text.len, CANARY, sizeof(CANARY) - 1);
    if (has_canary)
        text = arena_printf(&arena, "%.*s%s", BYTES_ARG(text), last_lines[which]);
    struct scrubbed clean = scrub_text(&arena, path, text);
    FUZZ_CHECK(!clean.all || clean.text.len == 0, "a file that is left out has a text");
    /* Of .env, comments and what is no assignment go without a word. */
    FUZZ_CHECK(clean.n || clean.all || bytes_equal(path, BYTES(".env")) ||
                   bytes_equal(clean.text, text),
               "cut without a word");
    for (size_t i = 0; i < clean.n; i++) {
        FUZZ_CHECK(clean.found[i].line >= 1 && clean.found[i].line <= count_lines(text),
                   "line %u of %u", clean.found[i].line, count_lines(text));
        FUZZ_CHECK(!memmem(clean.found[i].what.at, clean.found[i].what.len, CANARY,
                           sizeof(CANARY) - 1),
                   "a message leaks");
    }
    if (has_canary)
        FUZZ_CHECK(!memmem(clean.text.at, clean.text.len, CANARY, sizeof(CANARY) - 1),
                   "a credential is left");
    scrub_text(&arena, path, clean.text);
    return 0;
}
