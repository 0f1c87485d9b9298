/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/expand.c: names, choices, what is certain of a word with unknown variables, and
 * what hostile words cost. */
#include "expand-rows.h"
#include "tap.h"

#include <errno.h>

static void test_names(void)
{
    tap_case("a name is letters, digits and _; or digits; or one special character");
    EXPAND_ROWS('\\', {"$A", "a/b.c.c"}, {"${A}", "a/b.c.c"}, {"$A.x", "a/b.c.c.x"},
                {"$AX", ""}, {"${A}X", "a/b.c.cX"}, {"$A_", ""}, {"$1x", "onex"},
                {"$12", "twelve"}, {"$123", ""}, {"$@x", "atx"}, {"${@}", "at"}, {"$@@", "at@"},
                {"$$A", "A"}, {"$", "$"}, {"a$", "a$"}, {"$.", "$."}, {"$/A", "$/A"},
                {"$\xc3\xa9", "e"}, {"$\xc3\xa9\xc3\xa9", ""}, {"$A\xd9\xa1", ""},
                {"$A\xe2\x82\xac", "a/b.c.c\xe2\x82\xac"}, {"$\"A\"", "$A"}, {"$X", ""},
                {"a$X/b", "a/b"}, {"$S", "x y"}, {"$'A'", "$A"});

    tap_case("a substitution that is malformed is refused");
    EXPAND_ROWS('\\', {"${", NULL}, {"${}", NULL}, {"${A", NULL}, {"${:x}", NULL},
                {"${{A}}", NULL}, {"${.}", NULL}, {"${A!b}", NULL}, {"${A=b}", NULL},
                {"${A:=b}", NULL}, {"${A:b}", NULL}, {"${A:}", NULL}, {"${A:", NULL},
                {"${A:-b", NULL}, {"${A#b", NULL}, {"${A:#b}", NULL}, {"${A:%b}", NULL},
                {"${A:/a/b}", NULL}, {"${A/b}", NULL}, {"${A/b/c", NULL}, {"${A-'}", NULL},
                {"${A}}", "a/b.c.c}"});
}

static void test_choices(void)
{
    tap_case("${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?w} ${x?w} choose");
    EXPAND_ROWS('\\', {"${A:-w}", "a/b.c.c"}, {"${E:-w}", "w"}, {"${X:-w}", "w"},
                {"${A-w}", "a/b.c.c"}, {"${E-w}", ""}, {"${X-w}", "w"}, {"${A:+w}", "w"},
                {"${E:+w}", ""}, {"${X:+w}", ""}, {"${A+w}", "w"}, {"${E+w}", "w"},
                {"${X+w}", ""}, {"${A:?m}", "a/b.c.c"}, {"${E:?m}", NULL}, {"${X:?}", NULL},
                {"${E?m}", ""}, {"${X?m}", NULL}, {"${X:-}", ""}, {"${-w}", NULL},
                {"${+w}", ""});

    tap_case("their word is expanded, quotes and all, whether it is taken or not");
    EXPAND_ROWS('\\', {"${X:-$A}", "a/b.c.c"}, {"${X:-${E:-${X:-'a }'}}}b", "a }b"},
                {"${X:-\\}}", "}"}, {"${X:-\"$S\"}", "x y"}, {"${X:-a\\b}", "ab"},
                {"${X:-{a}", "{a"}, {"${A:-${X?}}", NULL}, {"${X:--}", "-"}, {"${X:-:-}", ":-"},
                {"${A:+$A$A}", "a/b.c.ca/b.c.c"});
}

/* ---- the unknown ------------------------------------------------------------------------ */

struct unknown_row {
    const char *word, *certain, *guess; /* guess: what follows what is certain */
    const char *variable;               /* NULL: nothing is unknown */
};

