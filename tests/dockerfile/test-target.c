/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/target.c: which stage a target means, and when its spelling counts. */
#include "ask.h"
#include "tap.h"

#define TWO "FROM scratch AS one\nFROM one AS Two\n"

static const struct {
    const char *title, *text, *options;
    uint32_t first, last;
    const char *spelling;
} rows[] = {
    {"no target: the last stage", TWO, "", 1, 1, ""},
    {"§1.4 [V] a name in upper or lower case", TWO, "target=TWO", 1, 1, ""},
    {"another stage", TWO, "target=one", 0, 0, ""},
    {"no stage of that name", TWO, "target=x", UINT32_MAX, UINT32_MAX, ""},
    {"a number is no target", TWO, "target=1", UINT32_MAX, UINT32_MAX, ""},
    {"two stages with one name: either", "FROM scratch AS x\nFROM scratch AS x\n", "target=x",
     0, 1, ""},
    {"... the last for BuildKit", "FROM scratch AS x\nFROM scratch AS x\n", "target=x;buildkit",
     1, 1, ""},
    {"... the first for the classic builder", "FROM scratch AS x\nFROM scratch AS x\n",
     "target=x;classic", 0, 0, ""},
    {"platform.go defaultArgs: TARGETSTAGE is the spelling",
     "FROM scratch AS x\nARG TARGETSTAGE\n", "target=X", 0, 0, "X"},
    {"... also before FROM", "ARG A=${TARGETSTAGE}\nFROM $A AS x\n", "target=X", 0, 0, "X"},
    {"... in FROM", "FROM i-$TARGETSTAGE AS x\n", "target=X", 0, 0, "X"},
    {"... in a line that goes on", "FROM scratch AS x\nARG TARGET\\\nSTAGE\n", "target=X", 0, 0,
     "X"},
    {"... by a name with quotes", "FROM scratch AS x\nARG TARGET\"STAGE\"\n", "target=X", 0, 0,
     "X"},
    {"... by a trigger", "FROM scratch AS x\nONBUILD ARG TARGETSTAGE\n", "target=X", 0, 0, "X"},
    {"... by a trigger of a base image", "FROM i AS x\n",
     "target=X;base=i;onbuild=ARG TARGETSTAGE", 0, 0, "X"},
    {"a text that nothing expands", "FROM scratch AS x\nLABEL a=TARGETSTAGE\n", "target=X", 0,
     0, ""},
    {"a foreign syntax has no stages that we know", "# syntax=a/b\nTAKE .\n", "target=X", 0, 0,
     "X"},
    {"... also by --build-arg", "FROM scratch AS x\n", "target=X;arg=BUILDKIT_SYNTAX=a/b", 0, 0,
     "X"},
};

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ask ask;
        struct failure f = {0};
        struct dockerfile *df = NULL;
        tap_case("%s", rows[i].title);
        ask_read(&ask, rows[i].options);
        if (!TAP_CHECK(dockerfile_parse(BYTES("Dockerfile"), bytes_of(rows[i].text), &df, &f) ==
                       0))
            continue;
        struct df_target target = dockerfile_target(df, &ask.request);
        TAP_CHECKF(target.first == rows[i].first, "first is %u", target.first);
        TAP_CHECKF(target.last == rows[i].last, "last is %u", target.last);
        TAP_EQUAL(target.spelling, bytes_of(rows[i].spelling));
        dockerfile_free(df);
    }
    return tap_end();
}
