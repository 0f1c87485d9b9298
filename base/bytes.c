/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include "utf8.h"

#include <stdio.h>

struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

struct bytes bytes_at(const void *at, size_t len)
{
    return (struct bytes){at, len};
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.at, b.at, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool bytes_starts(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && bytes_equal(bytes_head(b, prefix.len), prefix);
}

bool bytes_ends(struct bytes b, struct bytes suffix)
{
    return b.len >= suffix.len && bytes_equal(bytes_from(b, b.len - suffix.len), suffix);
}

size_t bytes_find(struct bytes b, uint8_t c)
{
    const uint8_t *hit = b.len ? memchr(b.at, c, b.len) : NULL;
    return hit ? (size_t)(hit - b.at) : b.len;
}

size_t bytes_find_last(struct bytes b, uint8_t c)
{
    const uint8_t *hit = b.len ? memrchr(b.at, c, b.len) : NULL;
    return hit ? (size_t)(hit - b.at) : b.len;
}

size_t bytes_plain(struct bytes b, size_t from)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    size_t i = from;
    /* Eight at a time, up to where one is not plain: in `bad` the high bit of its byte is set.
     * Above it a borrow may set others. */
    for (uint64_t word; i + 8 <= b.len; i += 8) {
        memcpy(&word, b.at + i, 8);
        uint64_t quotes = word ^ ones * '"', slashes = word ^ ones * '\\';
        uint64_t bad = ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) |
                       ((slashes - ones) & ~slashes) | (word + ones) | word;
        if (bad & high)
            break;
    }
    while (i < b.len && b.at[i] >= 0x20 && b.at[i] < 0x7f && b.at[i] != '"' && b.at[i] != '\\')
        i++;
    return i - from;
}

struct bytes bytes_from(struct bytes b, size_t from)
{
    if (from > b.len)
        from = b.len;
    /* An empty view may be of NULL, on which there is no arithmetic. */
    return (struct bytes){from ? b.at + from : b.at, b.len - from};
}

struct bytes bytes_head(struct bytes b, size_t len)
{
    return (struct bytes){b.at, len < b.len ? len : b.len};
}

bool bytes_next(struct bytes *rest, uint8_t sep, struct bytes *ret_piece)
{
    if (!rest->at)
        return false;
    size_t end = bytes_find(*rest, sep);
    *ret_piece = bytes_head(*rest, end);
    *rest = end < rest->len ? bytes_from(*rest, end + 1) : (struct bytes){NULL, 0};
    return true;
}

uint64_t bytes_hash(struct bytes b)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < b.len; i++)
        hash = (hash ^ b.at[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* One unit of quoted text: an escape, or a whole printable rune. Returns its length in `out`.
 */
static size_t quote_unit(struct bytes b, char out[8], size_t *ret_used)
{
    uint8_t c = b.at[0];
    *ret_used = 1;
    if (c == '"' || c == '\\')
        return (size_t)snprintf(out, 8, "\\%c", c);
    if (c == '\n' || c == '\t' || c == '\r')
        return (size_t)snprintf(out, 8, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    if (c >= 0x20 && c < 0x7f)
        return (size_t)snprintf(out, 8, "%c", c);
    uint32_t rune;
    size_t len = utf8_decode(b, &rune);
    /* C1 controls and the bidi overrides could rewrite a terminal line: escaped like bytes. */
    bool plain = len > 1 && rune >= 0xa0 && !(rune >= 0x200b && rune <= 0x200f) &&
                 !(rune >= 0x2028 && rune <= 0x202e) && !(rune >= 0x2066 && rune <= 0x2069) &&
                 rune != 0xfeff;
    if (!plain)
        return (size_t)snprintf(out, 8, "\\x%02x", c);
    memcpy(out, b.at, len);
    *ret_used = len;
    return len;
}

const char *quote(struct quoted *q, struct bytes b)
{
    size_t limit = sizeof(q->text) - 2, used = 0;
    q->text[used++] = '"';
    size_t i = 0;
    while (i < b.len) {
        char unit[8];
        size_t step;
        size_t len = quote_unit(bytes_from(b, i), unit, &step);
        if (used + len > limit - 8 && b.len - i > 8) {
            if (used + 4 <= limit) {
                memcpy(q->text + used, "...", 3);
                used += 3;
            }
            break;
        }
        if (used + len > limit)
            break;
        memcpy(q->text + used, unit, len);
        used += len;
        i += step;
    }
    q->text[used++] = '"';
    q->text[used] = '\0';
    return q->text;
}
