/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerfile_parse(): lines, directives, continuations, heredocs, flags, words, places. The
 * rules are BuildKit's; tests/oracle-dockerfile asks it about many more files than these.
 */
#include "dockerfile.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void add(struct buf *out, const char *before, struct bytes text)
{
    if (buf_add_bytes(out, bytes_of(before)) < 0 || buf_add_bytes(out, text) < 0)
        abort();
}

/* `2 COPY --from=x [a][b]`, words in brackets (`<…>` a heredoc), bodies in braces. */
static void show(struct buf *out, const struct df_instruction *ins)
{
    add(out, "", ins->word);
    add(out, ins->json ? " json" : "", BYTES(""));
    for (size_t i = 0; i < ins->n_flags; i++) {
        add(out, " --", ins->flags[i].name);
        if (ins->flags[i].has_value)
            add(out, "=", ins->flags[i].value);
    }
    if (ins->n_words || ins->rest.len)
        add(out, " ", BYTES(""));
    for (size_t i = 0; i < ins->n_words; i++) {
        bool copies = ins->keyword == DF_COPY || ins->keyword == DF_ADD;
        bool heredoc = copies && df_is_heredoc(ins->words[i]);
        add(out, heredoc ? "<" : "[", ins->words[i]);
        add(out, heredoc ? ">" : "]", BYTES(""));
    }
    if (ins->n_words == 0 && !ins->trigger)
        add(out, "", ins->rest);
    for (size_t i = 0; i < ins->n_heredocs && !ins->trigger; i++) {
        const struct df_heredoc *h = &ins->heredocs[i];
        add(out, " {", h->name);
        add(out, h->expand ? "" : " quoted", BYTES(""));
        add(out, h->chomp ? " chomp:" : ":", h->body);
        add(out, "}", BYTES(""));
    }
    if (ins->trigger)
        show(out, ins->trigger);
}

/* All instructions, a line each, with their numbers; or the failure. */
static void render(struct bytes text, struct buf *out)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    if (r < 0) {
        TAP_CHECK(f.code == r && (r == -EINVAL || r == -E2BIG));
        add(out, "", bytes_of(f.text));
        return;
    }
    if (df->foreign)
        add(out, "foreign ", df->syntax);
    for (size_t i = 0; i < df->n_instructions; i++) {
        const struct df_instruction *ins = &df->instructions[i];
        if (buf_addf(out, i ? "\n%u" : "%u", ins->line) < 0)
            abort();
        if (ins->last_line != ins->line && buf_addf(out, "-%u", ins->last_line) < 0)
            abort();
        add(out, " ", BYTES(""));
        show(out, ins);
    }
    dockerfile_free(df);
}

struct row {
    const char *title;
    const char *source; /* of the rule: a file of BuildKit's, or ours */
    struct bytes text;
    const char *want; /* where `refused`: how the message ends */
};

#define B(literal)                                                                             \
    {                                                                                          \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                     \
    }

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_buf struct buf out = BUF(1 << 20);
        tap_case("%s (%s)", rows[i].title, rows[i].source);
        render(rows[i].text, &out);
        TAP_EQUAL(buf_bytes(&out), bytes_of(rows[i].want));
    }
}

/* ---- lines ------------------------------------------------------------------------------ */

