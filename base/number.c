/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <errno.h>
#include <stdio.h>

int number_parse(struct bytes b, uint64_t *ret)
{
    uint64_t value = 0;
    if (b.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] < '0' || b.at[i] > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(b.at[i] - '0'), &value))
            return -ERANGE;
    }
    *ret = value;
    return 0;
}

int number_parse_size(struct bytes b, uint64_t *ret_bytes)
{
    static const struct {
        struct bytes suffix;
        unsigned shift;
    } units[] = {
        {BYTES("kib"), 10}, {BYTES("mib"), 20}, {BYTES("gib"), 30}, {BYTES("tib"), 40},
        {BYTES("kb"), 10},  {BYTES("mb"), 20},  {BYTES("gb"), 30},  {BYTES("tb"), 40},
        {BYTES("k"), 10},   {BYTES("m"), 20},   {BYTES("g"), 30},   {BYTES("t"), 40},
        {BYTES("b"), 0},
    };
    unsigned shift = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        size_t len = units[i].suffix.len;
        if (b.len > len && bytes_equal_nocase(bytes_from(b, b.len - len), units[i].suffix)) {
            shift = units[i].shift;
            b = bytes_head(b, b.len - len);
            break;
        }
    }
    size_t dot = bytes_find(b, '.');
    uint64_t whole, part = 0, scale = 1;
    int r = number_parse(bytes_head(b, dot), &whole);
    if (r == 0 && dot < b.len) {
        /* Three decimals are enough for a size. More are refused rather than rounded. */
        struct bytes decimals = bytes_from(b, dot + 1);
        r = decimals.len > 3 ? -EINVAL : number_parse(decimals, &part);
        for (size_t i = 0; i < decimals.len; i++)
            scale *= 10;
    }
    if (r < 0)
        return r;
    if (whole > UINT64_MAX >> shift)
        return -ERANGE;
    uint64_t rest = (part << shift) / scale;
    return __builtin_add_overflow(whole << shift, rest, ret_bytes) ? -ERANGE : 0;
}

const char *number_human(char text[16], uint64_t bytes)
{
    static const char units[] = "kMGTPE";
    if (bytes < 1000) {
        snprintf(text, 16, "%u B", (unsigned)bytes);
        return text;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.5 && unit + 2 < sizeof(units))
        value /= 1000, unit++;
    snprintf(text, 16, value < 9.95 ? "%.1f %cB" : "%.0f %cB", value, units[unit]);
    return text;
}
