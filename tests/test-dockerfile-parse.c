/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_parse(): lines, directives, continuations, heredocs, flags, words, offsets. */
#include "dockerfile.h"
#include "tap.h"

#include <errno.h>

static struct dockerfile *parse(struct bytes text)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    TAP_CHECKF(r == 0, "%s: %s", QUOTE(text), f.text);
    return r == 0 ? df : NULL;
}

int main(void)
{
    tap_case("a file of two stages gives its instructions and stages");
    struct dockerfile *df =
        parse(BYTES("ARG V=1\nFROM base:$V AS One\nCOPY --from=x a b /c/\n"
                    "from One\nRUN cat <<EOF\nCOPY no thing\nEOF\nENV k v w\n"));
    if (df) {
        TAP_CHECK(df->n_instructions == 6 && df->n_stages == 2);
        TAP_EQUAL(df->stages[0].name, BYTES("one"));
        TAP_CHECK(df->instructions[0].stage == DF_GLOBAL && df->stages[1].end == 6);
        TAP_EQUAL(df->instructions[2].flags[0].value, BYTES("x"));
        TAP_EQUAL(df->instructions[4].heredocs[0].body, BYTES("COPY no thing\n"));
        TAP_EQUAL(df->instructions[5].words[1], BYTES("v w"));
    }
    dockerfile_free(df);
    return tap_end();
}