static const struct row line_rows[] = {
    {"a byte-order mark in front is dropped", "parser.go",
     B("\xef\xbb\xbf"
       "FROM a"),
     "1 FROM [a]"},
    {"lines end in LF or CRLF", "parser.go", B("FROM a\r\nRUN x\r\n\r\nRUN y\r\r\n"),
     "1 FROM [a]\n2 RUN x\n4 RUN y"},
    {"space in front of an instruction is dropped, of any kind", "parser.go",
     B(" \t\v\xc2\xa0\xe2\x80\x83"
       "FROM a\n"),
     "1 FROM [a]"},
    {"keywords have any case", "parser.go", B("from a\nCoPy b c\n"),
     "1 from [a]\n2 CoPy [b][c]"},
    {"a Kelvin sign is a k, a dotted I an i", "strings.ToLower",
     B("FROM a\nWOR\xe2\x84\xaa"
       "DIR /\nONBU\xc4\xb0LD RUN x\n"),
     "1 FROM [a]\n2 WOR\xe2\x84\xaa"
     "DIR /\n3 ONBU\xc4\xb0LD RUN x"},
    {"a line is continued by the escape at its end, blanks behind it or not", "parser.go",
     B("FROM a \\\n AS b\nRUN x\\ \t\ny\n"), "1-2 FROM [a][AS][b]\n3-4 RUN xy"},
    {"a doubled escape doesn't continue, nor do three", "parser.go, its regular expression",
     B("FROM a\nRUN x\\\\\nRUN y\\\\\\\nRUN z\n"),
     "1 FROM [a]\n2 RUN x\\\\\n3 RUN y\\\\\\\n4 RUN z"},
    {"comments and blank lines in a continuation are passed over", "parser.go",
     B("FROM a\nRUN x \\\n# no \\\n\n \t \n  # nor this\n  && y\nRUN z\n"),
     "1 FROM [a]\n2-7 RUN x   && y\n8 RUN z"},
    {"a comment is not continued", "parser.go", B("FROM a\n# x \\\nRUN y\n"),
     "1 FROM [a]\n3 RUN y"},
    {"a # inside a line is text", "parser.go", B("FROM a\nRUN x # y\n"),
     "1 FROM [a]\n2 RUN x # y"},
    {"leading space of continued lines stays, and nothing is put between", "parser.go",
     B("FROM a\nCOPY b\\\n  c\\\nd e\n"), "1 FROM [a]\n2-4 COPY [b][cd][e]"},
    {"a keyword may be continued", "parser.go", B("FROM a\nCO\\\nPY b c\n"),
     "1 FROM [a]\n2-3 COPY [b][c]"},
    {"a continuation may end with the file", "parser.go", B("FROM a\nRUN x \\"),
     "1 FROM [a]\n2 RUN x"},
    {"a lone escape continues too", "parser.go", B("FROM a\n\\\n\\\nRUN x\n"),
     "1 FROM [a]\n2-4 RUN x"},
    {"a vertical tab parts keyword and words, a no-break space doesn't", "split_command.go",
     B("FROM\va\fAS\rb\nCOPY a\xc2\xa0"
       "b c\n"),
     "1 FROM [a][AS][b]\n2 COPY [a\xc2\xa0"
     "b][c]"},
};

static const struct row directive_rows[] = {
    {"# escape changes continuation and escapes", "directives.go",
     B("# escape=`\nFROM a\nCOPY b\\ `\n c\n"), "2 FROM [a]\n3-4 COPY [b\\][c]"},
    {"directives have any case and space around", "directives.go",
     B("#\tEsCaPe \t= ` \nFROM a\nRUN x`\ny\n"), "2 FROM [a]\n3-4 RUN xy"},
    {"directives may be indented", "parser.go", B("  # escape=`\nFROM a\nRUN x`\ny\n"),
     "2 FROM [a]\n3-4 RUN xy"},
    {"another comment ends them", "directives.go", B("# x\n# escape=`\nFROM a\nRUN x\\\ny\n"),
     "3 FROM [a]\n4-5 RUN xy"},
    {"a blank line ends them", "directives.go", B("\n# escape=`\nFROM a\nRUN x\\\ny\n"),
     "3 FROM [a]\n4-5 RUN xy"},
    {"an unknown one ends them", "directives.go", B("# a=b\n# escape=`\nFROM a\nRUN x\\\ny\n"),
     "3 FROM [a]\n4-5 RUN xy"},
    {"syntax and check don't end them", "directives.go",
     B("# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\nFROM a\nRUN x`\ny\n"),
     "4 FROM [a]\n5-6 RUN xy"},
    {"a #! line ends them for the parser", "parser.go",
     B("#!/x\n# escape=`\nFROM a\nRUN x\\\ny\n"), "3 FROM [a]\n4-5 RUN xy"},
    {"an instruction ends them", "parser.go", B("FROM a\n# escape=`\nRUN x\\\ny\n"),
     "1 FROM [a]\n3-4 RUN xy"},
    {"an official syntax of any kind is ours", "docker-context.md 1.2",
     B("# syntax = docker.io/docker/dockerfile-upstream:master-labs@sha256:0 x\nFROM a\n"),
     "2 FROM [a]"},
    {"another syntax is foreign, and its text not looked at", "build.go",
     B("# syntax=tonistiigi/x:1 y\n\xff\n"), "foreign tonistiigi/x:1"},
    {"a name that only begins as ours is foreign", "docker-context.md 1.2",
     B("# syntax=docker/dockerfilex\nFROM a\n"), "foreign docker/dockerfilex"},
    {"a syntax may stand behind #!, a byte-order mark and other directives", "directives.go",
     B("\xef\xbb\xbf#!/x\n#escape=`\n#syntax=q\r\n"), "foreign q"},
    {"a syntax behind another comment is none", "directives.go", B("# x\n# syntax=q\nFROM a\n"),
     "3 FROM [a]"},
    {"an indented syntax is none", "directives.go, ParseAll", B(" # syntax=q\nFROM a\n"),
     "2 FROM [a]"},
    {"// syntax names one", "directives.go", B("// syntax = q\nany\n"), "foreign q"},
    {"a JSON object names one, its last", "directives.go",
     B(" {\"a\": [1, {}], \"syntax\": \"p\", \"syntax\": \"q\\u0072\"}\n"), "foreign qr"},
};

