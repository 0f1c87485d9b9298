/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, what the environment adds to it, and what --help says of it. */
#include "option-help.h"
#include "option-parse.h"
#include "option.h"
#include "tap.h"

#include <errno.h>

struct parsed {
    struct options options;
    struct notes notes;
    struct failure f;
    int r;
};

static void parsed_release(struct parsed *p)
{
    options_release(&p->options);
    notes_release(&p->notes);
    *p = (struct parsed){0};
}

#define cleanup_parsed __attribute__((cleanup(parsed_release)))

/* Parses into *p, whatever it held before. */
static int parse(struct parsed *p, char **argv)
{
    int argc = 0;
    parsed_release(p);
    while (argv[argc])
        argc++;
    return p->r = options_parse(&send_line, argc, argv, &p->notes, &p->options, &p->f);
}

#define PARSE(p, ...) parse((p), (char *[]){"ctx-send", ##__VA_ARGS__, NULL})

/* The last one was a usage error, and its message has both texts. */
static bool refused(const struct parsed *p, const char *text, const char *more)
{
    return p->r == -EINVAL && strstr(p->f.text, text) && strstr(p->f.text, more);
}

#define TAP_REFUSED(p, want, more)                                                             \
    TAP_CHECKF(refused(p, want, more), "%d \"%s\", wanted \"%s\" and \"%s\"", (p)->r,          \
               (p)->f.text, want, more)

static void test_defaults(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case(
        "no words: the working directory, plain, with its own times, no gate, any builder");
    TAP_CHECK(PARSE(&p) == 0 && p.options.action == ACTION_SEND);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("."));
    TAP_EQUAL(bytes_of(p.options.base_config), BYTES("engine"));
    TAP_CHECK(p.options.codec == SEND_TAR && p.options.mtime == SEND_MTIME_KEEP);
    TAP_CHECK(!p.options.file && !p.options.ignore_file && !p.options.output);
    TAP_CHECK(!p.options.max_bytes && !p.options.max_files && !p.options.full);
    TAP_CHECK(p.options.builder == SEND_ANY && p.options.talk == TALK_NORMAL);
    TAP_CHECK(p.notes.n == 0);
    tap_case("a program that got no words at all, not even its name, has the defaults");
    parsed_release(&p);
    TAP_CHECK(options_parse(&send_line, 0, (char *[]){NULL}, &p.notes, &p.options, &p.f) == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("."));
}

/* "--name" and what follows, as one word. */
static char *word_of(char word[128], const struct option *option, const char *rest)
{
    snprintf(word, 128, "--%s%s", option->name, rest);
    return word;
}

/* What holds for a row of the table by its kind, so that a new option is tested as it comes. */
static void test_option(const struct option *option)
{
    cleanup_parsed struct parsed p = {0};
    char word[128], names[64];
    snprintf(names, sizeof(names), "--%s", option->name);
    if (option->metavar && !option->optional) {
        PARSE(&p, word_of(word, option, ""));
        TAP_REFUSED(&p, names, " needs a value: ");
        TAP_REFUSED(&p, "=", option->metavar);
    }
    if (!option->metavar) {
        PARSE(&p, word_of(word, option, "=1"));
        TAP_REFUSED(&p, names, " takes no value");
    }
    if (!option->metavar || option->optional) {
        PARSE(&p, word_of(word, option, ""));
        TAP_CHECK(p.r == 0);
    }
    if (option->kind == OPTION_STRING || option->kind == OPTION_BYTES) {
        PARSE(&p, word_of(word, option, "="));
        TAP_REFUSED(&p, names, " is empty");
    }
    if (option->kind == OPTION_SIZE || option->kind == OPTION_COUNT) {
        PARSE(&p, word_of(word, option, "=0"));
        TAP_REFUSED(&p, names, " above 0");
        PARSE(&p, word_of(word, option, "=7"));
        uint64_t number;
        memcpy(&number, (const char *)&p.options + option->offset, sizeof(number));
        TAP_CHECK(p.r == 0 && number == 7);
    }
    if (option->kind != OPTION_CHOICE)
        return;
    PARSE(&p, word_of(word, option, "=neither"));
    TAP_REFUSED(&p, names, ": not one of ");
    struct bytes rest = bytes_of(option->metavar), choice;
    for (unsigned i = 0, got; bytes_next(&rest, '|', &choice); i++) {
        snprintf(word, sizeof(word), "--%s=%.*s", option->name, BYTES_ARG(choice));
        PARSE(&p, word);
        memcpy(&got, (const char *)&p.options + option->offset, sizeof(got));
        TAP_CHECKF(p.r == 0 && got == i, "%s: %d, %u", word, p.r, got);
    }
}

