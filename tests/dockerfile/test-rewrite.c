/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/rewrite.c: the Dockerfile that reads an inner tar. In the rows, "§n" means
 * section n of docs/sources/docker-context.md. */
#include "dockerfile.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDED "FROM scratch AS ctxd-context\nADD ctx.tar /\n"
#define added "from scratch as ctxd-context\nadd ctx.tar /\n"

static const struct {
    const char *source, *file, *target, *want; /* want: the text; or "!" and the message */
} cases[] = {
    {"§2.1 a COPY", "FROM scratch\nCOPY . /d\n", "",
     ADDED "FROM scratch\nCOPY --from=ctxd-context . /d\n"},
    {"the stage comes after the global ARGs, and comments stay",
     "# syntax=docker/dockerfile:1\n# escape=`\n\nARG A=1\n# base\nFROM scratch\n", "",
     "# syntax=docker/dockerfile:1\n# escape=`\n\nARG A=1\n" ADDED "# base\nFROM scratch\n"},
    {"flags, case, blanks and continuations stay",
     "from scratch\n  copy  --chown=1:1 \\\n # why\n  a \\\n  b  /d/\n", "",
     added
     "from scratch\n  copy --from=ctxd-context  --chown=1:1 \\\n # why\n  a \\\n  b  /d/\n"},
    {"CRLF and no newline at the end", "FROM scratch\r\nCOPY a /d", "",
     ADDED "FROM scratch\r\nCOPY --from=ctxd-context a /d"},
    {"JSON", "FROM scratch\nCOPY [\"a b\", \"/d/\"]\n", "",
     ADDED "FROM scratch\nCOPY --from=ctxd-context [\"a b\", \"/d/\"]\n"},
    {"an empty --from is filled", "FROM scratch\nCOPY --from= a /d\nCOPY --from=\"\" b /d\n",
     "",
     ADDED "FROM scratch\nCOPY --from=ctxd-context a /d\nCOPY --from=\"\"ctxd-context b /d\n"},
    {"numbers move by one, names and images stay",
     "FROM scratch AS a\nFROM scratch\nCOPY --from=0 x /\nCOPY --from=a x /\nCOPY --from=b:1 x "
     "/\n",
     "",
     ADDED "FROM scratch AS a\nFROM scratch\nCOPY --from=1 x /\nCOPY --from=a x /\nCOPY "
           "--from=b:1 x /\n"},
    {"the name is new", "FROM scratch AS ctxd-context\nCOPY --from=CTXD-context-2 a /\n", "",
     "FROM scratch AS ctxd-context-3\nADD ctx.tar /\nFROM scratch AS ctxd-context\nCOPY "
     "--from=CTXD-context-2 a /\n"},
    {"mounts of the context",
     "FROM alpine\nRUN --mount=target=/x --mount=type=bind,src=a,dst=/y true\n", "",
     ADDED "FROM alpine\nRUN --mount=target=/x,from=ctxd-context "
           "--mount=type=bind,src=a,dst=/y,from=ctxd-context true\n"},
    {"quoted mounts", "FROM alpine\nRUN --mount=type=bind,source=\"a b\",target=/x true\n", "",
     ADDED
     "FROM alpine\nRUN --mount=type=bind,source=\"a b\",target=/x,from=ctxd-context true\n"},
    {"a mount over two lines", "FROM alpine\nRUN --mount=type=bind,\\\ntarget=/x true\n", "",
     ADDED "FROM alpine\nRUN --mount=type=bind,\\\ntarget=/x,from=ctxd-context true\n"},
    {"an empty from= of a mount: the last one counts",
     "FROM alpine\nRUN --mount=from=,target=/x true\n", "",
     ADDED "FROM alpine\nRUN --mount=from=,target=/x,from=ctxd-context true\n"},
    {"other mounts stay",
     "FROM scratch AS s\nFROM alpine\nRUN --mount=type=cache,target=/a "
     "--mount=type=tmpfs,target=/b "
     "--mount=type=secret,id=c --mount=type=ssh --mount=from=s,target=/d true\n",
     "",
     ADDED "FROM scratch AS s\nFROM alpine\nRUN --mount=type=cache,target=/a "
           "--mount=type=tmpfs,target=/b "
           "--mount=type=secret,id=c --mount=type=ssh --mount=from=s,target=/d true\n"},
    {"ADD from elsewhere stays", "FROM scratch\nADD https://example.com/$X git@h.x:a.git /d/\n",
     "", ADDED "FROM scratch\nADD https://example.com/$X git@h.x:a.git /d/\n"},
    {"heredocs alone stay", "FROM scratch\nCOPY <<a <<b /d/\nCOPY x /\na\nb\nADD <<c /\nc\n",
     "", ADDED "FROM scratch\nCOPY <<a <<b /d/\nCOPY x /\na\nb\nADD <<c /\nc\n"},
    {"the body of a heredoc is no instruction", "FROM alpine\nRUN <<E\nCOPY a b\nE\nCOPY a /\n",
     "", ADDED "FROM alpine\nRUN <<E\nCOPY a b\nE\nCOPY --from=ctxd-context a /\n"},
    {"triggers for others stay", "FROM scratch\nONBUILD COPY . /x\nCOPY a /\n", "",
     ADDED "FROM scratch\nONBUILD COPY . /x\nCOPY --from=ctxd-context a /\n"},
    {"harmless triggers that run in a stage of the file",
     "FROM scratch AS a\nONBUILD ENV x=y\nONBUILD COPY --from=q a /\nFROM a\n", "",
     ADDED "FROM scratch AS a\nONBUILD ENV x=y\nONBUILD COPY --from=q a /\nFROM a\n"},
    {"what can't be kept is in a stage that isn't built",
     "FROM scratch AS t\nCOPY a /\nFROM scratch\nADD b /\nCOPY --from=0 c /\n", "t",
     ADDED
     "FROM scratch AS t\nCOPY --from=ctxd-context a /\nFROM scratch\nADD b /\nCOPY --from=1 "
     "c /\n"},

    {"BuildKit validations.go: the case of the majority, without global ARGs",
     "ARG A\nARG B\nfrom scratch\nCOPY a /\nlabel b=c\n", "",
     "ARG A\nARG B\n" added "from scratch\nCOPY --from=ctxd-context a /\nlabel b=c\n"},
    {"validations.go: upper case at a tie", "from scratch\nCOPY a /\n", "",
     ADDED "from scratch\nCOPY --from=ctxd-context a /\n"},
    {"validations.go: a word in both cases doesn't count",
     "From scratch\nCopy a /\nLABEL b=c\nenv d=e\nuser f\n", "",
     added "From scratch\nCopy --from=ctxd-context a /\nLABEL b=c\nenv d=e\nuser f\n"},
    {"validations.go: nor does what a trigger carries",
     "FROM scratch\nONBUILD label a=b\nONBUILD label c=d\nuser e\nuser f\n", "",
     ADDED "FROM scratch\nONBUILD label a=b\nONBUILD label c=d\nuser e\nuser f\n"},
    {"parser.go: the comments before a FROM are about it",
     "# check=error=true\n# build compiles\n# check=skip=UndefinedVar\nFROM scratch AS "
     "build\nCOPY a /\n",
     "",
     "# check=error=true\n" ADDED
     "# build compiles\n# check=skip=UndefinedVar\nFROM scratch AS build\nCOPY "
     "--from=ctxd-context a /\n"},
    {"what looks like a directive after a comment stays one no longer",
     "# a\n# syntax=example/other\nFROM scratch\n", "",
     ADDED "# a\n# syntax=example/other\nFROM scratch\n"},
    {"two blank lines are left out, so later lines keep their numbers",
     "ARG A\n\nFROM scratch\n \t\r\nCOPY a /\n\nCOPY b /\n", "",
     "ARG A\n" ADDED "FROM scratch\nCOPY --from=ctxd-context a /\n\nCOPY "
     "--from=ctxd-context b /\n"},
    {"one blank line stays after a comment",
     "# a\n\n# b\n\n\nFROM scratch\n# c\n\nCOPY a /\n\nUSER d\n", "",
     ADDED "# a\n\n# b\n\nFROM scratch\n# c\n\nCOPY --from=ctxd-context a /\nUSER d\n"},
    {"blank lines of a heredoc, of an instruction, and after a continuation mark stay",
     "FROM scratch\nCOPY <<a /\n\n\na\nCOPY b \\\n\n /\n\\\n\nUSER c\n", "",
     ADDED "FROM scratch\nCOPY <<a /\n\n\na\nCOPY --from=ctxd-context b \\\n\n "
           "/\n\\\n\nUSER c\n"},
    {"a byte order mark stays first, and indentation with its line",
     "\xef\xbb\xbf  FROM scratch\n", "", "\xef\xbb\xbf" ADDED "  FROM scratch\n"},
    {"dockerfile2llb: the syntax is looked for behind a #! line",
     "#!/usr/bin/env x\n# syntax=docker/dockerfile:1\n# a\nFROM scratch\n", "",
     "#!/usr/bin/env x\n# syntax=docker/dockerfile:1\n" ADDED "# a\nFROM scratch\n"},

    {"what names .ctx stays, of every kind",
     "FROM alpine\nCOPY .ctx/cargo/root/ ./\nCOPY [\"/.ctx/a b\", \"./.ctx/c\", \"./\"]\nADD "
     ".ctx/go/root /\nRUN --mount=type=bind,source=.ctx/x,target=/x true\nCOPY . .\n",
     "",
     ADDED "FROM alpine\nCOPY .ctx/cargo/root/ ./\nCOPY [\"/.ctx/a b\", \"./.ctx/c\", "
           "\"./\"]\nADD .ctx/go/root /\nRUN --mount=type=bind,source=.ctx/x,target=/x "
           "true\nCOPY --from=ctxd-context . .\n"},
    {"a variable after .ctx/ stays, one that may continue its name does not",
     "FROM scratch\nARG E\nCOPY .ctx/$E/root /\nCOPY .ctx$E /\n", "",
     ADDED "FROM scratch\nARG E\nCOPY .ctx/$E/root /\nCOPY --from=ctxd-context .ctx$E /\n"},
    {"a trigger that names .ctx and runs here",
     "FROM alpine AS a\nONBUILD COPY .ctx/go/root /\nONBUILD RUN "
     "--mount=type=bind,source=.ctx/x,target=/x true\nFROM a\nCOPY . .\n",
     "",
     ADDED "FROM alpine AS a\nONBUILD COPY .ctx/go/root /\nONBUILD RUN "
           "--mount=type=bind,source=.ctx/x,target=/x true\nFROM a\nCOPY --from=ctxd-context . "
           ".\n"},
    {"a trigger that names .ctx and more",
     "FROM scratch AS a\nONBUILD COPY .ctx/go/root b /\nFROM a\n", "",
     "!Dockerfile:2: an ONBUILD trigger reads the context"},
    {"names that only begin like .ctx, and a path that leaves it, are in the context",
     "FROM scratch\nCOPY .ctxd .ctx/../a /\n", "",
     ADDED "FROM scratch\nCOPY --from=ctxd-context .ctxd .ctx/../a /\n"},
    {"one COPY of .ctx and of the context", "FROM scratch\nCOPY .ctx/go/root a /\n", "",
     "!Dockerfile:2: one COPY takes the recipe's files and others: make it two"},

    {"§2.1 ADD of the context", "FROM scratch\nADD a /\n", "",
     "!Dockerfile:2: ADD can take files from the context alone"},
    {"ADD of a source that may be in the context", "FROM scratch\nARG U\nADD $U /\n", "",
     "!Dockerfile:3: ADD can take files from the context alone"},
    {"heredocs and files in one", "FROM scratch\nCOPY <<a b /d/\na\n", "",
     "!Dockerfile:2: one COPY takes heredocs and files of the context: make it two"},
    {"a trigger that reads the context and runs here",
     "FROM scratch AS a\nONBUILD COPY b /\nFROM a\n", "",
     "!Dockerfile:2: an ONBUILD trigger reads the context"},
    {"a trigger with a mount that runs here",
     "FROM alpine AS a\nONBUILD RUN --mount=target=/x true\nFROM a\n", "",
     "!Dockerfile:2: an ONBUILD trigger reads the context"},
    {"a trigger with a number that runs here",
     "FROM scratch AS a\nONBUILD COPY --from=0 b /\nFROM a\n", "",
     "!Dockerfile:2: an ONBUILD trigger names a stage by its number"},
    {"a base that may have triggers", "FROM corp/base\nCOPY a /\n", "",
     "!Dockerfile:1: the image may have ONBUILD instructions that read the context"},
    {"an official image of any tag is taken", "ARG V\nFROM python:$V\nCOPY . /\n", "",
     "ARG V\n" ADDED "FROM python:$V\nCOPY --from=ctxd-context . /\n"},
    {"a base of any name", "ARG B\nFROM $B\nCOPY a /\n", "",
     "!Dockerfile:2: the image may have ONBUILD instructions that read the context"},
    {"a foreign syntax", "# syntax=example/other\nFROM scratch\n", "",
     "!Dockerfile:1: its syntax \"example/other\" is not Docker's own"},
    {"--from with a variable", "FROM scratch\nCOPY --from=$X a /\n", "",
     "!Dockerfile:2: --from has a variable"},
    {"a quoted number", "FROM scratch\nFROM scratch\nCOPY --from='0' a /\n", "",
     "!Dockerfile:3: the number of --from is quoted"},
    {"a mount of unknown type", "FROM alpine\nRUN --mount=type=$T,target=/x true\n", "",
     "!Dockerfile:2: the type of a --mount is a variable"},
    {"a mount's from with quotes", "FROM alpine\nRUN --mount=from=$S,target=/x true\n", "",
     "!Dockerfile:2: the from of a --mount has a variable or quotes"},
};