/* ---- heredocs --------------------------------------------------------------------------- */

static const struct row heredoc_rows[] = {
    {"a body is no instruction, no comment, not continued", "parser.go",
     B("FROM a\nRUN <<EOF\nCOPY x y\n# z\n\\\nEOF\nRUN w\n"),
     "1 FROM [a]\n2-6 RUN <<EOF {EOF:COPY x y\n# z\n\\\n}\n7 RUN w"},
    {"several have bodies in their order", "parser.go",
     B("FROM a\nCOPY <<x b 3<<y /\n1\nx\n2\ny\n"),
     "1 FROM [a]\n2-6 COPY <<<x>[b]<3<<y>[/] {x:1\n} {y:2\n}"},
    {"`<<-` drops leading tabs in front of the terminator", "parser.go",
     B("FROM a\nRUN <<-x\n\tb\n\t\tx\nRUN y\n"),
     "1 FROM [a]\n2-4 RUN <<-x {x chomp:\tb\n}\n5 RUN y"},
    {"without the dash a tab counts", "parser.go", B("FROM a\nRUN <<x\n\tx\nx\n"),
     "1 FROM [a]\n2-4 RUN <<x {x:\tx\n}"},
    {"quotes in a name are removed and turn expansion off", "parser.go",
     B("FROM a\nRUN <<'x y' <<z\"z\" <<w\nx y\nzz\nw\n"),
     "1 FROM [a]\n2-5 RUN <<'x y' <<z\"z\" <<w {x y quoted:} {zz quoted:} {w:}"},
    {"an escaped name is not quoted", "parser.go, heredocFromMatch",
     B("FROM a\nRUN <<\\x\nx\n"), "1 FROM [a]\n2-3 RUN <<\\x {x:}"},
    {"space may stand between << and the name", "lex.go", B("FROM a\nRUN cat << x | y\nx\n"),
     "1 FROM [a]\n2-3 RUN cat << x | y {x:}"},
    {"a variable in a name is its text", "parser.go", B("FROM a\nRUN <<$x\n$x\n"),
     "1 FROM [a]\n2-3 RUN <<$x {$x:}"},
    {"a terminator may end in CRLF, or with the file", "parser.go",
     B("FROM a\r\nRUN <<x\r\nb\r\nx"), "1 FROM [a]\n2-4 RUN <<x {x:b\r\n}"},
    {"`<<<`, a bare `<<` and text in front of it are none", "parser.go",
     B("FROM a\nRUN b <<<x\nRUN <<\nRUN x<<y\nRUN <<-\n"),
     "1 FROM [a]\n2 RUN b <<<x\n3 RUN <<\n4 RUN x<<y\n5 RUN <<-"},
    {"a line that can't be lexed has none", "parser.go", B("FROM a\nRUN it's <<x\nRUN y\n"),
     "1 FROM [a]\n2 RUN it's <<x\n3 RUN y"},
    {"an array has none, and its << words write empty files", "parser.go, parse.go",
     B("FROM a\nRUN [\"<<x\"]\nCOPY [\"<<x\", \"/\"]\n"),
     "1 FROM [a]\n2 RUN json [\"<<x\"]\n3 COPY json <<<x>[/]"},
    {"other instructions have none", "parser.go", B("FROM a\nCMD <<x\nENV a=<<x\n"),
     "1 FROM [a]\n2 CMD <<x\n3 ENV [a][<<x]"},
    {"ONBUILD's trigger has them", "parser.go", B("FROM a\nONBUILD COPY <<x /\nb\nx\n"),
     "1 FROM [a]\n2-4 ONBUILD COPY <<<x>[/] {x:b\n}"},
    {"nested substitutions eat what is in front of a name", "lex.go, its one word buffer",
     B("FROM a\nRUN <<${y:-x}\nRUN b\n"), "1 FROM [a]\n2 RUN <<${y:-x}\n3 RUN b"},
    {"they are lexed by backslash, whatever the escape", "parser.go",
     B("#escape=`\nFROM a\nRUN <<`x\n`x\n"), "2 FROM [a]\n3-4 RUN <<`x {`x:}"},
    {"a heredoc may follow a continuation", "parser.go", B("FROM a\nRUN b \\\n <<x\nx\n"),
     "1 FROM [a]\n2-4 RUN b  <<x {x:}"},
};

