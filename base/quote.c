/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

#include "utf8.h"

#include <stdio.h>

/* Writes one escape or one printable rune to `out`. Returns its length there. */
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
    /* C1 controls and bidirectional overrides could rewrite a line of the terminal: they are
     * escaped byte by byte. */
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
