/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/stages.c: which stages run, and with them which triggers. */
#include "reads-rows.h"
#include "tap.h"

static const struct reads_row rows[] = {
    {"no target: every stage", "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\n", "",
     "a b"},
    {"§1.4 a target and what it needs",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM a AS c\nCOPY c /\n",
     "target=c;buildkit", "a c"},
    {"§1.4 [V] a target in upper or lower case", "FROM scratch AS a\nCOPY a /\nFROM scratch\n",
     "target=A;buildkit", "a"},
    {"§1.4 [V] classic runs all stages up to the target",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM scratch AS c\nCOPY c /\n",
     "target=b;classic", "a b"},
    {"any builder: what either reads",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM scratch AS c\nCOPY c /\n",
     "target=b", "a b"},
    {"a digest means the last stage",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\n", "last;buildkit", "b"},
    {"§1.4 a COPY needs a stage by number or name",
     "FROM scratch\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM scratch\nCOPY c /\nFROM "
     "scratch AS t\nCOPY --from=0 x /\nCOPY --from=B x /\n",
     "target=t;buildkit", "a b"},
    {"strconv.Atoi: +0 is a number",
     "FROM scratch\nCOPY a /\nFROM scratch AS t\nCOPY --from=+0 x /\n", "target=t;buildkit",
     "a"},
    {"§1.4 a mount needs a stage by name only",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM alpine AS t\nRUN "
     "--mount=from=b,target=/x --mount=from=0,target=/y true\n",
     "target=t;buildkit", "b"},
    {"convert_runmount.go: a cache from a stage",
     "FROM scratch AS a\nCOPY a /\nFROM alpine AS t\nRUN --mount=type=cache,from=a,target=/x "
     "true\n",
     "target=t;buildkit", "a"},
    {"§1.4 a later name shadows",
     "FROM scratch AS a\nCOPY a /\nFROM scratch AS a\nCOPY b /\nFROM a AS t\n",
     "target=t;buildkit", "b"},
    {"§1.4 a later name shadows only for later lines",
     "FROM scratch AS a\nCOPY a /\nFROM a AS t\nFROM scratch AS a\nCOPY b /\n",
     "target=t;buildkit", "a"},
    {"convert.go addState: a stage may be called scratch",
     "FROM alpine AS scratch\nCOPY a /\nFROM scratch AS t\n", "target=t;buildkit", "a"},
    {"§1.4 [V] a number is no target", "FROM scratch AS a\nFROM scratch AS b\n", "target=0",
     "\"Dockerfile\" has no stage \"0\"; its stages are a, b"},
    {"a target in a file without stage names", "FROM scratch\n", "target=x",
     "\"Dockerfile\" has no stage \"x\"; none of its stages has a name"},
    {"§1.3 FROM sees globals only",
     "ARG B=a\nFROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM $B AS t\n",
     "target=t;final;buildkit", "a"},
    {"promise 3: a base of any name",
     "ARG B=a\nFROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM $B AS t\n",
     "target=t;buildkit", ".~ a b"},
    {"§1.4 [V] ONBUILD of a stage runs in the next",
     "FROM scratch AS a\nONBUILD COPY b /\nFROM a AS t\nCOPY c /\n", "target=t", "b c"},
    {"§1.4 ONBUILD does not run in its own stage",
     "FROM scratch AS a\nONBUILD COPY b /\nCOPY c /\n", "", "c"},
    {"convert.go init: ONBUILD runs in the next stage only, not in the one after",
     "FROM scratch AS a\nONBUILD COPY $V /\nFROM a AS b\nENV V=v\nFROM b AS t\n", "", "."},
    {"a trigger that needs a stage",
     "FROM scratch AS s\nCOPY s /\nFROM scratch AS a\nONBUILD COPY --from=s x /\nFROM a AS t\n",
     "target=t;buildkit", "s"},
    {"a trigger with a mount",
     "FROM alpine AS a\nONBUILD RUN --mount=source=m,target=/m true\nFROM a\n", "", "m"},
};

int main(void)
{
    reads_rows(rows, ARRAY_SIZE(rows));
    return tap_end();
}
