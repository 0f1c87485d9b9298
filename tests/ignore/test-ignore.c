/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts of ignore/ on single cases with their source, the automaton against the literal
 * engine on made-up sets, and hostile ignore files against the clock.
 */
#include "ignore-engine.h"
#include "tap.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static struct ignore *parse(const char *text, enum ignore_rules rules)
{
    struct ignore *ig = NULL;
    struct failure f = {0};
    if (ignore_parse(BYTES(".dockerignore"), bytes_of(text), rules, NULL, &ig, &f) < 0)
        tap_check(false, __FILE__, __LINE__, "%s", f.text);
    return ig;
}

/*
 * The verdict on a path: '+' kept, '~' kept without content, '-' excluded, '!' below a
 * directory that is not entered, 'E' failed. All components are directories; the last one is
 * one only if a slash follows it.
 */
static char walk_to(const struct ignore *ig, struct bytes path)
{
    struct bytes name;
    struct ignore_dir *here = NULL;
    char verdict = '?';
    while (bytes_next(&path, '/', &name) && name.len) {
        bool is_dir = path.at != NULL;
        struct ignore_verdict v;
        struct ignore_dir *below = NULL;
        int r = verdict == '!' ? 0
                               : ignore_check(ig, here ? here : ignore_root(ig), name, is_dir,
                                              &v, &below, NULL);
        ignore_leave(here);
        here = below;
        if (r < 0)
            verdict = 'E';
        else if (verdict != '!')
            verdict = v.no_content ? '~' : v.keep ? '+' : '-';
        if (r < 0)
            break;
        if (is_dir && !here && path.len)
            verdict = '!';
    }
    ignore_leave(here);
    return verdict;
}

struct walk_case {
    const char *text, *path;
    char want;
    const char *source;
};

static void test_cases(const struct walk_case *cases, size_t n, enum ignore_rules rules)
{
    for (size_t i = 0; i < n; i++) {
        const struct walk_case *c = &cases[i];
        tap_case("%s: of %s, %s is %c", c->source, QUOTE(bytes_of(c->text)),
                 QUOTE(bytes_of(c->path)), c->want);
        struct ignore *ig = parse(c->text, rules);
        char got = ig ? walk_to(ig, bytes_of(c->path)) : 'E';
        TAP_CHECKF(got == c->want, "got %c", got);
        ignore_free(ig);
    }
}

/* Source "run": the answer of the library (Go 1.26, patternmatcher v0.6.1). docs/ignore.md
 * explains the others. */