/* ---- flags and words -------------------------------------------------------------------- */

static const struct row flag_rows[] = {
    {"flags come first, with a value or none", "split_command.go",
     B("FROM --platform=$P a\nCOPY --link --from=x --chown= b c --d\n"),
     "1 FROM --platform=$P [a]\n2 COPY --link --from=x --chown= [b][c][--d]"},
    {"their quotes and escapes are resolved", "split_command.go",
     B("FROM a\nRUN --x=\"a b\" --'y'=\\\"c'd \\e' z\n"),
     "1 FROM [a]\n2 RUN --x=a b --y=\"cd e z"},
    {"`--` ends them", "split_command.go", B("FROM a\nCOPY --a -- --b c\n"),
     "1 FROM [a]\n2 COPY --a [--b][c]"},
    {"one dash is no flag", "split_command.go", B("FROM a\nCOPY -a b\n"),
     "1 FROM [a]\n2 COPY [-a][b]"},
    {"a quoted flag is a word", "split_command.go", B("FROM a\nCOPY \"--a\" b\n"),
     "1 FROM [a]\n2 COPY [\"--a\"][b]"},
    {"an escape at the very end is dropped", "split_command.go",
     B("FROM a\nRUN --a\\\\\\\nRUN b\n"), "1 FROM [a]\n2 RUN --a\\\n3 RUN b"},
    {"they are read byte by byte", "split_command.go, rune(line[pos])",
     B("FROM a\nCOPY --x=\xc3\xa9 --y=\xc3\xa0z b c\n"),
     "1 FROM [a]\n2 COPY --x=\xc3\x83\xc2\xa9 --y=\xc3\x83 [z][b][c]"},
    {"every instruction may have some", "split_command.go",
     B("FROM a\nHEALTHCHECK --x=1 CMD y\n"), "1 FROM [a]\n2 HEALTHCHECK --x=1 CMD y"},
    {"the builder judges names and values", "ours",
     B("FROM a\nCOPY --nope --from --from=x b c\n"),
     "1 FROM [a]\n2 COPY --nope --from --from=x [b][c]"},
};