static void test_unknown(void)
{
    static const struct unknown_row rows[] = {
        {"a/$U/b", "a/", "/b", "U"},
        {"$U", "", "", "U"},
        {"a/$P", "a/", "guess/b", "P"},
        {"$A/${U}x$P", "a/b.c.c/", "xguess/b", "U"},
        {"'$U'\\$U", "$U$U", "", NULL},
        {"\"a $U\"", "a ", "", "U"},
        {"a${U:-b}c", "a", "bc", "U"},
        {"a${U-b}c", "a", "bc", "U"},
        {"a${U:+b}c", "a", "c", "U"},
        {"a${U+b}c", "a", "c", "U"},
        {"a${P:+b}c", "a", "bc", "P"},
        {"a${U?b}", "a", "", "U"},
        {"a${U:?}", "a", "", "U"},
        {"a${U#b}", "a", "", "U"},
        {"a${P#guess}", "a", "/b", "P"},
        {"a${P%/*}", "a", "guess", "P"},
        {"a${P//s/t}", "a", "guett/b", "P"},
        /* The variable is known, and its word or pattern unknown. */
        {"${A:-$U}", "a/b.c.c", "", NULL},
        {"${A-$U}", "a/b.c.c", "", NULL},
        {"${E:-x$U}y", "x", "y", "U"},
        {"${X:+$U}y", "y", "", NULL},
        {"${A:+x${U}z}y", "x", "zy", "U"},
        {"${A?$U}", "a/b.c.c", "", NULL},
        {"x${A#$U}", "x", "a/b.c.c", "U"},
        {"x${A##$U*}", "x", "", "U"},
        {"x${A%$P}", "x", "a/b.c.c", "P"},
        {"x${E#$U}y", "xy", "", NULL},
        {"x${X%$U}y", "xy", "", NULL},
        {"x${A#\\\\$U}", "x", "a/b.c.c", "U"},
        {"x${A#'\\'$U}", "x", "a/b.c.c", "U"},
        {"x${A/$U/y}", "x", "ya/b.c.c", "U"},
        {"x${A/c/<$U>}y", "xa/b.", "<>.cy", "U"},
        {"x${A//c/$U}y", "xa/b.", ".y", "U"},
        {"x${A/q/$U}y", "xa/b.c.cy", "", NULL},
        {"x${E//$U/y}", "x", "y", "U"},
        {"x${E///$U}y", "x", "y", "U"},
        {"${X:-${X:-a$U}b}", "a", "b", "U"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_arena struct arena arena = {0};
        struct failure f = {0};
        struct df_expanded e;
        tap_case("of %s %s is certain", rows[i].word, QUOTE(bytes_of(rows[i].certain)));
        if (!TAP_CHECKF(df_expand(&arena, bytes_of(rows[i].word), '\\', expand_look_up, NULL,
                                  &e, &f) == 0,
                        "%s", f.text))
            continue;
        TAP_EQUAL(bytes_head(e.text, e.known_prefix), bytes_of(rows[i].certain));
        TAP_EQUAL(bytes_from(e.text, e.known_prefix), bytes_of(rows[i].guess));
        TAP_EQUAL(e.variable, bytes_of(rows[i].variable));
        TAP_CHECK(e.unknown == (rows[i].variable != NULL));
    }
    tap_case("an unknown pattern that may be malformed is no error, a known one is");
    EXPAND_ROWS('\\', {"${U#\\a}", NULL}, {"${U/\\a/b}", NULL});
}

/* ---- limits ----------------------------------------------------------------------------- */

struct one {
    struct bytes value;
};

static enum df_value look_up_one(void *scope, struct bytes name, struct bytes *ret_value)
{
    const struct one *one = scope;
    (void)name;
    *ret_value = one->value;
    return DF_KNOWN;
}

static struct bytes fill(struct arena *arena, uint8_t c, size_t n)
{
    uint8_t *at = arena_alloc(arena, n);
    memset(at, c, n);
    return bytes_at(at, n);
}

static int expand_one(struct arena *arena, struct bytes value, struct bytes word,
                      struct failure *f)
{
    struct df_expanded e;
    return df_expand(arena, word, '\\', look_up_one, &(struct one){value}, &e, f);
}

static void test_limits(void)
{
    cleanup_arena struct arena a = {0};
    struct failure f = {0};
    struct bytes most = fill(&a, 'a', EXPAND_MAX);

    tap_case("a result may have EXPAND_MAX bytes, not one more");
    TAP_CHECK(expand_one(&a, most, BYTES("$x"), &f) == 0);
    TAP_CHECK(expand_one(&a, most, BYTES("${x}b"), &f) == -E2BIG);
    TAP_CHECKF(strstr(f.text, "more than 1 MB") != NULL, "%s", f.text);
    TAP_CHECK(expand_one(&a, bytes_head(most, 70000), BYTES("${x//a/0123456789abcdef}"), &f) ==
              -E2BIG);
    TAP_CHECK(expand_one(&a, most, BYTES("${y:-${x}b}"), &f) == -E2BIG);
    TAP_CHECK(expand_one(&a, most, BYTES("${y:+${x}b}"), &f) == -E2BIG);

    tap_case("64 levels of nesting are taken, not one more");
    for (int levels = 63; levels <= 64; levels++) {
        cleanup_buf struct buf word = BUF(1000);
        for (int i = 0; i < levels; i++)
            TAP_CHECK(buf_addf(&word, "${x:-") == 0);
        for (int i = 0; i < levels; i++)
            TAP_CHECK(buf_add_byte(&word, '}') == 0);
        int want = levels == 63 ? 0 : -E2BIG; /* the word itself is one */
        TAP_CHECK(expand_one(&a, BYTES("v"), buf_bytes(&word), &f) == want);
    }

    tap_case("a pattern that would take too long is refused");
    struct bytes pattern =
        BYTES("${x//*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b/c}");
    TAP_CHECK(expand_one(&a, bytes_head(most, 10000), pattern, &f) == 0);
    TAP_CHECK(expand_one(&a, most, pattern, &f) == -E2BIG);
    TAP_CHECKF(strstr(f.text, "too long for a value") != NULL, "%s", f.text);

    tap_case("the sum of all results in an arena is bounded, and so is their work");
    static const char *const words[] = {"$x", "${x//*b/c}", "${x:+}"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        cleanup_arena struct arena sum = {0};
        size_t n = 0;
        int r = 0;
        while (r == 0 && n < 2000)
            r = expand_one(&sum, most, bytes_of(words[i]), &f), n++;
        if (i + 1 < ARRAY_SIZE(words))
            TAP_CHECKF(r == -E2BIG, "%s: %d after %zu", words[i], r, n);
        TAP_CHECK(sum.used_bytes < EXPAND_ARENA_MAX + 8 * EXPAND_MAX);
    }
}

int main(void)
{
    test_names();
    test_choices();
    test_unknown();
    test_limits();
    return tap_end();
}