static const struct walk_case walks[] = {
    {"", "a", '+', "run"},
    {"a", "a", '-', "run"},
    {"a", "a/b/", '!', "run"},
    {"*\n!src", "src/a", '+', "run"},
    {"*\n!src/a", "src/b", '-', "run"},
    {"*\n!src/a", "src/a", '+', "run"},
    {"**/*.log\n!logs", "logs/a.log", '-', "skip rule"},
    {"**/*.log\n!logs/**", "logs/a.log", '+', "skip rule"},
    {"x\n!x/y\nx", "x/y", '~', "skip rule, content by the path verdict"},
    {"x/**\n!x/y/z\nx/y", "x/y/z", '~', "skip rule, content by the path verdict"},
    {"a/**", "a", '+', "run"},
    {"a/**", "a/b", '!', "pruned further than BuildKit"},
    {"dist/*", "dist/", '+', "pruned further than BuildKit"},
    {"dist/*", "dist/a", '!', "pruned further than BuildKit"},
    {"dist/*\n!dist/keep", "dist/keep", '+', "run"},
    {"node_modules\n!**/*.go", "node_modules/a/b.go", '+', "an exception is live"},
    {"!**/*.go\nnode_modules", "node_modules/b.go", '!', "no exception after it is live"},
    {"node_modules\n!src/**/*.go", "node_modules/b.go", '!', "no exception is live there"},
    {"a/b\n!a/*/**", "a/b/c", '!', "BuildKit prunes by the exception's text"},
    {"a**b", "ab", '-', "run"},
    {"a**b", "ax/b", '-', "run"},
    {"a**b", "axb", '+', "run"},
    {"**a", "xa", '-', "run"},
    {"**a**", "xa", '+', "run"},
    {"a^b", "a^b", '-', "run"},
    {"a^b*", "a^b", '+', "run"},
    {"[*]", "]", '-', "run"},
    {"[*]", "*", '+', "run"},
    {"x[^a]y", "x/y", '-', "run"},
    {"x[^a]y*", "x/y/z", '!', "run"},
    {"a|b*", "ax", '-', "run: | is live in a regex"},
    {"a|b", "a", '+', "run: and not in a literal"},
    {"a{2}*", "aa", '-', "run: { is live in a regex"},
    {"\\d", "5", '-', "run"},
    {"\\pL", "\xc3\xa9", '-', "run"},
    {"\\p{Greek}", "\xce\xb1", '-', "run"},
    {"?", "\xc3\xa9", '-', "run: one rune"},
    {"?", "\xff", '-', "run: one bad byte"},
    {"*??x", "\xe6\x97\xa5x", '+', "run: a star ends between runes"},
    {"*.log", "a\n.log", '-', "run: a star takes a newline"},
    {"**/*.log", "a\nb/x.log", '+', "run: directories of `**` have none"},
    {"**/x.log", "a\nb/x.log", '-', "run: but a suffix has"},
    {"a/**/b*", "a/x\ny/b", '+', "run"},
    {"\\!a", "!a", '-', "run"},
    {"/a/", "a", '-', "run"},
    {"/!a\na", "a", '-', "run: an exception after all"},
    {"*\n/!a", "a", '+', "run: an exception after all"},
    {"*\n!../../a", "a", '-', "run: no exception any more"},
    {" #a", "#a", '-', "run"},
    {"#a", "#a", '+', "run"},
    {"\xef\xbb\xbf#a", "\xef\xbb\xbf#a", '+', "run"},
    {"a\xe2\x80\x8b", "a", '+', "run: a zero-width space stays"},
    {"a\xc2\xa0", "a", '-', "run: a no-break space is trimmed"},
    {"[z-a]", "q", 'E', "run"},
    {"q\n[z-a]", "q", '-', "run: not evaluated"},
    {"a*b[", "q", 'E', "run: New's check stops at the star"},
    {"x[^\xff]*", "x", '+', "live engine: JSON makes it U+FFFD"},
    {"x[^\xff]*", "xy", '-', "live engine: JSON makes it U+FFFD"},
};

/* Source: M to V, a live engine of 20.10; the others, the code of its client, run. */
static const struct walk_case classic_walks[] = {
    {"a+b", "aab", '-', "M"},
    {"a+b", "a+b", '+', "M"},
    {"a|b", "ax", '-', "M: ^a|b$"},
    {"(a)", "a", '-', "M"},
    {"a{2}", "aa", '-', "M"},
    {"+a", "a", '-', "M: ^+a$"},
    {"a++", "b", 'E', "M"},
    {"**a", "xa", '+', "M: no suffix kind"},
    {"b\n!b/A", "b", '-', "W1: entered, and not sent itself"},
    {"b\n!b/A", "b/A", '+', "W1"},
    {"**\n!**/*.go", "a/b.go", '!', "W2"},
    {"**\n!**/*.go", "b.go", '+', "W2"},
    {"a/*\n!a/b/c", "a/b/c", '+', "W2"},
    {"**/target/**\n!**/target/*.jar", "target/x.jar", '+', "D"},
    {"**/target/**\n!**/target/*.jar", "a/target/b/x.jar", '!', "D"},
    {"**/*.log\n!logs", "logs/a.log", '+', "V"},
    {"x\n!x/y\nx", "x/y", '-', "V: the last match decides"},
    {"b\n[z-a]", "b", 'E', "each pattern is evaluated"},
    {"[z-a]\nb", "b", 'E', "each pattern is evaluated"},
    {"a/**/b", "a/b", '-', "run"},
};