static const struct row word_rows[] = {
    {"quotes protect no space in COPY", "line_parsers.go", B("FROM a\nCOPY \"b c\" d\\ e f\n"),
     "1 FROM [a]\n2 COPY [\"b][c\"][d\\][e][f]"},
    {"an array of strings does", "line_parsers.go", B("FROM a\nADD [\"b c\", \"d\"]\n"),
     "1 FROM [a]\n2 ADD json [b c][d]"},
    {"an array may be spread over lines", "line_parsers.go",
     B("FROM a\nCOPY [ \"b\", \\\n\"c\" ]\n"), "1 FROM [a]\n2-3 COPY json [b][c]"},
    {"JSON escapes are decoded, lone halves of a pair are not", "encoding/json",
     B("FROM a\nCOPY [\"\\u0062\\n\\/\\\"\", \"\\ud83d\\ude00\\ud83d\", \"\xff\"]\n"),
     "1 FROM [a]\n2 COPY json [b\n/\"][\xf0\x9f\x98\x80\xef\xbf\xbd][\xef\xbf\xbd]"},
    {"what is no JSON is words", "line_parsers.go",
     B("FROM a\nCOPY [\"b\", c\nCOPY ['b', 'c']\nCOPY [\"b\"] c\nCOPY [01] c\n"),
     "1 FROM [a]\n2 COPY [[\"b\",][c]\n3 COPY [['b',]['c']]\n4 COPY [[\"b\"]][c]\n5 COPY "
     "[[01]][c]"},
    {"a tab in a JSON string makes it none", "encoding/json",
     B("FROM a\nCOPY [\"\t\",\"b\"]\n"), "1 FROM [a]\n2 COPY [[\"][\",\"b\"]]"},
    {"RUN tells an array from a command", "line_parsers.go",
     B("FROM a\nRUN [\"x\"]\nRUN [ -f x ]\nRUN []\n"),
     "1 FROM [a]\n2 RUN json [\"x\"]\n3 RUN [ -f x ]\n4 RUN json []"},
    {"ENV takes pairs, quotes and escapes kept", "line_parsers.go",
     B("FROM a\nENV b=c d=\"e f\" g=h\\ i 'j'=k= l= m=\"\\\"\"\n"),
     "1 FROM [a]\n2 ENV [b][c][d][\"e f\"][g][h\\ i]['j'][k=][l][][m][\"\\\"\"]"},
    {"ENV's old form takes the rest of the line", "line_parsers.go",
     B("FROM a\nENV b  c = d \nENV \"x y\"z\n"),
     "1 FROM [a]\n2 ENV [b][c = d]\n3 ENV [\"x][y\"z]"},
    {"ENV parts words at any Unicode space", "line_parsers.go",
     B("FROM a\nENV b=c\xe2\x80\x83"
       "d=e\n"),
     "1 FROM [a]\n2 ENV [b][c][d][e]"},
    {"single quotes know no escape, double ones do", "line_parsers.go",
     B("FROM a\nENV b='\\' c=\"\\\" d\"\n"), "1 FROM [a]\n2 ENV [b]['\\'][c][\"\\\" d\"]"},
    {"ARG takes names, with values or not", "line_parsers.go",
     B("ARG b c=d e='f g'\nFROM a\nARG h= \"i j\"=k\n"),
     "1 ARG [b][c=d][e='f g']\n2 FROM [a]\n3 ARG [h=][\"i j\"=k]"},
    {"the escape of the directive counts", "line_parsers.go",
     B("#escape=`\nFROM a\nENV b=c` d e=\\\n"), "2 FROM [a]\n3 ENV [b][c` d][e][\\]"},
    {"a byte that is no UTF-8 becomes U+FFFD in ENV, not in COPY", "line_parsers.go",
     B("FROM a\nENV b=\xff\nCOPY \xff c\n"),
     "1 FROM [a]\n2 ENV [b][\xef\xbf\xbd]\n3 COPY [\xff][c]"},
    {"ONBUILD's trigger is an instruction", "line_parsers.go",
     B("FROM a\nONBUILD COPY --from=b c d\nonbuild env e f\n"),
     "1 FROM [a]\n2 ONBUILD COPY --from=b [c][d]\n3 onbuild env [e][f]"},
    {"a trigger is not judged", "parse.go", B("FROM a\nONBUILD COPY b\nONBUILD NOPE\n"),
     "1 FROM [a]\n2 ONBUILD COPY [b]\n3 ONBUILD NOPE"},
    {"a trigger is parsed anew when it runs, by backslash", "convert.go, initOnBuildTriggers",
     B("#escape=`\nFROM a\nONBUILD ENV b='c' d=\"e\\\" f\" g=\"h\"\n"),
     "2 FROM [a]\n3 ONBUILD ENV [b]['c'][d][\"e\\\" f\"][g][\"h\"]"},
    {"and without a byte-order mark", "convert.go, initOnBuildTriggers",
     B("FROM a\nONBUILD \xef\xbb\xbf"
       "COPY b c\n"),
     "1 FROM [a]\n2 ONBUILD COPY [b][c]"},
    {"a long s is an s in AS", "strings.EqualFold", B("FROM a a\xc5\xbf b\n"),
     "1 FROM [a][a\xc5\xbf][b]"},
};

