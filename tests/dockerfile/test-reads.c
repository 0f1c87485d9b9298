/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/reads.c: files in another language, notes, and the base images to ask for. The
 * other rows are in the tests of the files below it: sources.c, scope.c, stages.c … */
#include "reads-rows.h"
#include "tap.h"

/* What an engine without heredocs reads: [V] Docker 20.10, both builders. */
static const struct reads_row older_rows[] = {
    {"[V] an unclosed heredoc is a word, and the line goes on",
     "FROM busybox\nRUN echo <<E \\\n  && true\nCOPY a /\n", "", "a"},
    {"… with --builder=classic, too", "FROM busybox\nRUN echo <<E \\\n  && true\nCOPY a /\n",
     "classic", "a"},
    {"BuildKit v0.34 parser.go: unclosed",
     "FROM busybox\nRUN echo <<E \\\n  && true\nCOPY a /\n", "buildkit",
     "Dockerfile:2: the heredoc \"E\" is not closed: a line that contains only its name is "
     "missing"},
    {"[V] the lines of a body are instructions, if its end is a comment",
     "FROM busybox\nRUN true <<'#E'\nCOPY a /\n#E\nCOPY b /\n", "", "a b"},
    {"… but not with --builder=buildkit",
     "FROM busybox\nRUN true <<'#E'\nCOPY a /\n#E\nCOPY b /\n", "buildkit", "b"},
    {"[V] the heredoc of a COPY is a path", "FROM scratch\nCOPY <<#E a /d/\nCOPY b /\n#E\n", "",
     "<<#E a b"},
    {"chomped, quoted, with `escape`, in a trigger",
     "# escape=`\nFROM busybox AS s\nONBUILD RUN true <<-\"#E\" `\n x\nCOPY a /\n\t#E\n"
     "FROM s\nCOPY b /\n",
     "", "a b"},
    {"an engine without heredocs refuses the body",
     "FROM busybox\nRUN <<E\nCOPY a /\nE\nCOPY b /\n", "classic", "b"},
    {"a shift is no heredoc", "FROM busybox\nRUN echo $((1 << 2))\nCOPY a /\n", "", "a"},
    {"a target that only one reading has",
     "FROM busybox AS x\nRUN true <<'#E'\nFROM busybox AS y\nCOPY a /\n#E\nCOPY b /\n",
     "target=y", "a b"},
};

static const struct reads_row rows[] = {
    {"§1.2 a foreign syntax reads anything", "# syntax=example/other:1\nWHAT IS this\n", "",
     ".~"},
    {"§1.2 Docker's own does not",
     "# syntax=docker/dockerfile:1-labs\nFROM scratch\nCOPY a /\n", "", "a"},
    {"BUILDKIT_SYNTAX", "FROM scratch\nCOPY a /\n", "arg=BUILDKIT_SYNTAX=example/other", ".~"},
    {"BUILDKIT_SYNTAX is Docker's", "FROM scratch\nCOPY a /\n",
     "arg=BUILDKIT_SYNTAX=docker/dockerfile:1", "a"},
};

/* want: the notes, a line each, with their level (W warning, I info) */
static const struct {
    const char *source, *file, *options, *want;
} note_cases[] = {
    {"a source with an ARG", "FROM scratch\nARG S\nCOPY ${S} /d/\n", "",
     "W Dockerfile:3: COPY ${S} sends everything: S may be set by docker build --build-arg; "
     "--args-final says it won't be\n"},
    {"a certain directory is no warning", "FROM scratch\nARG S\nCOPY src/${S} /d/\n", "",
     "I Dockerfile:3: COPY src/${S} sends all of \"src/\": S may be set by docker build "
     "--build-arg; --args-final says it won't be\n"},
    {"a widening that makes no difference is no warning",
     "FROM scratch\nARG S\nCOPY . .\nCOPY $S /d/\n", "",
     "I Dockerfile:4: COPY $S sends everything: S may be set by docker build --build-arg; "
     "--args-final says it won't be\n"},
    {"a variable that is made of another one", "FROM scratch\nARG S\nENV T=x/$S\nCOPY $T /d/\n",
     "buildkit",
     "W Dockerfile:4: COPY $T sends everything: T is made of S, which may be set by docker "
     "build "
     "--build-arg; --args-final says it won't be\n"},
    {"the image's own variables", "FROM python\nCOPY a/$S /d/\n", "",
     "I Dockerfile:2: COPY a/$S sends all of \"a/\": S may be set by the image \"python\"; "
     "--base-config=engine asks the engine\n"},
    {"two stages with one base image get one note", "FROM corp/b\nFROM corp/b\nCOPY a /\n", "",
     "W Dockerfile:1: FROM corp/b sends everything: its ONBUILD instructions are not known; "
     "--base-config=engine asks the engine; --trust-bases=corp/b says there are none\n"},
    {"a base that the engine doesn't know", "FROM corp/b\nCOPY a /\n", "base=corp/b;silent",
     "W Dockerfile:1: FROM corp/b sends everything: its ONBUILD instructions are not known (no "
     "such image); --trust-bases=corp/b says there are none\n"},
    {"a tag that is a variable", "ARG V=3\nFROM python:$V\nCOPY a /\n", "",
     "W Dockerfile:2: FROM python:$V sends everything: the image may have ONBUILD "
     "instructions, "
     "and V may be set by docker build --build-arg; --args-final says it won't be; "
     "--trust-bases=python says there are none\n"},
    {"a foreign syntax", "# syntax=other\nx\n", "",
     "W Dockerfile:1: # syntax=\"other\" sends everything: what it reads is not known\n"},
    {"a malformed word that not every build runs into",
     "FROM scratch AS a\nCOPY ${x /\nFROM scratch\nCOPY b /\n", "",
     "I Dockerfile:2: a substitution lacks its closing '}'\n"},
    {"all is known", "FROM scratch\nCOPY a /\n", "", ""},
};