static void test_messages(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a\n\n[\n", ".dockerignore:3: pattern \"[\" is malformed"},
        {"a\n!\n", ".dockerignore:2: pattern \"!\" is an exception to nothing"},
        {"!/\n", ".dockerignore:1: pattern \"!/\" is an exception to nothing"},
        {"a\\\n", ".dockerignore:1: pattern \"a\\\\\" is malformed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct failure f = {0};
        struct ignore *ig = NULL;
        tap_case("a set that Docker rejects fails as: %s", cases[i].want);
        TAP_CHECK(ignore_parse(BYTES(".dockerignore"), bytes_of(cases[i].text), IGNORE_BUILDKIT,
                               NULL, &ig, &f) == -EINVAL);
        TAP_CHECKF(bytes_starts(bytes_of(f.text), bytes_of(cases[i].want)), "%s", f.text);
        TAP_CHECK(!ig);
    }
    tap_case("a pattern that fails only when it is evaluated is named with its line");
    struct ignore *ig = parse("a\n[z-a]\n", IGNORE_BUILDKIT);
    struct failure f = {0};
    struct ignore_verdict v;
    struct ignore_dir *below;
    TAP_CHECK(ignore_check(ig, ignore_root(ig), BYTES("a"), false, &v, &below, &f) == 0);
    TAP_CHECK(ignore_check(ig, ignore_root(ig), BYTES("b"), false, &v, &below, &f) == -EINVAL);
    TAP_CHECKF(strstr(f.text, ".dockerignore:2: pattern \"[z-a]\""), "%s", f.text);
    ignore_free(ig);

    tap_case("a pattern that can't match anything gets a note, and a good one does not");
    cleanup_notes struct notes notes = {0};
    TAP_CHECK(
        ignore_parse(BYTES("x"), BYTES("../a\nb\n/\n"), IGNORE_BUILDKIT, &notes, &ig, &f) == 0);
    TAP_CHECK(notes.n == 2 && bytes_starts(notes.at[0].text, BYTES("x:1: pattern \"../a\"")));
    ignore_free(ig);

    tap_case("a control byte in the file's name doesn't reach the terminal");
    TAP_CHECK(ignore_parse(BYTES("a\x1b[m"), BYTES("["), IGNORE_BUILDKIT, NULL, &ig, &f) < 0);
    TAP_CHECKF(bytes_starts(bytes_of(f.text), BYTES("a\\x1b[m:1: ")), "%s", f.text);
}

static void test_rules(void)
{
    static const struct {
        const char *text, *path;
        uint32_t rule;
    } cases[] = {
        {"a\nb\n*.c", "x.c", 3},
        {"a\nb", "x", 0},
        {"*\n!a", "a", 2},
        {"*\n*\n*", "a", 1},
        {"*.a\n!x.a\nx*\n*", "x.a", 3},
        {"d\n!d/x", "d/y", 1},
        {"[a\\-]\n[a-b]*", "a", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("of %s, pattern %u decides on %s", QUOTE(bytes_of(cases[i].text)),
                 cases[i].rule, cases[i].path);
        struct ignore *ig = parse(cases[i].text, IGNORE_BUILDKIT);
        struct bytes path = bytes_of(cases[i].path), dir = path_dir(path);
        struct ignore_verdict v;
        struct ignore_dir *up = NULL, *below;
        if (dir.len)
            TAP_CHECK(ignore_check(ig, ignore_root(ig), dir, true, &v, &up, NULL) == 0 && up);
        TAP_CHECK(ignore_check(ig, up ? up : ignore_root(ig), path_name(path), false, &v,
                               &below, NULL) == 0);
        TAP_CHECKF(v.rule == cases[i].rule, "got %u", v.rule);
        ignore_leave(up);
        ignore_free(ig);
    }
    tap_case("of x, !x/y, x, the second keeps x/y and the third refuses its content");
    struct ignore *both = parse("x\n!x/y\nx", IGNORE_BUILDKIT);
    struct ignore_verdict v;
    struct ignore_dir *up, *none;
    TAP_CHECK(ignore_check(both, ignore_root(both), BYTES("x"), true, &v, &up, NULL) == 0);
    TAP_CHECK(ignore_check(both, up, BYTES("y"), false, &v, &none, NULL) == 0);
    TAP_CHECK(v.rule == 2 && v.content_rule == 3);
    ignore_leave(up);
    ignore_free(both);
    tap_case("a rule is shown as it was written, with its line");
    struct ignore *ig = parse("#\n\n!a/../b\n", IGNORE_BUILDKIT);
    struct ignore_rule rule = ignore_rule(ig, 1);
    TAP_CHECK(ignore_count(ig) == 1 && rule.line == 3 && rule.exception);
    TAP_EQUAL(rule.text, BYTES("!b"));
    ignore_free(ig);
}

/* A random generator with a fixed start, so that a failure can be repeated. */
static uint64_t rng_state;

static uint32_t rng(uint32_t below)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rng_state >> 33) % below;
}