/* The options of ctx-send, of all their groups. */
static size_t all_options(const struct option *ret[64])
{
    size_t n = 0;
    for (size_t i = 0; i < GROUPS_MAX && send_line.groups[i]; i++)
        for (size_t j = 0; j < send_line.groups[i]->n; j++)
            if (n < 64)
                ret[n++] = &send_line.groups[i]->at[j];
    return n;
}

static void test_table(void)
{
    const struct option *table[64];
    size_t n = all_options(table);
    tap_case("names and letters of the table are given once, and each has its line of help");
    for (size_t i = 0; i < n; i++) {
        const struct option *a = table[i];
        TAP_CHECK(a->help && *a->help);
        for (size_t j = 0; j < i; j++) {
            const struct option *b = table[j];
            TAP_CHECKF(strcmp(a->name, b->name) != 0, "%s twice", a->name);
            TAP_CHECKF(!a->letter || a->letter != b->letter, "-%c twice", a->letter);
        }
    }
    for (size_t i = 0; i < n; i++) {
        tap_case("--%s takes what its kind says, and an error names it", table[i]->name);
        test_option(table[i]);
    }
}

static void test_forms(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("a value is attached, behind an equals sign, or the next word");
    char *const forms[][2] = {{"-fx"},      {"-f=x"},        {"-f", "x"},
                              {"--file=x"}, {"--file", "x"}, {"-vqfx"}};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        TAP_CHECK(PARSE(&p, forms[i][0], forms[i][1]) == 0);
        TAP_EQUAL(bytes_of(p.options.file), BYTES("x"));
    }
    tap_case("of a value only the first equals sign is taken off");
    TAP_CHECK(PARSE(&p, "--file=a=b") == 0);
    TAP_EQUAL(bytes_of(p.options.file), BYTES("a=b"));
    tap_case("a value that may be left out is never the next word");
    TAP_CHECK(PARSE(&p, "-z", "9") == 0 && p.options.level == SEND_GZIP_LEVEL);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("9"));
    TAP_CHECK(PARSE(&p, "--zstd", "9") == 0 && p.options.level == SEND_ZSTD_LEVEL);

    tap_case("of options that exclude each other the last one counts");
    TAP_CHECK(PARSE(&p, "-qv") == 0 && p.options.talk == TALK_VERBOSE);
    TAP_CHECK(PARSE(&p, "-z9", "--zstd") == 0);
    TAP_CHECK(p.options.codec == SEND_ZSTD && p.options.level == SEND_ZSTD_LEVEL);
    TAP_CHECK(PARSE(&p, "--daemon=require", "--no-daemon") == 0 &&
              p.options.daemon == DAEMON_NEVER);

    tap_case("one PATH, before or behind the options; -- ends them, and - is a path");
    TAP_CHECK(PARSE(&p, "sub", "--full") == 0 && p.options.full);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("sub"));
    TAP_CHECK(PARSE(&p, "--full", "--", "--full") == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("--full"));
    TAP_CHECK(PARSE(&p, "-") == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("-"));
    PARSE(&p, "a", "b");
    TAP_REFUSED(&p, "\"b\": one PATH only", "it is \"a\" already");

    tap_case("--help and --version count at once, whatever follows or the environment says");
    setenv("SOURCE_DATE_EPOCH", "soon", 1);
    TAP_CHECK(PARSE(&p, "--help", "--nonsense") == 0 && p.options.action == ACTION_HELP);
    TAP_CHECK(PARSE(&p, "-V", "a", "b") == 0 && p.options.action == ACTION_VERSION);
    unsetenv("SOURCE_DATE_EPOCH");
    tap_case("an error before --help is an error");
    TAP_CHECK(PARSE(&p, "--nonsense", "--help") == -EINVAL);
}

