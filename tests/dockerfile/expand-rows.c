/* SPDX-License-Identifier: Apache-2.0 */
#include "expand-rows.h"
#include "tap.h"

#include <errno.h>

enum df_value expand_look_up(void *scope, struct bytes name, struct bytes *ret_value)
{
    static const struct {
        const char *name, *value;
        enum df_value state;
    } variables[] = {
        {"A", "a/b.c.c", DF_KNOWN},   {"E", "", DF_KNOWN},         {"S", "x y", DF_KNOWN},
        {"D", "$0", DF_KNOWN},        {"Q", "it's", DF_KNOWN},     {"N", "a\nb", DF_KNOWN},
        {"G", "aab", DF_KNOWN},       {"\xc3\xa9", "e", DF_KNOWN}, {"U", NULL, DF_UNKNOWN},
        {"P", "guess/b", DF_UNKNOWN}, {"1", "one", DF_KNOWN},      {"@", "at", DF_KNOWN},
        {"12", "twelve", DF_KNOWN},   {"B", "a\\b*", DF_KNOWN},
    };
    (void)scope;
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        if (bytes_equal(name, bytes_of(variables[i].name))) {
            if (variables[i].value)
                *ret_value = bytes_of(variables[i].value);
            return variables[i].state;
        }
    }
    return DF_UNSET;
}

void expand_check(const struct expand_row *row, uint8_t escape)
{
    cleanup_arena struct arena arena = {0};
    struct failure f = {0};
    struct df_expanded e;
    int r = df_expand(&arena, bytes_of(row->word), escape, expand_look_up, NULL, &e, &f);
    if (!row->want) {
        TAP_CHECKF(r == -EINVAL && f.text[0], "%s: %d, %s", row->word, r,
                   r == 0 ? QUOTE(e.text) : f.text);
        return;
    }
    TAP_CHECKF(r == 0, "%s: %s", row->word, f.text);
    if (r == 0) {
        TAP_CHECKF(bytes_equal(e.text, bytes_of(row->want)), "%s gives %s, not %s", row->word,
                   QUOTE(e.text), QUOTE(bytes_of(row->want)));
        TAP_CHECKF(!e.unknown && e.known_prefix == e.text.len, "%s is uncertain", row->word);
    }
}
