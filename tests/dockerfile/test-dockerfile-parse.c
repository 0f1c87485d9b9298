/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/dockerfile-parse.c: lines, continuations, stages, and what a file may cost. */
#include "parse-rows.h"
#include "tap.h"

#include <errno.h>

static const struct parse_row line_rows[] = {
    {"a byte-order mark in front is dropped", "parser.go",
     B("\xef\xbb\xbf"
       "FROM a"),
     "1 FROM [a]"},
    {"lines end in LF or CRLF", "parser.go", B("FROM a\r\nRUN x\r\n\r\nRUN y\r\r\n"),
     "1 FROM [a]\n2 RUN x\n4 RUN y"},
    {"space of any kind before an instruction is dropped", "parser.go",
     B(" \t\v\xc2\xa0\xe2\x80\x83"
       "FROM a\n"),
     "1 FROM [a]"},
    {"a line is continued by the escape at its end, even before blanks", "parser.go",
     B("FROM a \\\n AS b\nRUN x\\ \t\ny\n"), "1-2 FROM [a][AS][b]\n3-4 RUN xy"},
    {"a doubled escape doesn't continue, nor do three", "parser.go, its regular expression",
     B("FROM a\nRUN x\\\\\nRUN y\\\\\\\nRUN z\n"),
     "1 FROM [a]\n2 RUN x\\\\\n3 RUN y\\\\\\\n4 RUN z"},
    {"comments and blank lines in a continuation are skipped", "parser.go",
     B("FROM a\nRUN x \\\n# no \\\n\n \t \n  # nor this\n  && y\nRUN z\n"),
     "1 FROM [a]\n2-7 RUN x   && y\n8 RUN z"},
    {"a comment is not continued", "parser.go", B("FROM a\n# x \\\nRUN y\n"),
     "1 FROM [a]\n3 RUN y"},
    {"a # inside a line is text", "parser.go", B("FROM a\nRUN x # y\n"),
     "1 FROM [a]\n2 RUN x # y"},
    {"leading space of continued lines stays, and nothing is put between the lines",
     "parser.go", B("FROM a\nCOPY b\\\n  c\\\nd e\n"), "1 FROM [a]\n2-4 COPY [b][cd][e]"},
    {"a keyword may be continued", "parser.go", B("FROM a\nCO\\\nPY b c\n"),
     "1 FROM [a]\n2-3 COPY [b][c]"},
    {"a continuation may end with the file", "parser.go", B("FROM a\nRUN x \\"),
     "1 FROM [a]\n2 RUN x"},
    {"a lone escape continues too", "parser.go", B("FROM a\n\\\n\\\nRUN x\n"),
     "1 FROM [a]\n2-4 RUN x"},
};

static const struct parse_row refused_rows[] = {
    {"an empty file", "parser.go", B(""),
     "Dockerfile:1: the file has no instruction: it needs a FROM"},
    {"comments alone", "parser.go", B("# a\n\n#b\n"),
     "Dockerfile:3: the file has no instruction: it needs a FROM"},
    {"no FROM", "convert.go", B("ARG a\n"),
     "Dockerfile:1: the file has no FROM, so no stage to build"},
    {"an instruction before FROM", "parse.go", B("ARG a\nRUN x\nFROM b\n"),
     "Dockerfile:2: RUN comes before the first FROM, where only ARG may stand"},
};

static void test_stages(void)
{
    tap_case("stages have lower-case names, bases as written and their instructions");
    struct dockerfile *df =
        parse_good(BYTES("ARG V=1\nFROM base:$V AS One\nRUN x\nFROM One\nFROM scratch AS two\n"
                         "RUN y\nONBUILD RUN z\n"));
    if (!df)
        return;
    TAP_CHECK(df->n_stages == 3 && df->instructions[0].stage == DF_GLOBAL);
    TAP_EQUAL(df->stages[0].name, BYTES("one"));
    TAP_EQUAL(df->stages[0].base, BYTES("base:$V"));
    TAP_EQUAL(df->stages[1].name, BYTES(""));
    TAP_EQUAL(df->stages[1].base, BYTES("One"));
    TAP_CHECK(df->stages[0].from == 1 && df->stages[0].end == 3);
    TAP_CHECK(df->stages[1].from == 3 && df->stages[1].end == 4);
    TAP_CHECK(df->stages[2].from == 4 && df->stages[2].end == 7);
    TAP_CHECK(df->instructions[5].stage == 2 && df->instructions[6].trigger->stage == 2);
    dockerfile_free(df);
}

