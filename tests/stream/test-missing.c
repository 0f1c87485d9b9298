/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of missing sources: tests/live/cases_missing.py compares more with Docker. */
#include "stream-fixture.h"

#include <string.h>
#include <unistd.h>

static const struct {
    const char *title, *dockerfile, *ignore;
    const char *says; /* what the only warning says; NULL: there is none */
    const char *target;
    bool recipe, classic;
} rows[] = {
    {"a source that is not there", "FROM busybox\nCOPY none /x/\n", NULL,
     "Dockerfile:2: COPY \"none\": \"none\" is not in the context, so docker build fails; make "
     "it "
     "first, or correct the path"},
    {"one of two", "FROM busybox\nADD a none /x/\n", NULL, "ADD \"none\""},
    {"a bind mount", "FROM busybox\nRUN --mount=source=none,target=/m x\n", NULL,
     "RUN --mount \"source=none,target=/m\": \"none\""},
    {"a dangling link", "FROM busybox\nCOPY dang /x/\n", NULL,
     "leads to nothing in the context"},
    {"an excluded file", "FROM busybox\nCOPY a /x/\n", "# all\n*\n!d\n",
     "\"a\" is excluded by \".dockerignore:2\", \"*\", so docker build fails; add \"!a\" as "
     "the last"},
    {"an excluded directory above it", "FROM busybox\nCOPY d/f /x/\n", "d\n",
     "excluded by \".dockerignore:1\", \"d\""},
    {"by way of a link", "FROM busybox\nCOPY ld/f /x/\n", "d\n", "\"d/f\" is excluded by"},
    {".ctx without --recipe", "FROM busybox\nCOPY .ctx/cargo/root/ ./\n", NULL,
     "only with --recipe, so docker build fails; give --recipe"},
    {"the last stage needs it", "FROM busybox AS one\nCOPY none /x/\nFROM one\n", NULL,
     "so docker build without --target fails"},
    {"the target needs it", "FROM busybox AS one\nCOPY none /x/\nFROM busybox\n", NULL,
     "so docker build fails", .target = "one"},
    {"the classic builder", "FROM busybox\nCOPY none /x/\n", NULL, "not in the context",
     .classic = true},
    {"what is there", "FROM busybox\nCOPY a d d/f la ld/f /x/\nCOPY . /y/\n", NULL, NULL},
    {"an exception below it", "FROM busybox\nCOPY d /x/\n", "d\n!d/f\n", NULL},
    {"a directory without its entries", "FROM busybox\nCOPY d /x/\n", "d/*\n", NULL},
    {"wildcards", "FROM busybox\nCOPY a package-lock.jso[n] *.none /x/\n", NULL, NULL},
    {"a variable that is not final", "FROM busybox\nARG N=none\nCOPY $N/x /x/\n", NULL, NULL},
    {"from elsewhere",
     "FROM busybox AS one\nFROM busybox\nCOPY --from=one none /x/\nCOPY --from=img none /x/\n"
     "ADD https://a/none git@a:b/c.git git://a/b /x/\nCOPY <<none /x/none\nx\nnone\n"
     "RUN --mount=from=one,source=none,target=/m --mount=type=cache,target=/none x\n",
     NULL, NULL},
    {"a stage that nothing needs", "FROM busybox AS one\nCOPY none /x/\nFROM busybox\n", NULL,
     NULL},
    {"a stage that may be built on another",
     "ARG B\nFROM busybox AS one\nCOPY none /x/\nFROM $B\n", NULL, NULL},
    {"a trigger that does not run", "FROM busybox\nONBUILD COPY none /x/\n", NULL, NULL},
    {"a foreign syntax", "# syntax=corp/other\nFROM busybox\nCOPY none /x/\n", NULL, NULL},
};

static void test_row(size_t i, bool for_digest)
{
    struct fixture x = setup();
    struct failure f = {0};
    cleanup_asked struct asked asked = {0};
    put_text(&x, "Dockerfile", rows[i].dockerfile);
    put_text(&x, "a", "1");
    if (mkdirat(x.root, "d", 0700) < 0 || symlinkat("nothing", x.root, "dang") < 0 ||
        symlinkat("d", x.root, "ld") < 0 || symlinkat("a", x.root, "la") < 0)
        abort();
    put_text(&x, "d/f", "2");
    if (rows[i].ignore)
        put_text(&x, ".dockerignore", rows[i].ignore);
    if (ask_tree(&x, 0, &asked, &f) < 0)
        TAP_CHECKF(false, "%s", f.text);
    asked.request.bare = true;
    asked.request.reads.target = bytes_of(rows[i].target);
    asked.request.reads.last_only = for_digest;
    if (rows[i].classic) {
        asked.request.builder = SEND_CLASSIC;
        asked.request.reads.builder = DF_CLASSIC;
    }
    struct digest_answer answer = {0};
    int r = digest_run(&asked.request, NULL, false, &asked.notes, &answer, &f);
    TAP_CHECKF(r == 0, "%s", f.text);
    digest_release(&answer);
    size_t n = 0;
    char text[2048] = "";
    for (size_t k = 0; k < asked.notes.n; k++) {
        char note[2048];
        snprintf(note, sizeof(note), "%.*s", BYTES_ARG(asked.notes.at[k].text));
        if (strstr(note, " fails; ") && ++n)
            memcpy(text, note, sizeof(text));
    }
    TAP_CHECKF(n == (rows[i].says != NULL) && (!n || strstr(text, rows[i].says)), "%zu: %s", n,
               text);
    teardown(&x);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        tap_case("%s", rows[i].title);
        test_row(i, false);
        test_row(i, true);
    }
    return tap_end();
}
