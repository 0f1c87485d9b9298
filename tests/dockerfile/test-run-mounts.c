/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/run-mounts.c: what a RUN --mount reads. */
#include "reads-rows.h"
#include "tap.h"

static const struct reads_row rows[] = {
    {"§1.1 bind is the default, all of the context",
     "FROM alpine\nRUN --mount=target=/x true\n", "", "."},
    {"§1.1 bind with a source",
     "FROM alpine\nRUN --mount=type=bind,source=a,target=/x --mount=dst=/y,src=./b/../c true\n",
     "", "a c"},
    {"§1.1 from a stage",
     "FROM scratch AS s\nCOPY q /\nFROM alpine\nRUN --mount=from=s,source=a,target=/x true\n",
     "", "q"},
    {"§1.1 cache, secret, ssh, tmpfs read nothing",
     "FROM alpine\nRUN --mount=type=cache,target=/a --mount=type=secret,id=b --mount=type=ssh "
     "--mount=type=tmpfs,target=/c true\n",
     "", ""},
    {"commands_runmount.go: keys in any case and order",
     "FROM alpine\nRUN --mount=Target=/x,SOURCE=a,TYPE=BIND true\n", "", "a"},
    {"encoding/csv: quoted fields",
     "FROM alpine\nRUN --mount=\"type=bind,\\\"source=a,b\\\",target=/x\" true\n", "", "a,b"},
    {"a mount's source is no pattern", "FROM alpine\nRUN --mount=source=a*,target=/x true\n",
     "", "a*!"},
    {"§1.3 [V] old builders take ${S} as written",
     "FROM scratch\nENV S=q\nRUN --mount=source=${S}/r,target=/x true\n", "", "${S}/r q/r"},
    {"§1.3 an unknown part widens",
     "FROM scratch\nARG S\nRUN --mount=source=q/${S},target=/x true\n", "", "q/${S} q~"},
    {"§1.3 an unknown type may be bind",
     "FROM scratch\nARG T\nRUN --mount=type=$T,source=q,target=/x true\n", "", "q"},
    {"moby: the classic builder has no mounts",
     "FROM alpine\nRUN --mount=source=a,target=/x true\n", "classic", ""},
};

int main(void)
{
    reads_rows(rows, ARRAY_SIZE(rows));
    return tap_end();
}
