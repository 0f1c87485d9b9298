/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/pivots.c: the sources of COPY --parents that have a pivot. */
#include "ask.h"
#include "dockerfile.h"
#include "pivots.h"
#include "tap.h"

#include <errno.h>

/* want: for each pivot `line stage path`, then `>head`, `!` of a trigger, `?` if a variable in
 * it is unknown. */
static const struct {
    const char *source, *file, *options, *want;
} cases[] = {
    {"a plain path has no head of its own", "FROM scratch\nCOPY --parents a/./b /d/\n", "",
     "2 0 a;"},
    {"the components before the first wildcard", "FROM scratch\nCOPY --parents a/b/*/c/./d /\n",
     "", "2 0 a/b/*/c>a/b;"},
    {"a wildcard at the top", "FROM scratch\nCOPY --parents */./b /d/\n", "", "2 0 *;"},
    {"cut at the first pivot, clean", "FROM scratch\nCOPY --parents ./a/../b/./c/./d /\n", "",
     "2 0 b;"},
    {"the root", "FROM scratch\nCOPY --parents /./a .//./b /d/\n", "", ""},
    {"no pivot", "FROM scratch\nCOPY --parents a/b /d/\nCOPY a/./b /d/\nADD a/./b /d/\n", "",
     ""},
    {"--parents=false", "FROM scratch\nCOPY --parents=false a/./b /d/\n", "", ""},
    {"a stage that isn't built",
     "FROM scratch AS x\nCOPY --parents a/./b /\nFROM scratch\nCOPY --parents c/./d /\n",
     "last", "4 1 c;"},
    {"a value of the file", "FROM scratch\nENV E=q\nCOPY --parents $E/./b /\n", "", "3 0 q;"},
    {"a value that is not final", "FROM scratch\nARG A=q\nCOPY --parents $A/./b /\n", "",
     "3 0 q?;"},
    {"a value that is final", "FROM scratch\nARG A=q\nCOPY --parents $A/./b /\n", "final",
     "3 0 q;"},
    {"what climbs behind the pivot", "FROM scratch\nCOPY --parents a/./../b /\n", "",
     "2 0 a?;"},
    {"triggers", "FROM scratch AS x\nONBUILD COPY --parents a/./b /\nFROM x\n", "last",
     "2 1 a!;"},
    {"triggers of a base", "FROM base\n", "base=base;onbuild=COPY --parents a/./b /",
     "1 0 a!;"},
    {"a copy from elsewhere", "FROM scratch\nCOPY --from=x --parents a/./b /\n", "", ""},
    {"the classic builder has no --parents", "FROM scratch\nCOPY --parents a/./b /\n",
     "classic", ""},
};

static struct bytes pivots_text(struct arena *arena, const struct reads *reads)
{
    struct bytes text = BYTES("");
    for (size_t i = 0; reads && i < reads->n_pivots; i++) {
        const struct df_pivot *p = &reads->pivots[i];
        struct bytes head = p->head ? p->head->at[0].pattern : BYTES("");
        text = arena_printf(arena, "%.*s%u %u %.*s%s%.*s%s%s;", BYTES_ARG(text), p->line,
                            p->stage, BYTES_ARG(p->path), p->head ? ">" : "", BYTES_ARG(head),
                            p->trigger ? "!" : "", p->unsure ? "?" : "");
    }
    return text;
}

static void too_many(void)
{
    cleanup_buf struct buf text = BUF(1u << 20);
    struct dockerfile *df = NULL;
    struct reads *reads = NULL;
    struct failure f = {0};
    tap_case("more than PIVOTS_MAX end in a message");
    int r = buf_addf(&text, "FROM scratch\n");
    for (int i = 0; r >= 0 && i <= PIVOTS_MAX; i++)
        r = buf_addf(&text, "COPY --parents a/./b /\n");
    r = dockerfile_parse(BYTES("Dockerfile"), buf_bytes(&text), &df, &f);
    if (r == 0)
        r = dockerfile_reads(df, &(struct df_request){0}, NULL, &reads, &f);
    TAP_CHECK(r == -E2BIG);
    TAP_EQUAL(bytes_of(f.text), BYTES("Dockerfile:1002: the file has more than 1000 sources "
                                      "with a pivot"));
    dockerfile_free(df);
}

int main(void)
{
    too_many();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena arena = {0};
        struct dockerfile *df = NULL;
        struct reads *reads = NULL;
        struct failure f = {0};
        struct ask ask;
        tap_case("%s", cases[i].source);
        ask_read(&ask, cases[i].options);
        int r = dockerfile_parse(BYTES("Dockerfile"), bytes_of(cases[i].file), &df, &f);
        if (r == 0)
            r = dockerfile_reads(df, &ask.request, NULL, &reads, &f);
        if (TAP_CHECKF(r == 0, "%s", f.text))
            TAP_EQUAL(pivots_text(&arena, reads), bytes_of(cases[i].want));
        reads_free(reads);
        dockerfile_free(df);
    }
    return tap_end();
}
