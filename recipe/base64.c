/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <errno.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_write(struct bytes from, struct buf *to)
{
    int r = buf_reserve(to, from.len / 3 * 4 + 4);
    for (size_t i = 0; i < from.len && r == 0; i += 3) {
        size_t left = from.len - i;
        uint32_t bits = (uint32_t)from.at[i] << 16;
        bits |= left > 1 ? (uint32_t)from.at[i + 1] << 8 : 0;
        bits |= left > 2 ? from.at[i + 2] : 0;
        char unit[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                        left > 1 ? alphabet[bits >> 6 & 63] : '=',
                        left > 2 ? alphabet[bits & 63] : '='};
        r = buf_add(to, unit, sizeof(unit));
    }
    return r;
}

int base64_read(struct arena *a, struct bytes text, struct bytes *ret)
{
    if (text.len % 4)
        return -EINVAL;
    uint8_t *out = arena_alloc(a, text.len / 4 * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t bits = 0;
        size_t pad = 0;
        for (size_t j = 0; j < 4; j++) {
            uint8_t c = text.at[i + j];
            const char *at = c ? strchr(alphabet, c) : NULL;
            if (c == '=' && i + 4 == text.len && j >= 2)
                pad++;
            else if (!at || pad)
                return -EINVAL;
            bits = bits << 6 | (at ? (uint32_t)(at - alphabet) : 0);
        }
        if (bits & ((1u << 8 * pad) - 1))
            return -EINVAL;
        for (size_t j = 0; j < 3 - pad; j++)
            out[len++] = (uint8_t)(bits >> (16 - 8 * j));
    }
    *ret = bytes_at(out, len);
    return 0;
}
