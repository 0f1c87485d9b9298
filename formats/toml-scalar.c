/* SPDX-License-Identifier: Apache-2.0 */
#include "toml-scalar.h"

#include <errno.h>

/* ---- strings ----------------------------------------------------------------------- */

/* Where a string is written. It is never longer than its source: an escape of six bytes gives
 * at most three bytes, and one of ten gives four. */
struct toml_out {
    uint8_t *at;
    size_t len;
};

static int toml_take_rune(struct toml *t, size_t digits, struct toml_out *out)
{
    uint32_t rune = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit((uint8_t)toml_peek(t, 0));
        if (digit < 0)
            return toml_fail(t, "an escape of %zu hexadecimal digits has fewer", digits);
        rune = rune << 4 | (uint32_t)digit;
        t->at++;
    }
    if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return toml_fail(t, "U+%X is no Unicode scalar value", rune);
    out->len += utf8_encode(rune, out->at + out->len);
    return 0;
}

/* A backslash at the end of a line joins lines: it and all white space after it are skipped.
 * False if the cursor is not at such a line end. */
static bool toml_skip_joined(struct toml *t)
{
    size_t at = t->at;
    while (toml_peek(t, at - t->at) == ' ' || toml_peek(t, at - t->at) == '\t')
        at++;
    int c = toml_peek(t, at - t->at);
    if (c != '\n' && !(c == '\r' && toml_peek(t, at - t->at + 1) == '\n'))
        return false;
    t->at = at;
    for (;; t->at++) {
        c = toml_peek(t, 0);
        if (c == '\n')
            t->line++;
        else if (c != ' ' && c != '\t' && !(c == '\r' && toml_peek(t, 1) == '\n'))
            return true;
    }
}

static int toml_take_escape(struct toml *t, bool multi, struct toml_out *out)
{
    static const char plain[] = "b\bt\tn\nf\fr\r\"\"\\\\";
    int c = toml_peek(t, 0);
    for (size_t i = 0; i + 1 < sizeof(plain); i += 2) {
        if (c == plain[i]) {
            out->at[out->len++] = (uint8_t)plain[i + 1];
            t->at++;
            return 0;
        }
    }
    if (c == 'u' || c == 'U') {
        t->at++;
        return toml_take_rune(t, c == 'u' ? 4 : 8, out);
    }
    if (multi && toml_skip_joined(t))
        return 0;
    return toml_fail(t, "a string has an unknown escape; a backslash itself is \\\\");
}

/* Takes one byte as it is, or a line end. Control characters are refused. */
static int toml_take_plain(struct toml *t, bool multi, struct toml_out *out)
{
    int c = toml_peek(t, 0);
    if (c < 0)
        return toml_fail(t, "a string has no end");
    if (c == '\r' && multi && toml_peek(t, 1) == '\n')
        c = t->text.at[++t->at]; /* a line end is \n, so that checkouts agree */
    if (c == '\n') {
        if (!multi)
            return toml_fail(t, "a string has no end on its line");
        t->line++;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return toml_fail(t, "a string holds the control character \\x%02x", (unsigned)c);
    }
    out->at[out->len++] = (uint8_t)c;
    t->at++;
    return 0;
}

/* Takes a string from after its opening quotes to its end. Up to two quotes may stand right
 * before the three that end a string of several lines. */
static int toml_take_body(struct toml *t, int quote_char, bool multi, struct toml_out *out)
{
    for (;;) {
        int c = toml_peek(t, 0), r = 0;
        if (c == quote_char && !multi) {
            t->at++;
            return 0;
        }
        size_t run = 0;
        while (c == quote_char && run < 5 && toml_peek(t, run) == quote_char)
            run++;
        if (run >= 3) {
            memset(out->at + out->len, quote_char, run - 3);
            out->len += run - 3;
            t->at += run;
            return 0;
        }
        if (c == '\\' && quote_char == '"') {
            t->at++;
            r = toml_take_escape(t, multi, out);
        } else {
            r = toml_take_plain(t, multi, out);
        }
        if (r < 0)
            return r;
    }
}

/* The largest size that a string can have, found by looking for its end. It bounds the copy. */
static size_t toml_string_max(const struct toml *t, int quote_char, bool multi)
{
    for (size_t i = 0;; i++) {
        int c = toml_peek(t, i);
        if (c < 0 || (c == '\n' && !multi))
            return i;
        if (c == '\\' && quote_char == '"')
            i++;
        else if (c == quote_char &&
                 (!multi || (toml_peek(t, i + 1) == c && toml_peek(t, i + 2) == c)))
            return i + 2;
    }
}

/* Takes a string of one line without escapes as a view of the text. Nearly all strings are
 * such, and so need no copy. False if this one is not. */
