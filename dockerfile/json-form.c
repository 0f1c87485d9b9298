/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own reader of JSON, because no library will do. An array that is malformed is no error in
 * a Dockerfile: the builder takes its text for ordinary words. So this reader must call the
 * same texts JSON as Go's encoding/json does, byte for byte, or ctxd would read other words
 * than the builder. The library that formats/ uses differs from Go on bytes that are not UTF-8,
 * on lone surrogates, on NUL and on the depth of nesting.
 *
 * First the whole text is checked, without recursion. Then the strings are decoded, which can't
 * fail any more.
 */
#include "json-form.h"

#include <errno.h>

/* Open brackets. Go gives up past this depth, and the text is no JSON to it. */
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

/* The number that the first four hex digits of b give; -1 if they are no hex digits. */
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

/* Skips one digit or more. */
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

/* Skips `"key":`. */
static bool json_form_skip_key(struct bytes *rest)
{
    json_form_skip_space(rest);
    if (!json_form_skip_string(rest))
        return false;
    json_form_skip_space(rest);
    return json_form_take(rest, ':');
}

/* The open brackets: a bit each, which is set for an object. */
struct nest {
    uint8_t is_object[NESTING_MAX / 8 + 1];
    size_t depth;
};

static bool json_form_in_object(const struct nest *nest)
{
    size_t i = nest->depth - 1;
    return nest->is_object[i / 8] >> i % 8 & 1;
}

/* Enters the array or object that rest begins with, up to its first value or its end. */
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

/* After a value: leaves the arrays and objects that end there, up to the next value. False:
 * malformed. */
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

/* Skips one value of any kind. False: it is malformed. */
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

/* Tells whether text is one value and nothing else. */
static bool json_form_is_json(struct bytes text)
{
    if (!json_form_skip_value(&text))
        return false;
    json_form_skip_space(&text);
    return text.len == 0;
}

/* ---- decoding of checked text ------------------------------------------------------ */

/* Reads what follows `\u`. A surrogate without its other half becomes U+FFFD. */
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

/* Takes off the string that rest begins with. */
static struct bytes json_form_take_string(struct arena *arena, struct bytes *rest)
{
    struct bytes end = *rest;
    if (!json_form_skip_string(&end))
        return (struct bytes){0};
    /* No escape becomes longer. A byte that is not UTF-8 becomes U+FFFD, which has three. */
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