static const char *const names[] = {"a", "b", "ab", "a.c", "x\ny", "\xc3\xa9", "\xff", "a|b"};
static const char *const parts[] = {"a",    "b",   "ab",   "*",     "**",  "*.c", "?",
                                    "a*",   "*b",  "[ab]", "[^a]",  "a**", "**b", "a.c",
                                    "x\ny", "a*c", "a|b*", "b{1,}", "\\w", "."};

/* Makes an ignore file of up to eight patterns with up to four components. */
static size_t make_file(char text[512])
{
    size_t len = 0;
    for (uint32_t n = 1 + rng(8); n > 0; n--) {
        if (rng(100) < 45)
            text[len++] = '!';
        for (uint32_t k = 1 + rng(4); k > 0; k--) {
            const char *part = parts[rng(ARRAY_SIZE(parts))];
            len += (size_t)snprintf(text + len, 512 - len, "%s%s", part, k > 1 ? "/" : "");
        }
        text[len++] = '\n';
    }
    text[len] = 0;
    return len;
}

/* The set with the literal engine. */
static struct ignore *parse_literal(const char *text)
{
    struct ignore *ig = parse(text, IGNORE_LIBRARY);
    ignore_leave(ig->root);
    ig->engine = &literal_engine;
    TAP_CHECK(ig->engine->root(ig, &ig->root) == 0);
    return ig;
}

struct pair {
    const struct ignore *quick, *slow;
    const char *text;
    size_t left; /* directories that only the literal engine enters */
    bool same;   /* no difference so far; the first one is reported */
};

/* Compares the entries of a directory, and recurses to the depth of the made-up tree, which
 * is 3. quick is NULL if the automaton does not enter the directory. */
static void compare_below(struct pair *p, const struct ignore_dir *quick,
                          const struct ignore_dir *slow, int depth)
{
    for (size_t i = 0; i < ARRAY_SIZE(names) && p->same; i++) {
        struct bytes name = bytes_of(names[i]);
        bool is_dir = depth < 3 && i % 2 == 0;
        struct ignore_verdict a = {0}, b = {0};
        struct ignore_dir *below_a = NULL, *below_b = NULL;
        int r = quick ? ignore_check(p->quick, quick, name, is_dir, &a, &below_a, NULL) : 0;
        int s = ignore_check(p->slow, slow, name, is_dir, &b, &below_b, NULL);
        p->same = r == 0 && s == 0 && a.keep == b.keep && a.no_content == b.no_content &&
                  a.descend <= b.descend && (a.rule == b.rule || !quick);
        TAP_CHECKF(p->same, "of %s, %s at depth %d%s: keep %d, should be %d; rule %u, %u",
                   QUOTE(bytes_of(p->text)), QUOTE(name), depth, quick ? "" : ", left out",
                   a.keep, b.keep, a.rule, b.rule);
        p->left += quick && !below_a && below_b;
        if (below_b)
            compare_below(p, below_a, below_b, depth + 1);
        ignore_leave(below_a);
        ignore_leave(below_b);
    }
}

