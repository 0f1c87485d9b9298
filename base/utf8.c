/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

/* How many bytes a rune has that begins with this one; 0: none does. */
static size_t utf8_rune_len(uint8_t first)
{
    return first < 0x80   ? 1
           : first < 0xc2 ? 0
           : first < 0xe0 ? 2
           : first < 0xf0 ? 3
           : first < 0xf5 ? 4
                          : 0;
}

size_t utf8_decode(struct bytes b, uint32_t *ret_rune)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length */
    uint8_t first = b.at[0];
    size_t len = utf8_rune_len(first);
    *ret_rune = first < 0x80 ? first : UTF8_INVALID;
    if (len <= 1 || len > b.len)
        return 1;
    uint32_t rune = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((b.at[i] & 0xc0) != 0x80)
            return 1;
        rune = rune << 6 | (b.at[i] & 0x3fu);
    }
    /* Overlong forms, surrogates, and what lies past U+10FFFF. */
    if (rune < least[len] || (rune >= 0xd800 && rune <= 0xdfff) || rune > 0x10ffff)
        return 1;
    *ret_rune = rune;
    return len;
}

size_t utf8_encode(uint32_t rune, uint8_t out[4])
{
    if (rune < 0x80) {
        out[0] = (uint8_t)rune;
        return 1;
    }
    size_t len = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, rune >>= 6)
        out[i] = (uint8_t)(0x80 | (rune & 0x3f));
    out[0] = (uint8_t)((0xf00u >> len & 0xffu) | rune);
    return len;
}

bool utf8_valid(struct bytes b)
{
    for (size_t i = 0; i < b.len;) {
        uint32_t rune;
        size_t len = b.at[i] < 0x80 ? 1 : utf8_decode(bytes_from(b, i), &rune);
        if (b.at[i] >= 0x80 && len == 1)
            return false;
        i += len;
    }
    return true;
}

bool utf8_is_text(struct bytes b)
{
    return bytes_find(b, 0) == b.len && utf8_valid(b);
}

bool utf8_is_space(uint32_t rune)
{
    return rune == ' ' || (rune >= '\t' && rune <= '\r') || rune == 0x85 || rune == 0xa0 ||
           rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 ||
           rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

struct bytes utf8_trim_left(struct bytes b)
{
    uint32_t rune;
    while (b.len) {
        size_t len = utf8_decode(b, &rune);
        if (!utf8_is_space(rune))
            break;
        b = bytes_from(b, len);
    }
    return b;
}

struct bytes utf8_trim(struct bytes b)
{
    uint32_t rune;
    b = utf8_trim_left(b);
    while (b.len) {
        size_t start = b.len - 1;
        while (start > 0 && b.len - start < 4 && (b.at[start] & 0xc0) == 0x80)
            start--;
        size_t len = utf8_decode(bytes_from(b, start), &rune);
        if (start + len != b.len || !utf8_is_space(rune))
            break;
        b = bytes_head(b, start);
    }
    return b;
}