static void test_levels(void)
{
    static const struct {
        const char *word;
        enum send_codec codec;
        int level; /* 0: refused */
    } cases[] = {
        {"-z", SEND_GZIP, 1},        {"-z1", SEND_GZIP, 1},      {"-z12", SEND_GZIP, 12},
        {"-z=6", SEND_GZIP, 6},      {"--gzip", SEND_GZIP, 1},   {"--gzip=9", SEND_GZIP, 9},
        {"--zstd", SEND_ZSTD, 3},    {"--zstd=1", SEND_ZSTD, 1}, {"--zstd=19", SEND_ZSTD, 19},
        {"-z0", SEND_GZIP, 0},       {"-z13", SEND_GZIP, 0},     {"--gzip=", SEND_GZIP, 0},
        {"--gzip=best", SEND_GZIP},  {"--gzip=-1", SEND_GZIP},   {"--gzip=+1", SEND_GZIP},
        {"--zstd=20", SEND_ZSTD, 0}, {"--zstd=3 ", SEND_ZSTD},   {"--zstd=0x3", SEND_ZSTD},
    };
    cleanup_parsed struct parsed p = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *name = cases[i].codec == SEND_GZIP ? "--gzip=" : "--zstd=";
        char word[32];
        snprintf(word, sizeof(word), "%s", cases[i].word);
        tap_case("%s is level %d%s", word, cases[i].level,
                 cases[i].level ? "" : ": refused, by name and range");
        PARSE(&p, word);
        if (cases[i].level)
            TAP_CHECK(p.r == 0 && p.options.codec == cases[i].codec &&
                      p.options.level == cases[i].level);
        else
            TAP_REFUSED(&p, name,
                        cases[i].codec == SEND_GZIP ? "from 1 to 12" : "from 1 to 19");
    }
}

static void test_mtime(void)
{
    static const struct {
        const char *word;
        int64_t seconds; /* -1: kept, -2: refused */
    } cases[] = {
        {"keep", -1}, {"epoch", 0}, {"0", 0},   {"86400", 86400}, {"8589934591", 8589934591},
        {"", -2},     {"-1", -2},   {"+1", -2}, {"1.5", -2},      {"8589934592", -2},
        {"Keep", -2}, {"now", -2},  {" 1", -2}, {"1e3", -2},      {"99999999999999999999", -2},
    };
    cleanup_parsed struct parsed p = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char word[64];
        snprintf(word, sizeof(word), "--mtime=%s", cases[i].word);
        tap_case("%s is %s", word,
                 cases[i].seconds == -2   ? "refused"
                 : cases[i].seconds == -1 ? "each file's own"
                                          : "one time for all");
        PARSE(&p, word);
        if (cases[i].seconds == -2)
            TAP_REFUSED(&p, "--mtime=", "keep, epoch (1970-01-01), or seconds");
        else if (cases[i].seconds == -1)
            TAP_CHECK(p.r == 0 && p.options.mtime == SEND_MTIME_KEEP);
        else
            TAP_CHECK(p.r == 0 && p.options.mtime == SEND_MTIME_FIXED &&
                      p.options.mtime_seconds == cases[i].seconds);
    }
}

