/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/read-pattern.c: ${x#p}, ${x%p} and ${x/p/r}. */
#include "expand-rows.h"
#include "tap.h"

static void test_patterns(void)
{
    tap_case("${x#p} ${x##p} cut the shortest, the longest match off the front");
    EXPAND_ROWS('\\', {"${A#a}", "/b.c.c"}, {"${A#*.}", "c.c"}, {"${A##*.}", "c"},
                {"${A#b}", "a/b.c.c"}, {"${A#}", "a/b.c.c"}, {"${A##}", "a/b.c.c"},
                {"${A#?}", "/b.c.c"}, {"${A##*}", ""}, {"${A#*}", "a/b.c.c"}, {"${X#a}", ""},
                {"${A#$G}", "a/b.c.c"}, {"${A#'a'/}", "b.c.c"}, {"${A#a\\/}", "b.c.c"});
    tap_case("${x%%p} ${x%%%%p} cut it off the end");
    EXPAND_ROWS('\\', {"${A%c}", "a/b.c."}, {"${A%.*}", "a/b.c"}, {"${A%%.*}", "a/b"},
                {"${A%%/*}", "a"}, {"${A%?}", "a/b.c."}, {"${A%x}", "a/b.c.c"}, {"${A%%*}", ""},
                {"${A%%%}", "a/b.c.c"}, {"${A%/?.c.c}", "a"});
    tap_case("${x/p/r} ${x//p/r} replace the first longest match, or each");
    EXPAND_ROWS('\\', {"${A/c/x}", "a/b.x.c"}, {"${A//c/x}", "a/b.x.x"},
                {"${A/\\//x}", "axb.c.c"}, {"${A//./}", "a/bcc"}, {"${A/.*/}", "a/b"},
                {"${A/?/x}", "x/b.c.c"}, {"${A//?/x}", "xxxxxxx"}, {"${A/b*c/x}", "a/x"},
                {"${A//x/y}", "a/b.c.c"}, {"${E/x/y}", ""}, {"${E/*/y}", "y"}, {"${A/*/}", ""},
                {"${G//a/b}", "bbb"}, {"${G///-}", "-a-a-b-"}, {"${G//\"\"/-}", "-a-a-b-"},
                {"${G//*/-}", "-"}, {"${A/c/$S}", "a/b.x y.c"});
    tap_case(
        "a backslash escapes * ? \\ and, for the form's own sake, / and }; else it is refused");
    EXPAND_ROWS('\\', {"${B#a\\\\}", "b*"}, {"${B%\\*}", "a\\b"}, {"${B/\\*/x}", "a\\bx"},
                {"${A#\\a}", NULL}, {"${A/\\./x}", NULL}, {"${A%\\a}", NULL},
                {"${X#\\a}", NULL}, {"${B/\\\\/x}", "axb*"}, {"${A/}/x}", "a/b.c.c"},
                {"${A/\\}/x}", "a/b.c.c"});
    tap_case("what quotes make literal stays so in a pattern (since BuildKit 0.34)");
    EXPAND_ROWS('\\', {"${B#'a\\'}", "b*"}, {"${B#\"a\\\\\"}", "b*"}, {"${B%'\\'b*}", "a"});
    tap_case("characters of regular expressions are plain, and nothing crosses a newline");
    EXPAND_ROWS('\\', {"${A/b.c/x}", "a/x.c"}, {"${A/b?c/x}", "a/x.c"},
                {"${A/[a]/x}", "a/b.c.c"}, {"${A/^a/x}", "a/b.c.c"}, {"${N/a*b/x}", "a\nb"},
                {"${N#*}", "a\nb"}, {"${N##*}", "\nb"}, {"${N%%*}", "a\n"},
                {"${N/a?b/x}", "a\nb"}, {"${N//*/x}", "x\nx"});
    tap_case("// hands its replacement to a regular expression, / does not");
    EXPAND_ROWS('\\', {"${G/a/'$0'}", "$0ab"}, {"${G//a/'<$0>'}", "<a><a>b"},
                {"${G//a/'${0}0'}", "a0a0b"}, {"${G//a/'$1'}", "b"}, {"${G//a/'$0x'}", "b"},
                {"${G//a/'$00'}", "b"}, {"${G//a/'$$0'}", "$0$0b"}, {"${G//a/'$'}", "$$b"},
                {"${G//a/'${0'}", "${0${0b"}, {"${G//a/$D}", "aab"},
                {"${G//a/\\$0}", "\\a\\ab"}, {"${G//a/'$-'}", "$-$-b"});
    tap_case("suffixes turn invalid UTF-8 valid, prefixes leave it");
    cleanup_arena struct arena arena = {0};
    struct df_expanded e;
    if (df_expand(&arena, BYTES("${X:-\xff}${X%a}"), '\\', expand_look_up, NULL, &e, NULL) == 0)
        TAP_EQUAL(e.text, BYTES("\xef\xbf\xbd"));
}

int main(void)
{
    test_patterns();
    return tap_end();
}
