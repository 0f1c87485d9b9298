/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include "xmalloc.h"

#include <stdlib.h>

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

static uint8_t bytes_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (bytes_lower(a.at[i]) != bytes_lower(b.at[i]))
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
    /* Eight bytes at a time. In `bad` the high bit of a byte is set if that byte is not plain.
     * A borrow may also set it in bytes after the first bad one. That is harmless, because the
     * loop below looks at each byte again. */
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
    /* An empty view may have the address NULL, to which nothing may be added. */
    return (struct bytes){from ? b.at + from : b.at, b.len - from};
}

struct bytes bytes_head(struct bytes b, size_t len)
{
    return (struct bytes){b.at, len < b.len ? len : b.len};
}

bool bytes_next(struct bytes *rest, uint8_t sep, struct bytes *ret_part)
{
    if (!rest->at)
        return false;
    size_t end = bytes_find(*rest, sep);
    *ret_part = bytes_head(*rest, end);
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

struct bytes bytes_dup(struct bytes b)
{
    uint8_t *at = xmalloc(b.len + 1);
    if (b.len)
        memcpy(at, b.at, b.len);
    at[b.len] = '\0';
    return bytes_at(at, b.len);
}

void bytes_free(struct bytes *b)
{
    free((void *)(uintptr_t)b->at);
    *b = (struct bytes){NULL, 0};
}