static void test_sizes(void)
{
    static const struct {
        const char *word;
        uint64_t bytes; /* 0: refused */
    } cases[] = {
        {"4096", 4096},
        {"500M", 500ull << 20},
        {"2GiB", 2ull << 30},
        {"1.5k", 1536},
        {"lots", 0},
        {"-1", 0},
        {"", 0},
        {"99999999999T", 0},
    };
    cleanup_parsed struct parsed p = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char word[64];
        snprintf(word, sizeof(word), "--max-size=%s", cases[i].word);
        tap_case("%s is %llu bytes%s", word, (unsigned long long)cases[i].bytes,
                 cases[i].bytes ? "" : ": refused");
        PARSE(&p, word);
        if (cases[i].bytes)
            TAP_CHECK(p.r == 0 && p.options.max_bytes == cases[i].bytes);
        else
            TAP_REFUSED(&p, "--max-size=", "not a size above 0, such as 4096, 500M or 2GiB");
    }
}

static void test_build_args(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case(
        "--build-arg NAME=VALUE keeps order, repeats, empty values and further equals signs");
    TAP_CHECK(PARSE(&p, "--build-arg=A=1", "--build-arg", "B=", "--build-arg", "A=x=y") == 0);
    static const char *const want[][2] = {{"A", "1"}, {"B", ""}, {"A", "x=y"}};
    if (TAP_CHECK(p.options.n_args == ARRAY_SIZE(want)))
        for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
            TAP_EQUAL(p.options.args[i].name, bytes_of(want[i][0]));
            TAP_EQUAL(p.options.args[i].value, bytes_of(want[i][1]));
            TAP_CHECK(p.options.args[i].has_value);
        }
    tap_case("--build-arg NAME has the environment's value, or is not given, as for docker");
    setenv("CTXD_TEST_ARG", "from=env", 1);
    unsetenv("CTXD_TEST_NONE");
    TAP_CHECK(PARSE(&p, "--build-arg=CTXD_TEST_ARG", "--build-arg=CTXD_TEST_NONE") == 0);
    if (TAP_CHECK(p.options.n_args == 1))
        TAP_EQUAL(p.options.args[0].value, BYTES("from=env"));
    tap_case("--build-arg without a name is refused, with both forms");
    PARSE(&p, "--build-arg==x");
    TAP_REFUSED(&p, "--build-arg", "NAME=VALUE, or NAME");
    PARSE(&p, "--build-arg", "");
    TAP_REFUSED(&p, "--build-arg", "a name must come first");
}

static void test_trust_bases(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("--trust-bases takes lists and repeats, and passes over empty ones");
    TAP_CHECK(PARSE(&p, "--trust-bases=corp/*,,x:[12]", "--trust-bases", "y") == 0);
    if (TAP_CHECK(p.options.n_trusted == 3)) {
        TAP_EQUAL(p.options.trusted[0], BYTES("corp/*"));
        TAP_EQUAL(p.options.trusted[1], BYTES("x:[12]"));
        TAP_EQUAL(p.options.trusted[2], BYTES("y"));
    }
    tap_case("a pattern that is none is refused and shown");
    PARSE(&p, "--trust-bases=a,b[");
    TAP_REFUSED(&p, "--trust-bases", "\"b[\" is no pattern");
}

static void test_stats(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("--stats is text, unless json is asked for; another form is refused");
    TAP_CHECK(PARSE(&p, "--stats") == 0 && p.options.stats == STATS_TEXT);
    TAP_CHECK(PARSE(&p, "--stats=text") == 0 && p.options.stats == STATS_TEXT);
    TAP_CHECK(PARSE(&p, "--stats=json") == 0 && p.options.stats == STATS_JSON);
    PARSE(&p, "--stats=");
    TAP_REFUSED(&p, "--stats=", "not one of text, json");
}