static bool toml_take_view(struct toml *t, int quote_char, struct bytes *ret)
{
    struct bytes rest = bytes_from(t->text, t->at + 1);
    size_t len = 0;
    for (uint8_t c; len < rest.len && (c = rest.at[len]) != quote_char; len++)
        if ((c < 0x20 && c != '\t') || c == '\\' || c == 0x7f)
            return false;
    if (len == rest.len)
        return false;
    *ret = bytes_head(rest, len);
    t->at += len + 2;
    return true;
}

int toml_string(struct toml *t, bool key, struct bytes *ret)
{
    int quote_char = toml_peek(t, 0);
    bool multi = toml_peek(t, 1) == quote_char && toml_peek(t, 2) == quote_char;
    if (!multi && toml_take_view(t, quote_char, ret))
        return 0;
    if (multi && key)
        return toml_fail(t, "a key can't be a string of several lines");
    t->at += multi ? 3 : 1;
    if (multi && toml_peek(t, 0) == '\r' && toml_peek(t, 1) == '\n')
        t->at++;
    if (multi && toml_peek(t, 0) == '\n') {
        t->at++;
        t->line++;
    }
    struct toml_out out = {
        arena_alloc(&t->pool->arena, toml_string_max(t, quote_char, multi) + 4), 0};
    int r = toml_take_body(t, quote_char, multi, &out);
    *ret = bytes_at(out.at, out.len);
    return r;
}

/* ---- times ------------------------------------------------------------------------- */

static bool toml_digits(struct bytes b, size_t at, size_t n, unsigned *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= b.len || b.at[i] < '0' || b.at[i] > '9')
            return false;
        *ret = *ret * 10 + (unsigned)(b.at[i] - '0');
    }
    return true;
}

static bool toml_byte_is(struct bytes b, size_t at, const char *any)
{
    return at < b.len && b.at[at] && strchr(any, b.at[at]);
}

static bool toml_valid_date(struct bytes b)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!toml_digits(b, 0, 4, &year) || !toml_byte_is(b, 4, "-") ||
        !toml_digits(b, 5, 2, &month) || !toml_byte_is(b, 7, "-") ||
        !toml_digits(b, 8, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

/* The length of the time of day at the start of b; 0 if there is none. */
static size_t toml_time_length(struct bytes b)
{
    unsigned hour, minute, second;
    if (!toml_digits(b, 0, 2, &hour) || !toml_byte_is(b, 2, ":") ||
        !toml_digits(b, 3, 2, &minute) || !toml_byte_is(b, 5, ":") ||
        !toml_digits(b, 6, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return 0;
    size_t len = 8;
    if (!toml_byte_is(b, len, "."))
        return len;
    while (toml_byte_is(b, len + 1, "0123456789"))
        len++;
    return len > 8 ? len + 1 : 0;
}

static bool toml_valid_offset(struct bytes b)
{
    unsigned hour, minute;
    if (b.len == 1)
        return toml_byte_is(b, 0, "Zz");
    return b.len == 6 && toml_byte_is(b, 0, "+-") && toml_digits(b, 1, 2, &hour) &&
           toml_byte_is(b, 3, ":") && toml_digits(b, 4, 2, &minute) && hour <= 23 &&
           minute <= 59;
}

static bool toml_valid_time(struct bytes b)
{
    if (toml_byte_is(b, 2, ":"))
        return toml_time_length(b) == b.len;
    if (!toml_valid_date(b))
        return false;
    if (b.len == 10)
        return true;
    size_t len = toml_byte_is(b, 10, "Tt ") ? toml_time_length(bytes_from(b, 11)) : 0;
    return len && (b.len == 11 + len || toml_valid_offset(bytes_from(b, 11 + len)));
}

/* ---- numbers ----------------------------------------------------------------------- */

static bool toml_is_digit(struct bytes b, size_t at, unsigned base)
{
    int digit = at < b.len ? hex_digit(b.at[at]) : -1;
    return digit >= 0 && (unsigned)digit < base;
}

/* Takes digits of a base, with single underscores between two of them, and writes them without
 * the underscores. */
static bool toml_take_digits(struct bytes b, size_t *at, unsigned base, struct toml_out *out)
{
    size_t begin = *at;
    for (;; (*at)++) {
        if (toml_is_digit(b, *at, base)) {
            out->at[out->len++] = b.at[*at];
            continue;
        }
        bool between = toml_byte_is(b, *at, "_") && *at > begin &&
                       toml_is_digit(b, *at - 1, base) && toml_is_digit(b, *at + 1, base);
        if (!between)
            return *at > begin;
    }
}

static int toml_integer(const struct toml *t, struct bytes all, bool negative, unsigned base,
                        int64_t *ret)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < all.len; i++)
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)hex_digit(all.at[i]), &sum))
            return toml_fail(t, "an integer is beyond 64 bits");
    if (sum > (uint64_t)INT64_MAX + negative)
        return toml_fail(t, "an integer is beyond 64 bits");
    *ret = (int64_t)(negative ? 0 - sum : sum);
    return 0;
}