/* ---- refused ---------------------------------------------------------------------------- */

static const struct row refused_rows[] = {
    {"an empty file", "parser.go", B(""),
     "Dockerfile:1: the file has no instruction: it needs a FROM"},
    {"comments alone", "parser.go", B("# a\n\n#b\n"),
     "Dockerfile:3: the file has no instruction: it needs a FROM"},
    {"no FROM", "convert.go", B("ARG a\n"),
     "Dockerfile:1: the file has no FROM, so no stage to build"},
    {"an instruction before FROM", "parse.go", B("ARG a\nRUN x\nFROM b\n"),
     "Dockerfile:2: RUN comes before the first FROM, where only ARG may stand"},
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
    {"a directive twice", "directives.go", B("# escape=`\n#ESCAPE = `\nFROM a\n"),
     "Dockerfile:2: a directive stands here twice: keep one of the lines"},
    {"an escape that is none", "parser.go", B("# escape=^\nFROM a\n"),
     "Dockerfile:1: the escape \"^\" is neither ` nor \\"},
    {"an escape of nothing but space", "directives.go, its regular expression",
     B("# escape= \nFROM a\n"), "Dockerfile:1: the escape \" \" is neither ` nor \\"},
    {"a heredoc without end", "parser.go", B("FROM a\nRUN b \\\n<<'x'\n x\n"),
     "Dockerfile:2: the heredoc \"x\" is not ended: a line with only that is missing"},
    {"a heredoc whose name has spaces that are escaped", "parser.go",
     B("FROM a\nRUN <<x\\ y''\nx\n"),
     "Dockerfile:2: the heredoc \"x y\" is not ended: a line with only that is missing"},
    {"a heredoc as destination", "parse.go", B("FROM a\nCOPY b <<x\nx\n"),
     "Dockerfile:2: the destination of COPY can't be a heredoc"},
    {"COPY of one word", "parse.go", B("FROM a\nCOPY b\n"),
     "Dockerfile:2: COPY needs a source and a destination"},
    {"ADD of an empty array", "parse.go", B("FROM a\nADD []\n"),
     "Dockerfile:2: ADD needs a source and a destination"},
    {"an array of other things", "line_parsers.go",
     B("FROM a\nCOPY [\"b\", {\"c\": [null]}]\n"),
     "Dockerfile:2: the array of COPY has something else than strings in it"},
    {"the same for RUN", "line_parsers.go", B("FROM a\nRUN [true]\n"),
     "Dockerfile:2: the array of RUN has something else than strings in it"},
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
    {"ENV without a value", "line_parsers.go", B("FROM a\nENV b\n"),
     "Dockerfile:2: \"b\" has no value: write NAME=VALUE"},
    {"ENV of a pair and a word", "line_parsers.go", B("FROM a\nENV b=c d\n"),
     "Dockerfile:2: \"d\" has no \"=\": write NAME=VALUE, with quotes around spaces"},
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

/* ---- the rest --------------------------------------------------------------------------- */

static struct dockerfile *parse(struct bytes text)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    TAP_CHECKF(r == 0, "%s: %s", QUOTE(text), f.text);
    return r == 0 ? df : NULL;
}

