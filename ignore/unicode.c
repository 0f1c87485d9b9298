/* SPDX-License-Identifier: Apache-2.0 */
#include "unicode.h"

#include "unicode-tables.h"

#include <stdlib.h>

/* The name in lower case, without `_`, `-` and spaces. Empty if it is longer than any name. */
static struct bytes group_loose_name(struct bytes name, uint8_t room[64])
{
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        if (c == '_' || c == '-' || c == ' ')
            continue;
        if (n == 64)
            return BYTES("");
        room[n++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    return bytes_at(room, n);
}

/* Adds the runs of the values whose bits are set in `wanted`. */
static void group_add_runs(struct class_builder *c, const uint32_t *runs, size_t n,
                           const uint64_t wanted[4])
{
    for (size_t i = 0; i < n; i++) {
        uint32_t value = runs[i] & 0xff;
        uint32_t last = i + 1 < n ? (runs[i + 1] >> 8) - 1 : RUNE_MAX;
        if (wanted[value / 64] >> value % 64 & 1)
            class_add(c, runs[i] >> 8, last);
    }
}

static bool group_add_category(struct class_builder *c, struct bytes name)
{
    for (size_t i = 0; i < category_aliases_n; i++)
        if (bytes_equal(name, bytes_of(category_aliases[i].name)))
            name = bytes_of(category_aliases[i].category);
    uint64_t wanted[4] = {0};
    for (size_t i = 0; i < category_names_n; i++) {
        struct bytes own = bytes_of(category_names[i]);
        bool cased = i > 0 && strchr("ult", own.at[1]) && own.at[0] == 'L';
        if (bytes_equal_nocase(name, own) || bytes_equal_nocase(name, bytes_head(own, 1)) ||
            (bytes_equal(name, BYTES("lc")) && cased))
            wanted[0] |= 1ull << i;
    }
    group_add_runs(c, category_runs, category_runs_n, wanted);
    return wanted[0] != 0;
}

static bool group_add_script(struct class_builder *c, struct bytes name)
{
    uint64_t wanted[4] = {0};
    for (size_t i = 1; i < script_names_n; i++)
        if (bytes_equal(name, bytes_of(script_names[i])))
            wanted[i / 64] |= 1ull << i % 64;
    group_add_runs(c, script_runs, script_runs_n, wanted);
    return (wanted[0] | wanted[1] | wanted[2] | wanted[3]) != 0;
}

bool class_add_group(struct class_builder *c, struct bytes name, bool negated)
{
    uint8_t room[64];
    name = group_loose_name(name, room);
    struct class_builder own = {0};
    bool found = true;
    if (bytes_equal(name, BYTES("any"))) {
        class_add(&own, 0, RUNE_MAX);
    } else if (bytes_equal(name, BYTES("ascii"))) {
        class_add(&own, 0, 0x7f);
    } else if (bytes_equal(name, BYTES("assigned"))) {
        negated = !negated;
        group_add_category(&own, BYTES("cn"));
    } else {
        found = group_add_category(&own, name) || group_add_script(&own, name);
    }
    if (negated)
        class_negate(&own);
    class_add_all(c, &own);
    free(own.ranges);
    return found;
}
