/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/lex.c: what quotes and escapes do in a word. */
#include "expand-rows.h"
#include "tap.h"

static void test_quotes(void)
{
    tap_case("quotes are removed, and protect: single ones all, double ones not a $");
    EXPAND_ROWS('\\', {"a'b c'd", "ab cd"}, {"'$A'", "$A"}, {"'\\'", "\\"},
                {"\"$A\"", "a/b.c.c"}, {"\"'$A'\"", "'a/b.c.c'"}, {"'\"'", "\""}, {"\"\"", ""},
                {"''x", "x"}, {"$Q", "it's"}, {"\"a\\\"b\"", "a\"b"}, {"\"\\$A\\\\\"", "$A\\"},
                {"\"\\a\"", "\\a"}, {"it's", NULL}, {"\"a", NULL}, {"'a", NULL},
                {"\"a\\", NULL}, {"\"${A\"", NULL});

    tap_case("an escape makes the next character plain and is gone, also at the end");
    EXPAND_ROWS('\\', {"a\\b", "ab"}, {"\\$A", "$A"}, {"\\\\", "\\"}, {"\\'", "'"},
                {"a\\", "a"}, {"\\ ", " "}, {"`$A", "`a/b.c.c"});
    EXPAND_ROWS('`', {"a\\b", "a\\b"}, {"`$A", "$A"}, {"``", "`"}, {"c:\\$A", "c:\\a/b.c.c"},
                {"\"`\"\\a\"", "\"\\a"});

    tap_case("quoted glob characters leave no trace, escaped ones need two");
    EXPAND_ROWS('\\', {"a\\*b", "a*b"}, {"'*'", "*"}, {"a\\\\*b", "a\\*b"}, {"[\\[]", "[[]"});

    tap_case("a byte that is no UTF-8 becomes U+FFFD, a byte-order mark in front is dropped");
    EXPAND_ROWS('\\', {"a\xff", "a\xef\xbf\xbd"}, {"'\xff'", "\xef\xbf\xbd"},
                {"\xef\xbb\xbf"
                 "a",
                 "a"},
                {"a\xef\xbb\xbf", "a\xef\xbb\xbf"}, {"\xc3\xa9", "\xc3\xa9"});
}

int main(void)
{
    test_quotes();
    return tap_end();
}