static void test_stages(void)
{
    tap_case("stages have lower-case names, bases as written and their instructions");
    struct dockerfile *df =
        parse(BYTES("ARG V=1\nFROM base:$V AS One\nRUN x\nFROM One\nFROM scratch AS two\n"
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

/* The text with `more` put at an offset. */
static void check_put(const struct dockerfile *df, size_t at, const char *more,
                      const char *want)
{
    cleanup_buf struct buf text = BUF(1 << 20), out = BUF(1 << 20);
    add(&text, "", bytes_head(df->text, at));
    add(&text, more, bytes_from(df->text, at));
    render(buf_bytes(&text), &out);
    TAP_EQUAL(buf_bytes(&out), bytes_of(want));
}

static void test_places(void)
{
    tap_case("places lead back to the text through marks, comments and continuations");
    struct bytes text = BYTES("\xef\xbb\xbf \tFROM a\r\nRU\\\n# c\nN --x=b\\\n# d\n\nc "
                              "--y='d'\\\n e\nCOPY\\\n --link f g\n"
                              "ONBUILD  \\\n COPY h \\\n i\nRUN <<E\nE");
    struct dockerfile *df = parse(text);
    if (!df)
        return;
    const struct df_instruction *ins = df->instructions;
    TAP_CHECK(ins[0].at == 5 && ins[0].word_end == 9 && ins[0].end == 13);
    TAP_CHECK(ins[1].at == 13 && text.at[ins[1].word_end - 1] == 'N');
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].at), BYTES("--x=b\\")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].value_at), BYTES("b\\")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].value_end), BYTES(" --y=")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[1].value_end), BYTES("\\\n e")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[2].word_end), BYTES("\\\n --link")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[2].flags[0].value_end), BYTES(" f g")));
    TAP_CHECK(ins[2].flags[0].value_at == ins[2].flags[0].value_end);
    TAP_CHECK(bytes_starts(bytes_from(text, ins[3].trigger->at), BYTES("COPY h")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[3].end), BYTES("RUN <<E")));
    TAP_CHECK(ins[4].end == text.len);
    check_put(df, ins[1].flags[0].value_end, ",z",
              "1 FROM [a]\n2-8 RUN --x=bc,z --y=d e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[1].flags[1].value_end, ",z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d,z e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[2].word_end, " --from=z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d e\n9-10 COPY --from=z --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[3].trigger->word_end, " --from=z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY --from=z [h][i]\n14-15 RUN <<E {E:}");
    dockerfile_free(df);
}

/* head, n times what, tail. */
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
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN ", "x", 65531, "\n")));
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN ", "x", 65531, "")));
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN ", "x", 65530, "\r\n")));
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
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN x \\\n", "\\\n", 8000000, "")));
    dockerfile_free(
        parse(repeat(&a, "FROM a\nCOPY a \\\n", "[[[[[[[[[[[[[[\\\n", 1000000, "")));
    dockerfile_free(
        parse(repeat(&a, "FROM a\nENV a=b\\\n", "''\"\"\\\\\\\"\\\n", 1000000, "")));
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN <<x\n", "\n", 15000000, "x\n")));
    dockerfile_free(parse(repeat(&a, "FROM a\nRUN --x=\\\n", "'a\\'\\\n", 2000000, "")));
}

static void test_name(void)
{
    tap_case("a name that is no plain text is quoted in messages");
    struct failure f = {0};
    struct dockerfile *df;
    TAP_CHECK(dockerfile_parse(BYTES("a\nb"), BYTES("X"), &df, &f) == -EINVAL);
    TAP_CHECKF(bytes_starts(bytes_of(f.text), BYTES("\"a\\nb\":1: \"X\" is no")), "%s", f.text);
    TAP_CHECK(dockerfile_parse(BYTES("dir/my file"), BYTES("X"), &df, &f) == -EINVAL);
    TAP_CHECKF(bytes_starts(bytes_of(f.text), BYTES("dir/my file:1: ")), "%s", f.text);
}

int main(void)
{
    run(line_rows, ARRAY_SIZE(line_rows));
    run(directive_rows, ARRAY_SIZE(directive_rows));
    run(heredoc_rows, ARRAY_SIZE(heredoc_rows));
    run(flag_rows, ARRAY_SIZE(flag_rows));
    run(word_rows, ARRAY_SIZE(word_rows));
    run(refused_rows, ARRAY_SIZE(refused_rows));
    test_stages();
    test_places();
    test_limits();
    test_name();
    return tap_end();
}
