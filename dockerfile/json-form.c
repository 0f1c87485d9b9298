/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much JSON as a Dockerfile has: is a text an array, and of strings alone? What is malformed
 * is no error but ordinary words, so this must agree with Go's encoding/json on every byte.
 * First the whole is checked, without recursion; then strings are decoded, which can't fail any
 * more.
 */
#include "json-form.h"

#include <errno.h>

/* Go gives up here, and the text is no JSON then. */
enum { NESTING_MAX = 10000 };

static void json_form_skip_space(struct bytes *rest)
{
    while (rest->len && rest->at[0] && strchr(" \t\r\n", rest->at[0]))
        *rest = bytes_from(*rest, 1);
}

static bool json_form_take(struct bytes *rest, uint8_t c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = bytes_from(*rest, 1);
    return true;
}

/* The number that the first four hex digits of b give, or -1. */
static int32_t json_form_hex4(struct bytes b)
{
    uint32_t value;
    return b.len >= 4 && hex_number(bytes_head(b, 4), &value) ? (int32_t)value : -1;
}

static bool json_form_skip_string(struct bytes *rest)
{
    if (!json_form_take(rest, '"'))
        return false;
    while (rest->len) {
        uint8_t c = rest->at[0];
        if (c < 0x20)
            return false;
        *rest = bytes_from(*rest, 1);
        if (c == '"')
            return true;
        if (c != '\\')
            continue;
        if (rest->len == 0 || rest->at[0] == 0 || !strchr("\"\\/bfnrtu", rest->at[0]))
            return false;
        if (rest->at[0] == 'u' && json_form_hex4(bytes_from(*rest, 1)) < 0)
            return false;
        *rest = bytes_from(*rest, 1);
    }
    return false;
}

/* One digit or more. */
static bool json_form_skip_digits(struct bytes *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->at[n] >= '0' && rest->at[n] <= '9')
        n++;
    *rest = bytes_from(*rest, n);
    return n > 0;
}

static bool json_form_skip_number(struct bytes *rest)
{
    json_form_take(rest, '-');
    if (!json_form_take(rest, '0') && !json_form_skip_digits(rest))
        return false;
    if (json_form_take(rest, '.') && !json_form_skip_digits(rest))
        return false;
    if (json_form_take(rest, 'e') || json_form_take(rest, 'E')) {
        if (!json_form_take(rest, '+'))
            json_form_take(rest, '-');
        return json_form_skip_digits(rest);
    }
    return true;
}

static bool json_form_skip_scalar(struct bytes *rest)
{
    static const struct bytes words[] = {{(const uint8_t *)"true", 4},
                                         {(const uint8_t *)"false", 5},
                                         {(const uint8_t *)"null", 4}};
    if (rest->len && rest->at[0] == '"')
        return json_form_skip_string(rest);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (bytes_starts(*rest, words[i])) {
            *rest = bytes_from(*rest, words[i].len);
            return true;
        }
    }
    return json_form_skip_number(rest);
}

/* `"key":` */
static bool json_form_skip_key(struct bytes *rest)
{
    json_form_skip_space(rest);
    if (!json_form_skip_string(rest))
        return false;
    json_form_skip_space(rest);
    return json_form_take(rest, ':');
}

/* The brackets that are open, objects as set bits. */
struct nest {
    uint8_t is_object[NESTING_MAX / 8 + 1];
    size_t depth;
};

static bool json_form_in_object(const struct nest *nest)
{
    size_t i = nest->depth - 1;
    return nest->is_object[i / 8] >> i % 8 & 1;
}

/* Goes into the array or object in front of rest, up to its first value or its end. */
static bool json_form_enter(struct nest *nest, struct bytes *rest)
{
    bool object = rest->at[0] == '{';
    if (nest->depth == NESTING_MAX)
        return false;
    size_t i = nest->depth++;
    uint8_t bit = (uint8_t)(1u << i % 8), others = (uint8_t)(nest->is_object[i / 8] & ~bit);
    nest->is_object[i / 8] = object ? others | bit : others;
    *rest = bytes_from(*rest, 1);
    json_form_skip_space(rest);
    bool empty = rest->len && rest->at[0] == (object ? '}' : ']');
    return empty || !object || json_form_skip_key(rest);
}

/* Behind a value: leaves what ends there, up to the next value. False: malformed. */
static bool json_form_leave(struct nest *nest, struct bytes *rest)
{
    while (nest->depth) {
        json_form_skip_space(rest);
        bool object = json_form_in_object(nest);
        if (json_form_take(rest, ','))
            return !object || json_form_skip_key(rest);
        if (!json_form_take(rest, object ? '}' : ']'))
            return false;
        nest->depth--;
    }
    return true;
}