static void test_properties(void)
{
    tap_case("2,000 made-up sets: the automaton agrees with the literal engine, and enters all "
             "it must");
    struct pair p = {.same = true};
    rng_state = 1;
    for (int i = 0; i < 2000 && p.same; i++) {
        char text[512];
        make_file(text);
        struct ignore *quick = parse(text, IGNORE_LIBRARY), *slow = parse_literal(text);
        p.quick = quick;
        p.slow = slow;
        p.text = text;
        if (quick->engine == &automaton_engine)
            compare_below(&p, ignore_root(quick), ignore_root(slow), 0);
        ignore_free(quick);
        ignore_free(slow);
    }
    tap_case("the automaton does not enter some directories that BuildKit enters");
    TAP_CHECKF(p.left > 1000, "%zu", p.left);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Parses a head and n copies of a text, in which the number of the copy replaces a `%`. Walks a
 * long path a few times. Returns the processor time in seconds. */
static double hostile(const char *head, const char *text, size_t n, int want)
{
    cleanup_buf struct buf b = BUF(2 * IGNORE_FILE_MAX);
    int r = buf_add_bytes(&b, bytes_of(head));
    for (size_t i = 0; i < n && r == 0; i++)
        r = strchr(text, '%') ? buf_addf(&b, "%.*s%zu%s\n", (int)strcspn(text, "%"), text, i,
                                         strchr(text, '%') + 1)
                              : buf_add_bytes(&b, bytes_of(text));
    TAP_CHECK(r == 0);
    double begin = seconds();
    struct ignore *ig = NULL;
    struct failure f = {0};
    r = ignore_parse(BYTES("x"), buf_bytes(&b), IGNORE_BUILDKIT, NULL, &ig, &f);
    TAP_CHECKF(r == want, "%d: %s", r, f.text);
    char path[4096] = "";
    memset(path, 'a', 200);
    for (size_t i = 200; i + 8 < sizeof(path); i += 8)
        memcpy(path + i, "/aaaaaab", 9);
    for (int i = 0; ig && i < 3; i++)
        walk_to(ig, bytes_of(path));
    ignore_free(ig);
    return seconds() - begin;
}

static void test_hostile(void)
{
    static const struct {
        const char *title, *head, *text;
        size_t n;
        int want;
    } cases[] = {
        {"16 MiB of one-byte lines", "", "a\n", 8u << 20, -E2BIG},
        {"more than 16 MiB", "", "aaaaaaa\n", (2u << 20) + 1, -E2BIG},
        {"100,000 names below any directory", "", "**/name%", 100000, 0},
        {"100,000 exceptions among them", "*\n", "!**/*/x%", 100000, 0},
        {"100,000 globs below any directory", "", "**/a*b?%", 100000, 0},
        {"the same name excluded and excepted 50,000 times", "", "aaaaaab\n!aaaaaab\n", 50000,
         0},
        {"`**/` a thousand times", "", "**/aaaaaab/", 1000, 0},
        {"a line of 64 KiB of stars and letters", "", "*a", 32700, 0},
        {"a line of 64 KiB of `**a`", "a", "**a", 21800, 0},
        {"a regex too large for Go", "*", "a{1000}", 9000, 0},
        {"regexes of 256 MiB together", "", "[^a]{1000}[^b]{1000}[^c]{1000}[^d]{1000}%", 10000,
         -E2BIG},
        {"a regex of alternatives", "*", "|a", 32000, 0},
        {"a line of 64 KiB of classes", "", "[^a]", 16000, 0},
        {"a line over Go's limit", "", "a", 65536, -EINVAL},
        {"200,000 paths that begin alike", "", "a/b/c/d/e/f/g/h/%", 200000, 0},
        {"two million different ones", "", "b?%/c/d/e/f/g/h/i/j/k/l", 200000, -E2BIG},
        {"regexes of repeated slashes", "*", "\\/{1000}", 3000, 0},
        {"10,000 regexes", "", "a|b*%", 10000, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("hostile: %s is answered within seconds", cases[i].title);
        double took = hostile(cases[i].head, cases[i].text, cases[i].n, cases[i].want);
        TAP_CHECKF(took < 20, "took %.1f s", took);
        printf("# %.2f s: %s\n", took, cases[i].title);
    }
}

static void *walk_thread(void *arg)
{
    const struct ignore *ig = arg;
    uintptr_t wrong = 0;
    for (int i = 0; i < 20000; i++)
        wrong += walk_to(ig, BYTES("a/b/c/d/e/f.c")) != '-' ||
                 walk_to(ig, BYTES("a/b/c/d/keep/f.c")) != '+';
    return (void *)wrong; /* NOLINT(performance-no-int-to-ptr) */
}

static void test_threads(void)
{
    tap_case("four threads share one set and its states");
    struct ignore *ig = parse("**/*.c\n!**/keep/*.c\n", IGNORE_BUILDKIT);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        TAP_CHECK(pthread_create(&threads[i], NULL, walk_thread, ig) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *wrong;
        TAP_CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
    }
    ignore_free(ig);
}

int main(void)
{
    test_cases(walks, ARRAY_SIZE(walks), IGNORE_BUILDKIT);
    test_cases(classic_walks, ARRAY_SIZE(classic_walks), IGNORE_CLASSIC);
    test_messages();
    test_rules();
    test_properties();
    test_hostile();
    test_threads();
    return tap_end();
}
