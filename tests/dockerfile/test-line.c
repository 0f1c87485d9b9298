/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/line.c: places in the text, and the name in a message. */
#include "parse-rows.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>

/* Checks the parse of the text after `more` is inserted at an offset. */
static void check_put(const struct dockerfile *df, size_t at, const char *more,
                      const char *want)
{
    cleanup_buf struct buf text = BUF(1 << 20), out = BUF(1 << 20);
    if (buf_add_bytes(&text, bytes_head(df->text, at)) < 0 ||
        buf_add_bytes(&text, bytes_of(more)) < 0 ||
        buf_add_bytes(&text, bytes_from(df->text, at)) < 0)
        abort();
    parse_render(buf_bytes(&text), &out);
    TAP_EQUAL(buf_bytes(&out), bytes_of(want));
}

static void test_places(void)
{
    tap_case("places lead back to the text through marks, comments and continuations");
    struct bytes text = BYTES("\xef\xbb\xbf \tFROM a\r\nRU\\\n# c\nN --x=b\\\n# d\n\nc "
                              "--y='d'\\\n e\nCOPY\\\n --link f g\n"
                              "ONBUILD  \\\n COPY h \\\n i\nRUN <<E\nE");
    struct dockerfile *df = parse_good(text);
    if (!df)
        return;
    const struct df_instruction *ins = df->instructions;
    TAP_CHECK(ins[0].at == 5 && ins[0].word_end == 9 && ins[0].end == 13);
    TAP_CHECK(ins[1].at == 13 && text.at[ins[1].word_end - 1] == 'N');
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].at), BYTES("--x=b\\")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].value_at), BYTES("b\\")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[0].value_end), BYTES(" --y=")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[1].flags[1].value_end), BYTES("\\\n e")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[2].word_end), BYTES("\\\n --link")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[2].flags[0].value_end), BYTES(" f g")));
    TAP_CHECK(ins[2].flags[0].value_at == ins[2].flags[0].value_end);
    TAP_CHECK(bytes_starts(bytes_from(text, ins[3].trigger->at), BYTES("COPY h")));
    TAP_CHECK(bytes_starts(bytes_from(text, ins[3].end), BYTES("RUN <<E")));
    TAP_CHECK(ins[4].end == text.len);
    check_put(df, ins[1].flags[0].value_end, ",z",
              "1 FROM [a]\n2-8 RUN --x=bc,z --y=d e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[1].flags[1].value_end, ",z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d,z e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[2].word_end, " --from=z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d e\n9-10 COPY --from=z --link [f][g]\n"
              "11-13 ONBUILD COPY [h][i]\n14-15 RUN <<E {E:}");
    check_put(df, ins[3].trigger->word_end, " --from=z",
              "1 FROM [a]\n2-8 RUN --x=bc --y=d e\n9-10 COPY --link [f][g]\n"
              "11-13 ONBUILD COPY --from=z [h][i]\n14-15 RUN <<E {E:}");
    dockerfile_free(df);
}

static void test_name(void)
{
    tap_case("a name that is no plain text is quoted in messages");
    struct failure f = {0};
    struct dockerfile *df;
    TAP_CHECK(dockerfile_parse(BYTES("a\nb"), BYTES("X"), &df, &f) == -EINVAL);
    TAP_CHECKF(bytes_starts(bytes_of(f.text), BYTES("\"a\\nb\":1: \"X\" is no")), "%s", f.text);
    TAP_CHECK(dockerfile_parse(BYTES("dir/my file"), BYTES("X"), &df, &f) == -EINVAL);
    TAP_CHECKF(bytes_starts(bytes_of(f.text), BYTES("dir/my file:1: ")), "%s", f.text);
}

int main(void)
{
    test_places();
    test_name();
    return tap_end();
}
