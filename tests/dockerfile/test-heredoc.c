/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/heredoc.c: which words are heredocs, and which lines are their bodies. */
#include "parse-rows.h"
#include "tap.h"

static const struct parse_row heredoc_rows[] = {
    {"a body is no instruction, no comment, not continued", "parser.go",
     B("FROM a\nRUN <<EOF\nCOPY x y\n# z\n\\\nEOF\nRUN w\n"),
     "1 FROM [a]\n2-6 RUN <<EOF {EOF:COPY x y\n# z\n\\\n}\n7 RUN w"},
    {"several heredocs have their bodies in order", "parser.go",
     B("FROM a\nCOPY <<x b 3<<y /\n1\nx\n2\ny\n"),
     "1 FROM [a]\n2-6 COPY <<<x>[b]<3<<y>[/] {x:1\n} {y:2\n}"},
    {"`<<-` drops leading tabs before the terminator", "parser.go",
     B("FROM a\nRUN <<-x\n\tb\n\t\tx\nRUN y\n"),
     "1 FROM [a]\n2-4 RUN <<-x {x chomp:\tb\n}\n5 RUN y"},
    {"without the dash a tab before the terminator counts", "parser.go",
     B("FROM a\nRUN <<x\n\tx\nx\n"), "1 FROM [a]\n2-4 RUN <<x {x:\tx\n}"},
    {"quotes in a name are removed and turn expansion off", "parser.go",
     B("FROM a\nRUN <<'x y' <<z\"z\" <<w\nx y\nzz\nw\n"),
     "1 FROM [a]\n2-5 RUN <<'x y' <<z\"z\" <<w {x y quoted:} {zz quoted:} {w:}"},
    {"an escaped name is not quoted", "parser.go, heredocFromMatch",
     B("FROM a\nRUN <<\\x\nx\n"), "1 FROM [a]\n2-3 RUN <<\\x {x:}"},
    {"space may stand between << and the name", "lex.go", B("FROM a\nRUN cat << x | y\nx\n"),
     "1 FROM [a]\n2-3 RUN cat << x | y {x:}"},
    {"a variable in a name is plain text", "parser.go", B("FROM a\nRUN <<$x\n$x\n"),
     "1 FROM [a]\n2-3 RUN <<$x {$x:}"},
    {"a terminator may end in CRLF, or with the file", "parser.go",
     B("FROM a\r\nRUN <<x\r\nb\r\nx"), "1 FROM [a]\n2-4 RUN <<x {x:b\r\n}"},
    {"`<<<`, a bare `<<` and a `<<` after text are no heredocs", "parser.go",
     B("FROM a\nRUN b <<<x\nRUN <<\nRUN x<<y\nRUN <<-\n"),
     "1 FROM [a]\n2 RUN b <<<x\n3 RUN <<\n4 RUN x<<y\n5 RUN <<-"},
    {"a line that can't be lexed has no heredocs", "parser.go",
     B("FROM a\nRUN it's <<x\nRUN y\n"), "1 FROM [a]\n2 RUN it's <<x\n3 RUN y"},
    {"an array has no bodies, and its << words write empty files", "parser.go, parse.go",
     B("FROM a\nRUN [\"<<x\"]\nCOPY [\"<<x\", \"/\"]\n"),
     "1 FROM [a]\n2 RUN json [\"<<x\"]\n3 COPY json <<<x>[/]"},
    {"other instructions have no heredocs", "parser.go", B("FROM a\nCMD <<x\nENV a=<<x\n"),
     "1 FROM [a]\n2 CMD <<x\n3 ENV [a][<<x]"},
    {"ONBUILD's trigger has heredocs", "parser.go", B("FROM a\nONBUILD COPY <<x /\nb\nx\n"),
     "1 FROM [a]\n2-4 ONBUILD COPY <<<x>[/] {x:b\n}"},
    {"nested substitutions remove what is before a name", "lex.go, its one word buffer",
     B("FROM a\nRUN <<${y:-x}\nRUN b\n"), "1 FROM [a]\n2 RUN <<${y:-x}\n3 RUN b"},
    {"heredocs are lexed by backslash, whatever the escape is", "parser.go",
     B("#escape=`\nFROM a\nRUN <<`x\n`x\n"), "2 FROM [a]\n3-4 RUN <<`x {`x:}"},
    {"a heredoc may follow a continuation", "parser.go", B("FROM a\nRUN b \\\n <<x\nx\n"),
     "1 FROM [a]\n2-4 RUN b  <<x {x:}"},
};

static const struct parse_row refused_rows[] = {
    {"a heredoc without end", "parser.go", B("FROM a\nRUN b \\\n<<'x'\n x\n"),
     "Dockerfile:2: the heredoc \"x\" is not closed: a line that contains only its name is "
     "missing"},
    {"a heredoc whose name has spaces that are escaped", "parser.go",
     B("FROM a\nRUN <<x\\ y''\nx\n"),
     "Dockerfile:2: the heredoc \"x y\" is not closed: a line that contains only its name is "
     "missing"},
};

int main(void)
{
    parse_rows(heredoc_rows, ARRAY_SIZE(heredoc_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    return tap_end();
}
