/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/words.c: flags, and the words of COPY, ENV and ARG. */
#include "parse-rows.h"
#include "tap.h"

static const struct parse_row flag_rows[] = {
    {"flags come first, with or without a value", "split_command.go",
     B("FROM --platform=$P a\nCOPY --link --from=x --chown= b c --d\n"),
     "1 FROM --platform=$P [a]\n2 COPY --link --from=x --chown= [b][c][--d]"},
    {"quotes and escapes of flags are resolved", "split_command.go",
     B("FROM a\nRUN --x=\"a b\" --'y'=\\\"c'd \\e' z\n"),
     "1 FROM [a]\n2 RUN --x=a b --y=\"cd e z"},
    {"`--` ends the flags", "split_command.go", B("FROM a\nCOPY --a -- --b c\n"),
     "1 FROM [a]\n2 COPY --a [--b][c]"},
    {"one dash is no flag", "split_command.go", B("FROM a\nCOPY -a b\n"),
     "1 FROM [a]\n2 COPY [-a][b]"},
    {"a quoted flag is a word", "split_command.go", B("FROM a\nCOPY \"--a\" b\n"),
     "1 FROM [a]\n2 COPY [\"--a\"][b]"},
    {"an escape at the very end is dropped", "split_command.go",
     B("FROM a\nRUN --a\\\\\\\nRUN b\n"), "1 FROM [a]\n2 RUN --a\\\n3 RUN b"},
    {"flags are read byte by byte", "split_command.go, rune(line[pos])",
     B("FROM a\nCOPY --x=\xc3\xa9 --y=\xc3\xa0z b c\n"),
     "1 FROM [a]\n2 COPY --x=\xc3\x83\xc2\xa9 --y=\xc3\x83 [z][b][c]"},
    {"every instruction may have flags", "split_command.go",
     B("FROM a\nHEALTHCHECK --x=1 CMD y\n"), "1 FROM [a]\n2 HEALTHCHECK --x=1 CMD y"},
    {"unknown and doubled flags are left to the builder", "ours",
     B("FROM a\nCOPY --nope --from --from=x b c\n"),
     "1 FROM [a]\n2 COPY --nope --from --from=x [b][c]"},
};

static const struct parse_row word_rows[] = {
    {"a vertical tab separates keyword and words, a no-break space doesn't", "split_command.go",
     B("FROM\va\fAS\rb\nCOPY a\xc2\xa0"
       "b c\n"),
     "1 FROM [a][AS][b]\n2 COPY [a\xc2\xa0"
     "b][c]"},
    {"quotes protect no space in COPY", "line_parsers.go", B("FROM a\nCOPY \"b c\" d\\ e f\n"),
     "1 FROM [a]\n2 COPY [\"b][c\"][d\\][e][f]"},
    {"ENV takes pairs, quotes and escapes kept", "line_parsers.go",
     B("FROM a\nENV b=c d=\"e f\" g=h\\ i 'j'=k= l= m=\"\\\"\"\n"),
     "1 FROM [a]\n2 ENV [b][c][d][\"e f\"][g][h\\ i]['j'][k=][l][][m][\"\\\"\"]"},
    {"ENV's old form takes the rest of the line", "line_parsers.go",
     B("FROM a\nENV b  c = d \nENV \"x y\"z\n"),
     "1 FROM [a]\n2 ENV [b][c = d]\n3 ENV [\"x][y\"z]"},
    {"ENV splits words at any Unicode space", "line_parsers.go",
     B("FROM a\nENV b=c\xe2\x80\x83"
       "d=e\n"),
     "1 FROM [a]\n2 ENV [b][c][d][e]"},
    {"an escape counts in double quotes, not in single ones", "line_parsers.go",
     B("FROM a\nENV b='\\' c=\"\\\" d\"\n"), "1 FROM [a]\n2 ENV [b]['\\'][c][\"\\\" d\"]"},
    {"ARG takes names, with or without values", "line_parsers.go",
     B("ARG b c=d e='f g'\nFROM a\nARG h= \"i j\"=k\n"),
     "1 ARG [b][c=d][e='f g']\n2 FROM [a]\n3 ARG [h=][\"i j\"=k]"},
    {"the escape of the directive counts", "line_parsers.go",
     B("#escape=`\nFROM a\nENV b=c` d e=\\\n"), "2 FROM [a]\n3 ENV [b][c` d][e][\\]"},
    {"a byte that is no UTF-8 becomes U+FFFD in ENV, not in COPY", "line_parsers.go",
     B("FROM a\nENV b=\xff\nCOPY \xff c\n"),
     "1 FROM [a]\n2 ENV [b][\xef\xbf\xbd]\n3 COPY [\xff][c]"},
};

static const struct parse_row refused_rows[] = {
    {"ENV without a value", "line_parsers.go", B("FROM a\nENV b\n"),
     "Dockerfile:2: \"b\" has no value: write NAME=VALUE"},
    {"ENV of a pair and a word", "line_parsers.go", B("FROM a\nENV b=c d\n"),
     "Dockerfile:2: \"d\" has no \"=\": write NAME=VALUE, with quotes around spaces"},
};

int main(void)
{
    parse_rows(flag_rows, ARRAY_SIZE(flag_rows));
    parse_rows(word_rows, ARRAY_SIZE(word_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    return tap_end();
}