static void test_environment(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("SOURCE_DATE_EPOCH is one time for all, and a note says so");
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    TAP_CHECK(PARSE(&p) == 0 && p.options.mtime == SEND_MTIME_FIXED);
    TAP_CHECK(p.options.mtime_seconds == 1700000000);
    if (TAP_CHECK(p.notes.n == 1 && p.notes.at[0].level == NOTE_INFO))
        TAP_CHECK(strstr((const char *)p.notes.at[0].text.at, "SOURCE_DATE_EPOCH"));
    tap_case("--mtime overrules it, also where it is no number");
    TAP_CHECK(PARSE(&p, "--mtime=keep") == 0 && p.options.mtime == SEND_MTIME_KEEP);
    TAP_CHECK(p.notes.n == 0);
    setenv("SOURCE_DATE_EPOCH", "soon", 1);
    TAP_CHECK(PARSE(&p, "--mtime=7") == 0 && p.options.mtime_seconds == 7);
    tap_case("one that is no number, or past what a tar holds, is refused by its name");
    static const char *const bad[] = {"soon", "-1", "1.5", "8589934592", " 1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        setenv("SOURCE_DATE_EPOCH", bad[i], 1);
        PARSE(&p);
        TAP_REFUSED(&p, "SOURCE_DATE_EPOCH=", "--mtime=keep");
    }
    tap_case("an empty one is none");
    setenv("SOURCE_DATE_EPOCH", "", 1);
    TAP_CHECK(PARSE(&p) == 0 && p.options.mtime == SEND_MTIME_KEEP && p.notes.n == 0);
    unsetenv("SOURCE_DATE_EPOCH");
}

static void test_suggestions(void)
{
    static const char *const cases[][2] = {
        {"--bulder", "did you mean --builder?"},
        {"--targe", "did you mean --target?"},
        {"--dockrefile", "did you mean --dockerfile?"},
        {"--ver", "did you mean --ver"},
        {"--tag", "ctx-send | docker build --tag ... -"},
        {"-t", "ctx-send | docker build -t ... -"},
        {"--build-context=a=b", "behind the pipe"},
    };
    cleanup_parsed struct parsed p = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char word[64];
        snprintf(word, sizeof(word), "%s", cases[i][0]);
        tap_case("%s is no option, and what was meant is said", word);
        PARSE(&p, word);
        TAP_REFUSED(&p, "no such option; ", cases[i][1]);
    }
    tap_case("where nothing is near, nothing is suggested");
    PARSE(&p, "--zzzzzzzz");
    TAP_REFUSED(&p, "\"--zzzzzzzz\": no such option", "");
    TAP_CHECK(!strchr(p.f.text, ';'));
    tap_case("a word with control bytes is shown without them");
    PARSE(&p, "--a\x1b[31m");
    TAP_REFUSED(&p, "\"--a\\x1b[31m\": no such option", "");
}

static void test_help(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return;
    options_help(&send_line, to);
    fclose(to);
    tap_case(
        "--help names each option with its value, in 80 columns, no blank at a line's end");
    const struct option *table[64];
    size_t n = all_options(table);
    for (size_t i = 0; i < n; i++) {
        const struct option *option = table[i];
        char want[128];
        snprintf(want, sizeof(want), "--%s%s%s%s%s", option->name, option->optional ? "[" : "",
                 option->metavar ? "=" : "", option->metavar ? option->metavar : "",
                 option->optional ? "]" : "");
        TAP_CHECKF(strstr(text, want) != NULL, "no %s", want);
    }
    struct bytes rest = bytes_at(text, len), line;
    while (bytes_next(&rest, '\n', &line))
        TAP_CHECKF(line.len < 80 && !bytes_ends(line, BYTES(" ")), "%s", QUOTE(line));
    free(text);
}

int main(void)
{
    unsetenv("SOURCE_DATE_EPOCH");
    test_defaults();
    test_table();
    test_forms();
    test_levels();
    test_mtime();
    test_sizes();
    test_build_args();
    test_trust_bases();
    test_stats();
    test_environment();
    test_suggestions();
    test_help();
    return tap_end();
}