/* Skips one value of any kind; false: it is malformed. */
static bool json_form_skip_value(struct bytes *rest)
{
    struct nest nest = {.depth = 0};
    do {
        json_form_skip_space(rest);
        if (rest->len && (rest->at[0] == '{' || rest->at[0] == '[')) {
            if (!json_form_enter(&nest, rest))
                return false;
            /* An empty one ends at once. */
            if (rest->len == 0 || rest->at[0] != (json_form_in_object(&nest) ? '}' : ']'))
                continue;
        } else if (!json_form_skip_scalar(rest)) {
            return false;
        }
        if (!json_form_leave(&nest, rest))
            return false;
    } while (nest.depth);
    return true;
}

/* Whether text is one value and nothing else. */
static bool json_form_is_json(struct bytes text)
{
    if (!json_form_skip_value(&text))
        return false;
    json_form_skip_space(&text);
    return text.len == 0;
}

/* ---- decoding what was checked ----------------------------------------------------- */

/* Behind `\u`: halves of a pair that has no other half become U+FFFD. */
static uint32_t json_form_take_unicode(struct bytes *rest)
{
    uint32_t rune = (uint32_t)json_form_hex4(*rest);
    *rest = bytes_from(*rest, 4);
    if (rune < 0xd800 || rune > 0xdfff)
        return rune;
    if (rune < 0xdc00 && bytes_starts(*rest, BYTES("\\u"))) {
        int32_t low = json_form_hex4(bytes_from(*rest, 2));
        if (low >= 0xdc00 && low <= 0xdfff) {
            *rest = bytes_from(*rest, 6);
            return 0x10000 + ((rune - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        }
    }
    return UTF8_INVALID;
}

static uint32_t json_form_take_escape(struct bytes *rest)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    uint8_t c = rest->at[0];
    *rest = bytes_from(*rest, 1);
    if (c == 'u')
        return json_form_take_unicode(rest);
    const char *at = strchr(from, c);
    return at ? (uint8_t)to[at - from] : c;
}

/* The string in front of rest, which is one. */
static struct bytes json_form_take_string(struct arena *arena, struct bytes *rest)
{
    struct bytes end = *rest;
    if (!json_form_skip_string(&end))
        return (struct bytes){0};
    /* No escape grows; a byte that is no UTF-8 becomes three. */
    uint8_t *out = arena_array(arena, rest->len - end.len, 3);
    size_t n = 0;
    *rest = bytes_from(*rest, 1);
    while (rest->len > end.len + 1) {
        uint32_t rune;
        *rest = bytes_from(*rest, utf8_decode(*rest, &rune));
        if (rune == '\\')
            rune = json_form_take_escape(rest);
        n += utf8_encode(rune, out + n);
    }
    *rest = end;
    return bytes_at(out, n);
}

int df_json_words(struct arena *arena, struct bytes text, struct df_words *words)
{
    text = utf8_trim_left(text);
    if (text.len == 0 || text.at[0] != '[' || !json_form_is_json(text))
        return 0;
    json_form_take(&text, '[');
    json_form_skip_space(&text);
    while (!json_form_take(&text, ']')) {
        if (text.at[0] != '"')
            return -EINVAL;
        int r = df_words_add(arena, words, json_form_take_string(arena, &text));
        if (r < 0)
            return r;
        json_form_skip_space(&text);
        json_form_take(&text, ',');
        json_form_skip_space(&text);
    }
    return 1;
}

bool df_json_member(struct arena *arena, struct bytes text, struct bytes key,
                    struct bytes *ret_value)
{
    bool found = false;
    json_form_skip_space(&text);
    if (text.len == 0 || text.at[0] != '{' || !json_form_is_json(text))
        return false;
    json_form_take(&text, '{');
    json_form_skip_space(&text);
    while (!json_form_take(&text, '}')) {
        struct bytes name = json_form_take_string(arena, &text);
        json_form_skip_space(&text);
        json_form_take(&text, ':');
        json_form_skip_space(&text);
        bool ours = bytes_equal(name, key);
        if (text.at[0] == '"' && ours) {
            *ret_value = json_form_take_string(arena, &text);
            found = true;
        } else if (!json_form_skip_value(&text)) {
            return false;
        } else if (ours) {
            found = false;
        }
        json_form_skip_space(&text);
        json_form_take(&text, ',');
        json_form_skip_space(&text);
    }
    return found;
}
