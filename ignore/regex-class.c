/* SPDX-License-Identifier: Apache-2.0 */
#include "regex-class.h"

#include "unicode.h"

#include <errno.h>
#include <stdlib.h>

/* A named class: ranges of ASCII, as pairs of the first and the last character. */
struct named_class {
    const char *name;
    const char *pairs;
    size_t n_pairs;
};

static void class_add_named(struct class_builder *c, const struct named_class *named,
                            bool negated)
{
    struct class_builder own = {0};
    for (size_t i = 0; i < named->n_pairs; i++)
        class_add(&own, (uint8_t)named->pairs[2 * i], (uint8_t)named->pairs[2 * i + 1]);
    if (negated)
        class_negate(&own);
    class_add_all(c, &own);
    free(own.ranges);
}

/* Source: Go regexp/syntax, perl_groups.go. */
static const struct named_class perl_classes[] = {
    {"d", "09", 1},
    {"s", "\t\n\f\r  ", 3},
    {"w", "09AZ__az", 4},
};
static const struct named_class posix_classes[] = {
    {"alnum", "09AZaz", 3},
    {"alpha", "AZaz", 2},
    {"ascii", "\0\x7f", 1},
    {"blank", "\t\t  ", 2},
    {"cntrl", "\0\x1f\x7f\x7f", 2},
    {"digit", "09", 1},
    {"graph", "!~", 1},
    {"lower", "az", 1},
    {"print", " ~", 1},
    {"punct", "!/:@[`{~", 4},
    {"space", "\t\r  ", 2},
    {"upper", "AZ", 1},
    {"word", "09AZ__az", 4},
    {"xdigit", "09AFaf", 3},
};

/* `[:alpha:]` or `[:^alpha:]` inside a class. 0: it is something else. */
static int class_take_posix(struct bytes *text, struct class_builder *c)
{
    struct bytes t = bytes_from(*text, 2);
    size_t len = 0;
    while (len + 1 < t.len && !(t.at[len] == ':' && t.at[len + 1] == ']'))
        len++;
    if (len + 1 >= t.len)
        return 0;
    struct bytes name = bytes_head(t, len);
    bool negated = name.len && name.at[0] == '^';
    name = bytes_from(name, negated);
    for (size_t i = 0; i < ARRAY_SIZE(posix_classes); i++)
        if (bytes_equal(name, bytes_of(posix_classes[i].name))) {
            class_add_named(c, &posix_classes[i], negated);
            *text = bytes_from(t, len + 2);
            return 1;
        }
    return -EINVAL;
}

/* `\pL`, `\p{Greek}`, `\P…`, `\p{^…}`. */
static int class_take_group(struct bytes *text, struct class_builder *c)
{
    bool negated = text->at[1] == 'P';
    struct bytes t = bytes_from(*text, 2), name;
    if (t.len == 0)
        return -EINVAL;
    if (t.at[0] == '{') {
        size_t end = bytes_find(t, '}');
        if (end == t.len)
            return -EINVAL;
        name = bytes_from(bytes_head(t, end), 1);
        *text = bytes_from(t, end + 1);
    } else {
        uint32_t rune;
        name = bytes_head(t, utf8_decode(t, &rune));
        *text = bytes_from(t, name.len);
    }
    if (name.len && name.at[0] == '^') {
        negated = !negated;
        name = bytes_from(name, 1);
    }
    return class_add_group(c, name, negated) ? 1 : -EINVAL;
}

int class_parse_escape(struct bytes *text, struct class_builder *c)
{
    if (text->len < 2 || text->at[0] != '\\')
        return 0;
    uint8_t letter = text->at[1];
    if (letter == 'p' || letter == 'P')
        return class_take_group(text, c);
    for (size_t i = 0; i < ARRAY_SIZE(perl_classes); i++)
        if ((letter | 0x20) == perl_classes[i].name[0] && letter >= 'A') {
            class_add_named(c, &perl_classes[i], letter < 'a');
            *text = bytes_from(*text, 2);
            return 1;
        }
    return 0;
}

/* Takes what follows `\x`: two digits, or digits in braces. */
static int rune_take_hex(struct bytes *t, uint32_t *ret)
{
    uint32_t rune = 0;
    size_t digits = 0;
    bool braced = t->len && t->at[0] == '{';
    *t = bytes_from(*t, braced);
    while (t->len && (braced ? t->at[0] != '}' : digits < 2)) {
        int digit = hex_digit(t->at[0]);
        if (digit < 0)
            return -EINVAL;
        rune = rune * 16 + (uint32_t)digit;
        if (rune > RUNE_MAX)
            return -EINVAL;
        digits++;
        *t = bytes_from(*t, 1);
    }
    if (braced ? digits == 0 || t->len == 0 : digits != 2)
        return -EINVAL;
    *t = bytes_from(*t, braced);
    *ret = rune;
    return 1;
}

int rune_parse_escape(struct bytes *text, uint32_t *ret)
{
    struct bytes t = bytes_from(*text, 1);
    if (t.len == 0)
        return -EINVAL;
    uint32_t rune;
    t = bytes_from(t, utf8_decode(t, &rune));
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    const char *letter = rune && rune < 128 ? strchr(letters, (int)rune) : NULL;
    bool digit_next = t.len && t.at[0] >= '0' && t.at[0] <= '7';
    bool word = (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') ||
                (rune >= 'a' && rune <= 'z');
    if (letter) {
        rune = (uint8_t)values[letter - letters];
    } else if (rune == '0' || (rune >= '1' && rune <= '7' && digit_next)) {
        rune -= '0';
        for (int i = 1; i < 3 && t.len && t.at[0] >= '0' && t.at[0] <= '7'; i++) {
            rune = rune * 8 + (t.at[0] - '0');
            t = bytes_from(t, 1);
        }
    } else if (rune == 'x') {
        if (rune_take_hex(&t, &rune) < 0)
            return -EINVAL;
    } else if (rune >= 128 || word) {
        return -EINVAL;
    }
    *text = t;
    *ret = rune;
    return 1;
}

static int class_take_bound(struct bytes *t, uint32_t *ret)
{
    if (t->len == 0)
        return -EINVAL;
    if (t->at[0] == '\\')
        return rune_parse_escape(t, ret);
    *t = bytes_from(*t, utf8_decode(*t, ret));
    return 1;
}

int class_parse(struct bytes *text, struct class_builder *c)
{
    struct bytes t = bytes_from(*text, 1);
    bool negated = t.len && t.at[0] == '^';
    t = bytes_from(t, negated);
    /* A ']' that comes first is a member of the class. */
    for (bool first = true; t.len == 0 || t.at[0] != ']' || first; first = false) {
        int r = 0;
        if (t.len > 2 && t.at[0] == '[' && t.at[1] == ':')
            r = class_take_posix(&t, c);
        if (r == 0)
            r = class_parse_escape(&t, c);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        uint32_t low, high;
        if (class_take_bound(&t, &low) < 0)
            return -EINVAL;
        high = low;
        if (t.len >= 2 && t.at[0] == '-' && t.at[1] != ']') {
            t = bytes_from(t, 1);
            if (class_take_bound(&t, &high) < 0 || high < low)
                return -EINVAL;
        }
        class_add(c, low, high);
    }
    if (negated)
        class_negate(c);
    *text = bytes_from(t, 1);
    return 1;
}
