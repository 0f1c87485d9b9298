/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/directive.c: `# name = value` lines, and the syntax that a file asks for. */
#include "parse-rows.h"
#include "tap.h"

static const struct parse_row directive_rows[] = {
    {"# escape changes continuation and escapes", "directives.go",
     B("# escape=`\nFROM a\nCOPY b\\ `\n c\n"), "2 FROM [a]\n3-4 COPY [b\\][c]"},
    {"directives have any case, with space around them", "directives.go",
     B("#\tEsCaPe \t= ` \nFROM a\nRUN x`\ny\n"), "2 FROM [a]\n3-4 RUN xy"},
    {"directives may be indented", "parser.go", B("  # escape=`\nFROM a\nRUN x`\ny\n"),
     "2 FROM [a]\n3-4 RUN xy"},
    {"a comment ends the directives", "directives.go",
     B("# x\n# escape=`\nFROM a\nRUN x\\\ny\n"), "3 FROM [a]\n4-5 RUN xy"},
    {"a blank line ends the directives", "directives.go",
     B("\n# escape=`\nFROM a\nRUN x\\\ny\n"), "3 FROM [a]\n4-5 RUN xy"},
    {"an unknown directive ends the directives", "directives.go",
     B("# a=b\n# escape=`\nFROM a\nRUN x\\\ny\n"), "3 FROM [a]\n4-5 RUN xy"},
    {"syntax and check don't end the directives", "directives.go",
     B("# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\nFROM a\nRUN x`\ny\n"),
     "4 FROM [a]\n5-6 RUN xy"},
    {"a #! line ends the directives for the parser", "parser.go",
     B("#!/x\n# escape=`\nFROM a\nRUN x\\\ny\n"), "3 FROM [a]\n4-5 RUN xy"},
    {"an instruction ends the directives", "parser.go", B("FROM a\n# escape=`\nRUN x\\\ny\n"),
     "1 FROM [a]\n3-4 RUN xy"},
    {"an official syntax of any kind is ours", "docker-context.md 1.2",
     B("# syntax = docker.io/docker/dockerfile-upstream:master-labs@sha256:0 x\nFROM a\n"),
     "2 FROM [a]"},
    {"another syntax is foreign, and its text is not parsed", "build.go",
     B("# syntax=tonistiigi/x:1 y\n\xff\n"), "foreign tonistiigi/x:1"},
    {"a name that only begins like ours is foreign", "docker-context.md 1.2",
     B("# syntax=docker/dockerfilex\nFROM a\n"), "foreign docker/dockerfilex"},
    {"a syntax may follow a #! line, a byte-order mark and other directives", "directives.go",
     B("\xef\xbb\xbf#!/x\n#escape=`\n#syntax=q\r\n"), "foreign q"},
    {"a syntax after a comment is no directive", "directives.go",
     B("# x\n# syntax=q\nFROM a\n"), "3 FROM [a]"},
    {"an indented syntax is no directive", "directives.go, ParseAll",
     B(" # syntax=q\nFROM a\n"), "2 FROM [a]"},
    {"// syntax names a syntax", "directives.go", B("// syntax = q\nany\n"), "foreign q"},
    {"a JSON object names a syntax: the last one in it", "directives.go",
     B(" {\"a\": [1, {}], \"syntax\": \"p\", \"syntax\": \"q\\u0072\"}\n"), "foreign qr"},
};

static const struct parse_row refused_rows[] = {
    {"a directive twice", "directives.go", B("# escape=`\n#ESCAPE = `\nFROM a\n"),
     "Dockerfile:2: a directive stands here twice: keep one of the lines"},
    {"an escape that is not allowed", "parser.go", B("# escape=^\nFROM a\n"),
     "Dockerfile:1: the escape \"^\" is neither ` nor \\"},
    {"an escape that is a space", "directives.go, its regular expression",
     B("# escape= \nFROM a\n"), "Dockerfile:1: the escape \" \" is neither ` nor \\"},
};

int main(void)
{
    parse_rows(directive_rows, ARRAY_SIZE(directive_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    return tap_end();
}
