/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/instruction.c: keywords, triggers, and what both builders refuse. */
#include "parse-rows.h"
#include "tap.h"

static const struct parse_row instruction_rows[] = {
    {"keywords have any case", "parser.go", B("from a\nCoPy b c\n"),
     "1 from [a]\n2 CoPy [b][c]"},
    {"a Kelvin sign is a k, a dotted I an i", "strings.ToLower",
     B("FROM a\nWOR\xe2\x84\xaa"
       "DIR /\nONBU\xc4\xb0LD RUN x\n"),
     "1 FROM [a]\n2 WOR\xe2\x84\xaa"
     "DIR /\n3 ONBU\xc4\xb0LD RUN x"},
    {"ONBUILD's trigger is an instruction", "line_parsers.go",
     B("FROM a\nONBUILD COPY --from=b c d\nonbuild env e f\n"),
     "1 FROM [a]\n2 ONBUILD COPY --from=b [c][d]\n3 onbuild env [e][f]"},
    {"the arguments of a trigger are not checked", "parse.go",
     B("FROM a\nONBUILD COPY b\nONBUILD NOPE\n"),
     "1 FROM [a]\n2 ONBUILD COPY [b]\n3 ONBUILD NOPE"},
    {"a trigger is parsed again when it runs, by backslash", "convert.go, initOnBuildTriggers",
     B("#escape=`\nFROM a\nONBUILD ENV b='c' d=\"e\\\" f\" g=\"h\"\n"),
     "2 FROM [a]\n3 ONBUILD ENV [b]['c'][d][\"e\\\" f\"][g][\"h\"]"},
    {"a trigger is parsed again without its byte-order mark", "convert.go, initOnBuildTriggers",
     B("FROM a\nONBUILD \xef\xbb\xbf"
       "COPY b c\n"),
     "1 FROM [a]\n2 ONBUILD COPY [b][c]"},
    {"a long s is an s in AS", "strings.EqualFold", B("FROM a a\xc5\xbf b\n"),
     "1 FROM [a][a\xc5\xbf][b]"},
};

static const struct parse_row refused_rows[] = {
    {"an unknown instruction", "parse.go", B("FROM a\n\ncpoy b c\n"),
     "Dockerfile:3: \"cpoy\" is no instruction; to continue the line above, end that in "
     "\"\\\""},
    {"a continued line of nothing", "parse.go", B("FROM a\n\\"),
     "Dockerfile:2: the line is continued, but has nothing in it"},
    {"a program", "ours",
     B("\x7f"
       "ELF\2\1\1\0\0\0\n"),
     "Dockerfile:1: this is no text: it has NUL bytes"},
    {"UTF-16", "ours", B("F\0R\0O\0M\0 \0a\0\n\0"),
     "Dockerfile:1: this is no text: it has NUL bytes"},
    {"a heredoc as destination", "parse.go", B("FROM a\nCOPY b <<x\nx\n"),
     "Dockerfile:2: the destination of COPY can't be a heredoc"},
    {"COPY of one word", "parse.go", B("FROM a\nCOPY b\n"),
     "Dockerfile:2: COPY needs a source and a destination"},
    {"ADD of an empty array", "parse.go", B("FROM a\nADD []\n"),
     "Dockerfile:2: ADD needs a source and a destination"},
    {"FROM of two words", "parse.go", B("FROM a b\n"),
     "Dockerfile:1: FROM takes an image, or an image, AS and a name"},
    {"FROM without AS between", "parse.go", B("FROM a IS b\n"),
     "Dockerfile:1: FROM takes an image, or an image, AS and a name"},
    {"FROM alone", "parse.go", B("FROM --platform=x\n"),
     "Dockerfile:1: FROM takes an image, or an image, AS and a name"},
    {"a stage name that begins with a digit", "parse.go", B("FROM a AS 1b\n"),
     "Dockerfile:1: \"1b\" is no name for a stage: it takes a letter, then letters, digits, "
     "\"-\", "
     "\"_\" and \".\""},
    {"ARG alone", "parse.go", B("ARG\nFROM a\n"), "Dockerfile:1: ARG needs a name"},
    {"ARG without a name", "parse.go", B("ARG b =c\nFROM a\n"),
     "Dockerfile:1: ARG has a value without a name"},
    {"ENV without a name", "parse.go", B("FROM a\nENV =c\n"),
     "Dockerfile:2: ENV has a value without a name"},
    {"ONBUILD alone", "parse.go", B("FROM a\nONBUILD\n"),
     "Dockerfile:2: ONBUILD needs an instruction"},
    {"ONBUILD ONBUILD", "parse.go", B("FROM a\nONBUILD onbuild RUN x\n"),
     "Dockerfile:2: ONBUILD can't take onbuild"},
    {"ONBUILD FROM", "parse.go", B("FROM a\nONBUILD FROM b\n"),
     "Dockerfile:2: ONBUILD can't take FROM"},
    {"ONBUILD MAINTAINER", "parse.go", B("FROM a\nONBUILD MAINTAINER b\n"),
     "Dockerfile:2: ONBUILD can't take MAINTAINER"},
    {"a trigger that can't be parsed", "parser.go", B("FROM a\nONBUILD ENV b\n"),
     "Dockerfile:2: \"b\" has no value: write NAME=VALUE"},
};

int main(void)
{
    parse_rows(instruction_rows, ARRAY_SIZE(instruction_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    return tap_end();
}