/* Checks that the rewritten file has one stage more, and that it reads nothing of the context
 * but the tar and the directory that stays outside. */
static void check_again(struct bytes text, const struct dockerfile *before, const char *target)
{
    struct dockerfile *df = NULL;
    struct reads *reads = NULL;
    struct failure f = {0};
    struct df_request request = {.target = bytes_of(target)};
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    if (r == 0)
        r = dockerfile_reads(df, &request, NULL, &reads, &f);
    TAP_CHECKF(r == 0, "%s", f.text);
    if (r == 0) {
        TAP_CHECK(df->n_stages == before->n_stages + 1);
        TAP_CHECK(df->n_instructions == before->n_instructions + 2);
        for (size_t i = 0; i < reads->n; i++) {
            struct bytes pattern = reads->at[i].pattern;
            bool harmless =
                reads->at[i].kind == DF_READ_ALL || bytes_equal(pattern, BYTES("ctx.tar")) ||
                bytes_starts(pattern, BYTES("<<")) || bytes_starts(pattern, BYTES("git@")) ||
                bytes_equal(pattern, BYTES(".ctx")) || bytes_starts(pattern, BYTES(".ctx/"));
            TAP_CHECKF(harmless, "it reads %s", QUOTE(pattern));
        }
    }
    reads_free(reads);
    dockerfile_free(df);
}

