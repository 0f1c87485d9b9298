/* SPDX-License-Identifier: Apache-2.0 */
#include "hex.h"

int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20; /* a letter in lower case */
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *hex_text(char *text, const uint8_t *at, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[at[i] >> 4];
        text[2 * i + 1] = digits[at[i] & 15];
    }
    text[2 * len] = '\0';
    return text;
}

bool hex_bytes(struct bytes text, uint8_t *at)
{
    if (text.len % 2)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.at[i]);
        if (digit < 0 || (text.at[i] >= 'A' && text.at[i] <= 'F'))
            return false;
        at[i / 2] = (uint8_t)(i % 2 ? at[i / 2] << 4 | digit : digit);
    }
    return true;
}

bool hex_number(struct bytes text, uint32_t *ret)
{
    uint32_t number = 0;
    if (text.len == 0 || text.len > 8)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.at[i]);
        if (digit < 0)
            return false;
        number = number << 4 | (uint32_t)digit;
    }
    *ret = number;
    return true;
}