static void test_notes(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(note_cases); i++) {
        cleanup_arena struct arena arena = {0};
        cleanup_notes struct notes notes = {0};
        struct bytes got = BYTES("");
        tap_case("note: %s", note_cases[i].source);
        reads_text(&arena, note_cases[i].file, note_cases[i].options, &notes);
        for (size_t k = 0; k < notes.n; k++)
            got = arena_printf(&arena, "%.*s%c %.*s\n", BYTES_ARG(got),
                               notes.at[k].level == NOTE_WARNING ? 'W' : 'I',
                               BYTES_ARG(notes.at[k].text));
        TAP_EQUAL(got, bytes_of(note_cases[i].want));
    }
}

static const struct {
    const char *source, *file, *options, *want;
} base_cases[] = {
    {"images that may have triggers", "FROM corp/b\nFROM corp/c:1\nFROM corp/b\nFROM python\n",
     "", "corp/b corp/c:1"},
    {"images whose variables are used", "FROM python\nFROM node\nCOPY $X /\n", "", "node"},
    {"the image of the stage that a stage is built on", "FROM python AS a\nFROM a\nCOPY $X /\n",
     "", "python"},
    {"no image whose config was asked for", "FROM corp/b\nFROM corp/c\n", "base=corp/b;silent",
     "corp/c"},
    {"no image that is trusted", "FROM corp/b\n", "trust=corp/*", ""},
    {"no image without a certain name", "ARG X\nFROM corp/$X\nFROM $X\n", "", ""},
    {"a name with an ARG whose value is known", "ARG X=b\nFROM corp/$X\n", "final", "corp/b"},
    {"only images that the target needs", "FROM corp/a AS a\nFROM corp/b\n", "target=a",
     "corp/a"},
    {"not scratch", "FROM scratch\nCOPY $X /\n", "", ""},
    {"no image of a file in a foreign syntax", "# syntax=x\nFROM corp/b\n", "", ""},
};

static void test_bases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(base_cases); i++) {
        cleanup_arena struct arena arena = {0};
        struct ask ask;
        struct dockerfile *df = NULL;
        struct failure f = {0};
        struct bytes *names = NULL, got = BYTES("");
        size_t n = 0;
        tap_case("bases to ask for: %s", base_cases[i].source);
        ask_read(&ask, base_cases[i].options);
        int r = dockerfile_parse(BYTES("Dockerfile"), bytes_of(base_cases[i].file), &df, &f);
        if (r == 0)
            r = dockerfile_bases(df, &ask.request, &names, &n, &f);
        TAP_CHECKF(r == 0, "%s", f.text);
        for (size_t k = 0; k < n; k++)
            got = arena_printf(&arena, "%.*s%s%.*s", BYTES_ARG(got), k ? " " : "",
                               BYTES_ARG(names[k]));
        TAP_EQUAL(got, bytes_of(base_cases[i].want));
        dockerfile_free(df);
    }
}

int main(void)
{
    test_notes();
    test_bases();
    reads_rows(older_rows, ARRAY_SIZE(older_rows));
    reads_rows(rows, ARRAY_SIZE(rows));
    return tap_end();
}