static int toml_integer_of_base(const struct toml *t, struct bytes word, unsigned base,
                                struct value *v)
{
    struct toml_out out = {arena_alloc(&t->pool->arena, word.len), 0};
    size_t at = 2;
    if (!toml_take_digits(word, &at, base, &out) || at != word.len)
        return toml_fail(t, "a value is no number");
    v->kind = VALUE_INTEGER;
    return toml_integer(t, bytes_at(out.at, out.len), false, base, &v->integer);
}

static int toml_decimal(const struct toml *t, struct bytes word, struct value *v)
{
    struct toml_out out = {arena_alloc(&t->pool->arena, word.len + 1), 0};
    bool negative = toml_byte_is(word, 0, "-"), is_float = false;
    size_t at = toml_byte_is(word, 0, "+-");
    if (negative)
        out.at[out.len++] = '-';
    struct bytes name = bytes_from(word, at);
    if (bytes_equal(name, BYTES("inf")) || bytes_equal(name, BYTES("nan"))) {
        memcpy(out.at + out.len, name.at, name.len);
        *v = (struct value){.kind = VALUE_FLOAT, .line = v->line};
        v->text = bytes_at(out.at, out.len + name.len);
        return 0;
    }
    size_t begin = out.len;
    bool ok = toml_take_digits(word, &at, 10, &out);
    ok = ok && (out.len - begin == 1 || out.at[begin] != '0');
    struct bytes whole = bytes_at(out.at + begin, out.len - begin);
    if (ok && toml_byte_is(word, at, ".")) {
        out.at[out.len++] = '.';
        at++;
        is_float = true;
        ok = toml_take_digits(word, &at, 10, &out);
    }
    if (ok && toml_byte_is(word, at, "eE")) {
        out.at[out.len++] = 'e';
        at++;
        is_float = true;
        if (toml_byte_is(word, at, "+-") && word.at[at++] == '-')
            out.at[out.len++] = '-';
        ok = toml_take_digits(word, &at, 10, &out);
    }
    if (!ok || at != word.len)
        return toml_fail(t, "a value is not valid: strings need quotes");
    if (!is_float) {
        v->kind = VALUE_INTEGER;
        return toml_integer(t, whole, negative, 10, &v->integer);
    }
    v->kind = VALUE_FLOAT;
    v->text = bytes_at(out.at, out.len);
    return 0;
}

/* ---- words ------------------------------------------------------------------------- */

static size_t toml_word_length(const struct toml *t)
{
    size_t len = 0;
    for (;; len++) {
        int c = toml_peek(t, len);
        if (c < 0 || strchr(" \t\r\n,]}#=", c))
            break;
    }
    /* "1979-05-27 07:32:00": one space may stand between a date and its time. */
    unsigned ignored;
    if (len == 10 && toml_peek(t, 4) == '-' && toml_peek(t, 10) == ' ' &&
        toml_digits(bytes_from(t->text, t->at + 11), 0, 2, &ignored) && toml_peek(t, 13) == ':')
        for (len = 11;; len++) {
            int c = toml_peek(t, len);
            if (c < 0 || strchr(" \t\r\n,]}#=", c))
                break;
        }
    return len;
}

int toml_word(struct toml *t, struct value *v)
{
    struct bytes word = bytes_head(bytes_from(t->text, t->at), toml_word_length(t));
    if (word.len == 0)
        return toml_fail(t, "a value is missing");
    t->at += word.len;
    bool is_true = bytes_equal(word, BYTES("true"));
    if (is_true || bytes_equal(word, BYTES("false"))) {
        v->kind = VALUE_BOOL;
        v->boolean = is_true;
        return 0;
    }
    unsigned ignored;
    bool dated = (toml_digits(word, 0, 4, &ignored) && toml_byte_is(word, 4, "-")) ||
                 (toml_digits(word, 0, 2, &ignored) && toml_byte_is(word, 2, ":"));
    if (dated) {
        v->kind = VALUE_TIME;
        v->text = word;
        return toml_valid_time(word) ? 0 : toml_fail(t, "a value is no date or time");
    }
    if (toml_byte_is(word, 0, "0") && toml_byte_is(word, 1, "xob"))
        return toml_integer_of_base(t, word,
                                    word.at[1] == 'x'   ? 16
                                    : word.at[1] == 'o' ? 8
                                                        : 2,
                                    v);
    return toml_decimal(t, word, v);
}
