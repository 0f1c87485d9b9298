/* SPDX-License-Identifier: Apache-2.0 */
/* stream/hide.c: what COPY --parents must not see. The images are compared by tests/live. */
#include "stream-fixture.h"

#include <errno.h>
#include <sys/stat.h>

#define PIVOT "COPY --parents p/*/./x /d/\n"

static void ask_final(struct send_request *request)
{
    request->reads.args_final = true;
}

static void ask_plain(struct send_request *request)
{
    request->dockerfile_mode = SEND_DOCKERFILE_PLAIN;
}

static const struct {
    const char *title, *file;
    void (*change)(struct send_request *);
    const char *hides; /* text of the Dockerfile in the stream; "": it is not rewritten */
    size_t n_notes;    /* with the one that says that it is rewritten */
} cases[] = {
    {"what only another value of a variable reads, with a warning",
     "FROM scratch\nARG X=r\nCOPY $X /d/\n" PIVOT, NULL, " --exclude=p/README . /\n", 3},
    {"nothing, if the value is final", "FROM scratch\nARG X=r\nCOPY $X /d/\n" PIVOT, ask_final,
     "", 0},
    {"nothing that the same build reads", "FROM scratch\nCOPY p/README /e/\n" PIVOT, NULL, "",
     0},
    {"what another stage reads", "FROM scratch\nCOPY p /e/\nFROM scratch\n" PIVOT, NULL,
     "--exclude=p/README . /\n", 2},
    {"the Dockerfile, without a word", "FROM scratch\nCOPY --parents */./a /d/\n", NULL,
     "--exclude=Dockerfile . /\n", 1},
    {"directories, if nothing of them is copied",
     "FROM scratch\nARG X=r\nCOPY $X /d/\nCOPY --parents p/a/./none* /d/\n", NULL,
     "--exclude=p/a . /\n", 2},
    {"the directory before the wildcard, too",
     "FROM scratch\nARG X=r\nCOPY $X /d/\nCOPY --parents p/*/./none* /d/\n", NULL,
     "--exclude=p/README --exclude=p/a --exclude=p/b --exclude=p . /\n", 3},
    {"nothing with --dockerfile=plain, and a warning says so",
     "FROM scratch\nCOPY --parents */./a /d/\n", ask_plain, "", 1},
};

static void test_refusals(const struct fixture *x)
{
    tap_case("a trigger that would see more is refused");
    put_text(x, "Dockerfile",
             "FROM scratch AS a\nONBUILD " PIVOT "FROM a\nARG X=r\nCOPY $X /d/\n");
    cleanup_sent struct sent trigger = send_tree(x, 2, SEND_TAR, NULL);
    TAP_CHECK(trigger.result == -EOPNOTSUPP);
    TAP_EQUAL(bytes_of(trigger.failure.text),
              BYTES("Dockerfile:2: COPY --parents would also see \"p/README\", which docker "
                    "build . would not give it, and that can't be hidden (an ONBUILD trigger "
                    "can't be rewritten); name the directories before the pivot, exclude the "
                    "name, or say --dockerfile=plain"));

    tap_case("a name that --exclude can't tell from another is refused");
    put_text(x, "p/s t", "s t");
    put_text(x, "p/s-t", "s-t");
    put_text(x, "Dockerfile", "FROM scratch\nARG X=r\nCOPY $X /d/\n" PIVOT);
    cleanup_sent struct sent vague = send_tree(x, 2, SEND_TAR, NULL);
    TAP_CHECKF(vague.result == -EOPNOTSUPP, "%d", vague.result);
}

int main(void)
{
    struct fixture x = setup();
    static const char *const dirs[] = {"p", "p/a", "p/b"};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        TAP_CHECK(mkdirat(x.root, dirs[i], 0755) == 0);
    put_text(&x, "p/README", "R");
    put_text(&x, "p/a/x", "x");
    put_text(&x, "p/b/x", "x");
    put_text(&x, "r", "r");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("hides %s", cases[i].title);
        put_text(&x, "Dockerfile", cases[i].file);
        cleanup_sent struct sent s = send_tree(&x, 2, SEND_TAR, cases[i].change);
        struct bytes want = bytes_of(cases[i].hides);
        TAP_CHECKF(s.result == 0, "%s", s.failure.text);
        TAP_CHECK(memmem(s.bytes.at, s.bytes.len, want.at, want.len));
        TAP_CHECK(s.stats.rewritten == (want.len > 0));
        TAP_CHECKF(s.n_notes == cases[i].n_notes, "%zu notes", s.n_notes);
    }
    test_refusals(&x);
    teardown(&x);
    return tap_end();
}
