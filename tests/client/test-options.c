/* SPDX-License-Identifier: Apache-2.0 */
/* The values that options take, and what the environment adds to them. */
#include "parsed.h"

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
    tap_case("--build-arg NAME=VALUE keeps the order, repeated names, empty values and further "
             "equals signs");
    TAP_CHECK(PARSE(&p, "--build-arg=A=1", "--build-arg", "B=", "--build-arg", "A=x=y") == 0);
    static const char *const want[][2] = {{"A", "1"}, {"B", ""}, {"A", "x=y"}};
    if (TAP_CHECK(p.options.n_args == ARRAY_SIZE(want)))
        for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
            TAP_EQUAL(p.options.args[i].name, bytes_of(want[i][0]));
            TAP_EQUAL(p.options.args[i].value, bytes_of(want[i][1]));
            TAP_CHECK(p.options.args[i].has_value);
        }
    tap_case(
        "--build-arg NAME takes the environment's value, or has no effect, as with docker");
    setenv("CTXD_TEST_ARG", "from=env", 1);
    unsetenv("CTXD_TEST_NONE");
    TAP_CHECK(PARSE(&p, "--build-arg=CTXD_TEST_ARG", "--build-arg=CTXD_TEST_NONE") == 0);
    if (TAP_CHECK(p.options.n_args == 1))
        TAP_EQUAL(p.options.args[0].value, BYTES("from=env"));
    tap_case("--build-arg without a name is refused, and the message shows both forms");
    PARSE(&p, "--build-arg==x");
    TAP_REFUSED(&p, "--build-arg", "NAME=VALUE, or NAME");
    PARSE(&p, "--build-arg", "");
    TAP_REFUSED(&p, "--build-arg", "a name must come first");
}

static void test_trust_bases(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("--trust-bases takes lists, may be repeated, and ignores empty patterns");
    TAP_CHECK(PARSE(&p, "--trust-bases=corp/*,,x:[12]", "--trust-bases", "y") == 0);
    if (TAP_CHECK(p.options.n_trusted == 3)) {
        TAP_EQUAL(p.options.trusted[0], BYTES("corp/*"));
        TAP_EQUAL(p.options.trusted[1], BYTES("x:[12]"));
        TAP_EQUAL(p.options.trusted[2], BYTES("y"));
    }
    tap_case("an invalid pattern is refused, and the message shows it");
    PARSE(&p, "--trust-bases=a,b[");
    TAP_REFUSED(&p, "--trust-bases", "\"b[\" is no pattern");
}

static void test_stats(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("--stats is text, unless json is given; another form is refused");
    TAP_CHECK(PARSE(&p, "--stats") == 0 && p.options.stats == STATS_TEXT);
    TAP_CHECK(PARSE(&p, "--stats=text") == 0 && p.options.stats == STATS_TEXT);
    TAP_CHECK(PARSE(&p, "--stats=json") == 0 && p.options.stats == STATS_JSON);
    PARSE(&p, "--stats=");
    TAP_REFUSED(&p, "--stats=", "not one of text, json");
}

static void test_environment(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("SOURCE_DATE_EPOCH sets one time for all files, and a note says so");
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    TAP_CHECK(PARSE(&p) == 0 && p.options.mtime == SEND_MTIME_FIXED);
    TAP_CHECK(p.options.mtime_seconds == 1700000000);
    if (TAP_CHECK(p.notes.n == 1 && p.notes.at[0].level == NOTE_INFO))
        TAP_CHECK(strstr((const char *)p.notes.at[0].text.at, "SOURCE_DATE_EPOCH"));
    tap_case("--mtime overrides SOURCE_DATE_EPOCH, even if that is not a number");
    TAP_CHECK(PARSE(&p, "--mtime=keep") == 0 && p.options.mtime == SEND_MTIME_KEEP);
    TAP_CHECK(p.notes.n == 0);
    setenv("SOURCE_DATE_EPOCH", "soon", 1);
    TAP_CHECK(PARSE(&p, "--mtime=7") == 0 && p.options.mtime_seconds == 7);
    tap_case(
        "a SOURCE_DATE_EPOCH that is not a number, or too large for a tar, is refused by name");
    static const char *const bad[] = {"soon", "-1", "1.5", "8589934592", " 1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        setenv("SOURCE_DATE_EPOCH", bad[i], 1);
        PARSE(&p);
        TAP_REFUSED(&p, "SOURCE_DATE_EPOCH=", "--mtime=keep");
    }
    tap_case("an empty SOURCE_DATE_EPOCH is ignored");
    setenv("SOURCE_DATE_EPOCH", "", 1);
    TAP_CHECK(PARSE(&p) == 0 && p.options.mtime == SEND_MTIME_KEEP && p.notes.n == 0);
    unsetenv("SOURCE_DATE_EPOCH");
}

int main(void)
{
    unsetenv("SOURCE_DATE_EPOCH");
    test_levels();
    test_mtime();
    test_sizes();
    test_build_args();
    test_trust_bases();
    test_stats();
    test_environment();
    return tap_end();
}
