/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/select.c: patterns that are matched during a walk. */
#include "dockerfile.h"
#include "reads-set.h"
#include "select.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Makes sealed reads of space-separated patterns. `literal` and `globstar` are for all of them.
 */
static struct reads *reads_of(const char *patterns, bool literal, bool globstar)
{
    struct reads *reads = reads_new();
    struct bytes rest = bytes_of(patterns), pattern;
    struct failure f = {0};
    while (bytes_next(&rest, ' ', &pattern)) {
        struct df_read read = {.pattern = arena_copy(&reads->arena, pattern),
                               .literal = literal,
                               .globstar = globstar};
        if (!bytes_equal(pattern, BYTES("-")) && reads_add(reads, read, &f) < 0)
            TAP_CHECKF(false, "%s", f.text);
    }
    if (select_compile(reads, &f) < 0)
        TAP_CHECKF(false, "%s", f.text);
    return reads;
}

/* Walks to a path, whose last part is a directory. 's': it is selected; 'd': a walk only enters
 * it; '-': neither. */
static char walk(const struct reads *reads, struct bytes path)
{
    const struct select_dir *here = select_root(reads);
    struct select_dir *held = NULL, *below;
    struct select_verdict verdict = {0};
    struct bytes rest = path, name;
    while (bytes_next(&rest, '/', &name)) {
        select_check(here, name, true, &verdict, &below);
        select_leave(held);
        here = held = below;
        if (!verdict.descend)
            break;
    }
    select_leave(held);
    return verdict.select ? 's' : verdict.descend ? 'd' : '-';
}

static const struct {
    const char *source, *patterns;
    bool literal, globstar;
    const char *want; /* path=verdict */
} cases[] = {
    {"a plain name is read with all below", "src/lib", false, false,
     "src=d src/lib=s src/lib/a/b=s src/libs=- src/li=- lib=- srcx=-"},
    {"the empty pattern reads everything", "", false, false, "a=s a/b=s"},
    {"no pattern reads nothing", "-", false, false, "a=- a/b=-"},
    {"a prefix of another pattern reads more", "a/b a", false, false, "a=s a/b=s a/c=s"},
    {"patterns share what they have in common", "a/b/c a/b/d a/e", false, false,
     "a=d a/b=d a/b/c=s a/b/d=s a/b/e=- a/e=s a/f=-"},
    {"a star stays inside a component", "*.txt", false, false, "a.txt=s .txt=s a/b.txt=-"},
    {"a star in the middle", "*/x", false, false, "a=d a/x=s a/y=- x=d x/x=s"},
    {"two stars are one star without --parents", "a/**/x", false, false,
     "a=d a/b=d a/b/x=s a/x=d a/b/c=- a/b/c/x=-"},
    {"classes, negated too", "[ab]c [^x-z]d", false, false, "ac=s bc=s cc=- xd=- wd=s"},
    {"escapes", "\\*a", false, false, "*a=s ba=-"},
    {"a literal pattern has no wildcards", "*/[a]", true, false, "b=- *=d */[a]=s */a=-"},
    {"a plain and a wildcard pattern match the same name", "src/a s*/b", false, false,
     "src=d src/a=s src/b=s sxx/a=- sxx/b=s"},
    {"`**` takes any number of components", "a/**/x", false, true,
     "a=d a/x=s a/b=d a/b/x=s a/b/c/d/x=s a/b/c=d b=- b/x=-"},
    {"`**` alone reads everything", "**", false, true, "a=s"},
    {"`**` at the end reads the directory", "a/**", false, true, "a=s a/b=s b=-"},
    {"`**` first", "**/x/y", false, true, "x=d x/y=s a=d a/x=d a/x/y=s a/y=d"},
    {"two `**`", "**/a/**/b", false, true,
     "a=d a/b=s a/a=d a/a/b=s c/a/d/b=s b=d c/b=d a/c/a/c/b=s"},
    {"`**` inside a component matches slashes", "a**b/c", false, true, "ab=s ax=s a/q=s b=-"},
    {"`**` twice in a row", "a/**/**/x", false, true, "a/x=s a/b/x=s a/b/c/x=s"},
    {"bytes above 0x7f", "\xc3\xa9/\xff", false, false, "\xc3\xa9=d \xc3\xa9/\xff=s \xc3=-"},
};

static void test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("%s: %s", cases[i].source, cases[i].patterns);
        struct reads *reads = reads_of(cases[i].patterns, cases[i].literal, cases[i].globstar);
        struct bytes rest = bytes_of(cases[i].want), item;
        while (bytes_next(&rest, ' ', &item)) {
            struct bytes path = bytes_head(item, item.len - 2);
            char got = walk(reads, path), want = (char)item.at[item.len - 1];
            TAP_CHECKF(got == want, "%s: %c, wanted %c", QUOTE(path), got, want);
            TAP_CHECK(reads_cover(reads, path) == (got == 's'));
        }
        reads_free(reads);
    }
}