/* Makes a text of head, n times `what`, and tail. */
static struct bytes repeat(struct arena *arena, const char *head, const char *what, size_t n,
                           const char *tail)
{
    struct bytes h = bytes_of(head), w = bytes_of(what), t = bytes_of(tail);
    uint8_t *at = arena_alloc(arena, h.len + n * w.len + t.len + 1);
    memcpy(at, h.at, h.len);
    for (size_t i = 0; i < n; i++)
        memcpy(at + h.len + i * w.len, w.at, w.len);
    memcpy(at + h.len + n * w.len, t.at, t.len);
    return bytes_at(at, h.len + n * w.len + t.len);
}

static void check_failure(struct bytes text, int code, const char *want)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    TAP_CHECKF(r == code && strcmp(f.text, want) == 0, "%d %s", r, f.text);
    dockerfile_free(df);
}

static void test_limits(void)
{
    cleanup_arena struct arena a = {0};
    tap_case("a line of 65535 bytes is taken, one more is refused (bufio.MaxScanTokenSize)");
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN ", "x", 65531, "\n")));
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN ", "x", 65531, "")));
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN ", "x", 65530, "\r\n")));
    const char *why =
        "Dockerfile:2: the line has more than 65535 bytes: break it with a \"\\\"";
    check_failure(repeat(&a, "FROM a\nRUN ", "x", 65532, "\n"), -EINVAL, why);
    check_failure(repeat(&a, "FROM a\nRUN ", "x", 65531, "\r\n"), -EINVAL, why);
    check_failure(repeat(&a, "FROM a\n#", "x", 65535, ""), -EINVAL, why);

    tap_case("what is past our maxima is refused as such, with its line");
    check_failure(repeat(&a, "FROM a\n", "RUN\n", DOCKERFILE_INSTRUCTIONS_MAX, ""), -E2BIG,
                  "Dockerfile:100001: the file has more than 100000 instructions");
    check_failure(repeat(&a, "FROM a\nCOPY \\\n", "x \\\n", DOCKERFILE_WORDS_MAX, ""), -E2BIG,
                  "Dockerfile:2: the file has more than 1048576 words");
    check_failure(repeat(&a, "FROM a\nRUN ", "${a:-", 65, "<<x\n"), -E2BIG,
                  "Dockerfile:2: substitutions are nested more than 64 deep");
    check_failure(repeat(&a, "FROM a\n", "#", DOCKERFILE_MAX, ""), -E2BIG,
                  "\"Dockerfile\" has more than 16 MB");

    tap_case("hostile files of 16 MB are read in linear time");
    struct bytes text = repeat(&a, "FROM a\nRUN ", "\\\\\\\n", 4000000, "");
    struct dockerfile *df = NULL;
    TAP_CHECK(dockerfile_parse(BYTES("D"), text, &df, NULL) == -EINVAL);
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN x \\\n", "\\\n", 8000000, "")));
    dockerfile_free(
        parse_good(repeat(&a, "FROM a\nCOPY a \\\n", "[[[[[[[[[[[[[[\\\n", 1000000, "")));
    dockerfile_free(
        parse_good(repeat(&a, "FROM a\nENV a=b\\\n", "''\"\"\\\\\\\"\\\n", 1000000, "")));
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN <<x\n", "\n", 15000000, "x\n")));
    dockerfile_free(parse_good(repeat(&a, "FROM a\nRUN --x=\\\n", "'a\\'\\\n", 2000000, "")));
}

int main(void)
{
    parse_rows(line_rows, ARRAY_SIZE(line_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    test_stages();
    test_limits();
    return tap_end();
}
