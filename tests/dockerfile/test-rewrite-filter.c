/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/rewrite-filter.c, and how rewrite.c uses it: names hidden from an instruction. */
#include "dockerfile.h"
#include "rewrite-filter.h"
#include "tap.h"

#include <errno.h>

static struct bytes one[] = {BYTES("p/R"), BYTES("Dockerfile")}, two[] = {BYTES("q?r")};

#define SOME "--exclude=p/R --exclude=Dockerfile . /\n"

static const struct {
    const char *source, *tar, *file, *want; /* want: the text; or "!" and the message */
} cases[] = {
    {"the line reads a stage without the names, all others the context", "",
     "FROM scratch\nCOPY --parents p/*/./x /d/\nCOPY y /d/\n",
     "FROM scratch AS ctxd-context\nCOPY " SOME
     "FROM scratch\nCOPY --from=ctxd-context --parents p/*/./x /d/\nCOPY y /d/\n"},
    {"beside an inner tar", "ctx.tar", "FROM scratch\nCOPY --parents p/*/./x /d/\nCOPY y /d/\n",
     "FROM scratch AS ctxd-context\nADD ctx.tar /\nFROM scratch AS ctxd-context-2\nCOPY "
     "--from=ctxd-context " SOME "FROM scratch\nCOPY --from=ctxd-context-2 --parents p/*/./x "
     "/d/\nCOPY --from=ctxd-context y /d/\n"},
    {"lines that hide the same share a stage; numbers grow by the added stages", "",
     "FROM scratch\nCOPY --parents p/*/./x /d/\nCOPY --parents p/*/./y /d/\nFROM scratch\nCOPY "
     "--from=0 x /\nCOPY --parents */./x /d/\n",
     "FROM scratch AS ctxd-context\nCOPY " SOME
     "FROM scratch AS ctxd-context-2\nCOPY --exclude=q?r . /\nFROM scratch\nCOPY "
     "--from=ctxd-context --parents p/*/./x /d/\nCOPY --from=ctxd-context --parents p/*/./y "
     "/d/\nFROM scratch\nCOPY --from=2 x /\nCOPY --from=ctxd-context-2 --parents */./x /d/\n"},
    {"ADD and mounts go on reading the context", "",
     "FROM scratch\nCOPY --parents p/*/./x /d/\nADD y /\nRUN --mount=target=/m true\n",
     "FROM scratch AS ctxd-context\nCOPY " SOME "FROM scratch\nCOPY --from=ctxd-context "
     "--parents p/*/./x /d/\nADD y /\nRUN --mount=target=/m true\n"},
    {"a base that may have triggers", "", "FROM x\nCOPY --parents p/*/./x /d/\n",
     "FROM scratch AS ctxd-context\nCOPY " SOME
     "FROM x\nCOPY --from=ctxd-context --parents p/*/./x /d/\n"},
    {"a trigger that names a stage by its number", "",
     "FROM scratch AS a\nONBUILD COPY --from=0 x /\nFROM a\n",
     "!Dockerfile:2: an ONBUILD trigger names a stage by its number"},
};

static void long_lines(void)
{
    cleanup_arena struct arena arena = {0};
    struct bytes many[300];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = arena_printf(&arena, "some/directory/file-%zu", i);
    struct df_hide hide = {.line = 1, .patterns = many, .n = ARRAY_SIZE(many)};
    struct filter filter = {&hide, BYTES("f")};
    tap_case("many names are spread over lines, with the escape of the file");
    struct bytes rest = filter_text(&arena, &filter, BYTES("c"), '`', true), line;
    size_t n = 0;
    for (; bytes_next(&rest, '\n', &line); n++)
        TAP_CHECK(line.len < 5000 && (n == 0 || !rest.len || bytes_ends(line, BYTES(" `"))));
    TAP_CHECKF(n > 2, "%zu", n);
}

int main(void)
{
    const struct df_hide hides[] = {{2, one, 2, 2}, {3, one, 2, 2}, {6, two, 1, 1}};
    long_lines();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena arena = {0};
        struct dockerfile *df = NULL;
        struct failure f = {0};
        struct bytes text = {0}, want = bytes_of(cases[i].want);
        tap_case("%s", cases[i].source);
        int r = dockerfile_parse(BYTES("Dockerfile"), bytes_of(cases[i].file), &df, &f);
        TAP_CHECKF(r == 0, "%s", f.text);
        size_t n = 0;
        while (r == 0 && n < 3 && hides[n].line <= df->n_instructions &&
               df->instructions[hides[n].line - 1].n_flags &&
               bytes_equal(df->instructions[hides[n].line - 1].flags[0].name, BYTES("parents")))
            n++;
        struct df_rewrite ask = {
            .tar_name = bytes_of(cases[i].tar), .hides = hides, .n_hides = n};
        if (r == 0)
            r = dockerfile_rewrite(df, &(struct df_request){0}, &ask, &arena, &text, &f);
        if (want.at[0] == '!') {
            TAP_CHECK(r == -EOPNOTSUPP);
            TAP_EQUAL(bytes_of(f.text), bytes_from(want, 1));
        } else if (TAP_CHECKF(r == 0, "%s", f.text)) {
            TAP_EQUAL(text, want);
        }
        dockerfile_free(df);
    }
    return tap_end();
}