static void test_files(void)
{
    tap_case("a file is selected or not, and never entered");
    struct reads *reads = reads_of("a/b c", false, false);
    struct select_verdict verdict;
    struct select_dir *below;
    select_check(select_root(reads), BYTES("a"), false, &verdict, &below);
    TAP_CHECK(!verdict.select && !verdict.descend && !below);
    select_check(select_root(reads), BYTES("c"), false, &verdict, &below);
    TAP_CHECK(verdict.select && !verdict.descend && !below);
    select_check(select_root(reads), BYTES("c"), true, &verdict, &below);
    TAP_CHECK(verdict.select && verdict.descend && !below);
    select_check(NULL, BYTES("x"), true, &verdict, &below);
    TAP_CHECK(verdict.select && verdict.descend && !below);
    reads_free(reads);
}

/* An independent matcher: matches the pattern against a prefix of the path, by recursion. */
static bool slow_match(struct bytes pattern, struct bytes path, bool globstar)
{
    if (!pattern.at)
        return true;
    struct bytes p = pattern, n = path, comp, name;
    bytes_next(&p, '/', &comp);
    bool star = globstar && bytes_equal(comp, BYTES("**"));
    if (star && slow_match(p, path, true))
        return true;
    if (!bytes_next(&n, '/', &name))
        return false;
    return star ? slow_match(pattern, n, true)
                : glob_match(comp, name) && slow_match(p, n, globstar);
}

static const char *pick(const char *const *from, size_t n, unsigned *seed)
{
    return from[(unsigned)rand_r(seed) % n];
}

static void random_path(char *out, size_t size, bool pattern, unsigned *seed)
{
    static const char *const names[] = {"a", "b", "ab", "abc", "c"};
    static const char *const globs[] = {"a", "b", "ab", "*", "a*", "?", "[ab]", "**", "*c"};
    size_t depth = (size_t)rand_r(seed) % 4 + 1, len = 0;
    for (size_t i = 0; i < depth; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "/" : "",
                                pattern ? pick(globs, ARRAY_SIZE(globs), seed)
                                        : pick(names, ARRAY_SIZE(names), seed));
}

static void test_property(void)
{
    tap_case("20000 random sets of patterns agree with a recursive matcher");
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        char patterns[4][64], joined[300] = "", path[64];
        size_t n = (size_t)rand_r(&seed) % 4 + 1, len = 0;
        bool globstar = rand_r(&seed) & 1;
        for (size_t i = 0; i < n; i++) {
            random_path(patterns[i], sizeof(patterns[i]), true, &seed);
            len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s", i ? " " : "",
                                    patterns[i]);
        }
        struct reads *reads = reads_of(joined, false, globstar);
        for (int tries = 0; tries < 4; tries++) {
            random_path(path, sizeof(path), false, &seed);
            bool want = false;
            for (size_t i = 0; i < n; i++)
                want = want || slow_match(bytes_of(patterns[i]), bytes_of(path), globstar);
            if (!TAP_CHECKF((walk(reads, bytes_of(path)) == 's') == want,
                            "%s against %s%s: wanted %d", path, joined,
                            globstar ? " with globstar" : "", want))
                round = 20000;
        }
        reads_free(reads);
    }
}

static void test_limits(void)
{
    tap_case("too many components are refused, not stored");
    struct reads *reads = reads_new();
    struct failure f = {0};
    int r = 0;
    for (int i = 0; r == 0 && i < 20000; i++) {
        struct bytes pattern = arena_printf(&reads->arena, "%d/a/b/c/d/e/f/g/h/i/j/k/l/m/n", i);
        r = reads_add(reads, (struct df_read){.pattern = pattern}, &f);
    }
    TAP_CHECK(r == 0);
    TAP_CHECK(select_compile(reads, &f) == -E2BIG);
    reads_free(reads);
}

static void test_stars(void)
{
    tap_case("many `**` are alive once each, however deep the walk");
    struct reads *reads = reads_of("**/a/**/a/**/a/**/a/**/a/**/a/**/b", false, true);
    char path[2001];
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 2 ? '/' : 'a';
    TAP_CHECK(walk(reads, bytes_at(path, sizeof(path))) == 'd');
    path[2000] = 'b';
    TAP_CHECK(walk(reads, bytes_at(path, sizeof(path))) == 's');
    reads_free(reads);
}

int main(void)
{
    test_stars();
    test_cases();
    test_files();
    test_property();
    test_limits();
    return tap_end();
}