/* The table can't contain this case, because the syntax is not in the file. */
static void foreign_by_argument(void)
{
    cleanup_arena struct arena arena = {0};
    struct dockerfile *df = NULL;
    struct failure f = {0};
    struct bytes text;
    struct df_arg arg = {BYTES("BUILDKIT_SYNTAX"), BYTES("example/other"), true};
    struct df_request request = {.args = &arg, .n_args = 1};
    tap_case("a foreign syntax by --build-arg");
    int r = dockerfile_parse(BYTES("Dockerfile"), BYTES("FROM scratch\nCOPY . .\n"), &df, &f);
    if (r == 0)
        r = dockerfile_rewrite(df, &request, &(struct df_rewrite){.tar_name = BYTES("ctx.tar")},
                               &arena, &text, &f);
    TAP_CHECK(r == -EOPNOTSUPP);
    TAP_EQUAL(bytes_of(f.text),
              BYTES("Dockerfile:1: its syntax \"example/other\" is not Docker's own"));
    dockerfile_free(df);
}

int main(void)
{
    const struct df_rewrite beside = {.tar_name = BYTES("ctx.tar"), .outside = BYTES(".ctx")};
    foreign_by_argument();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena arena = {0};
        struct dockerfile *df = NULL;
        struct failure f = {0};
        struct df_request request = {.target = bytes_of(cases[i].target)};
        struct bytes text = {0}, want = bytes_of(cases[i].want);
        tap_case("%s", cases[i].source);
        int r = dockerfile_parse(BYTES("Dockerfile"), bytes_of(cases[i].file), &df, &f);
        TAP_CHECKF(r == 0, "%s", f.text);
        if (r == 0)
            r = dockerfile_rewrite(df, &request, &beside, &arena, &text, &f);
        if (want.at[0] == '!') {
            TAP_CHECK(r == -EOPNOTSUPP);
            TAP_EQUAL(bytes_of(f.text), bytes_from(want, 1));
        } else if (TAP_CHECKF(r == 0, "%s", f.text)) {
            TAP_EQUAL(text, want);
            check_again(text, df, cases[i].target);
        }
        dockerfile_free(df);
    }
    return tap_end();
}
