/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

static int add_escaped(struct buf *text, struct bytes value, bool quotes)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < value.len; i++) {
        uint8_t c = value.at[i];
        if (c == '\n')
            r = buf_add(text, "\\n", 2);
        else if (c == '\\' || (c == '"' && quotes))
            r = buf_add(text, (const uint8_t[]){'\\', c}, 2);
        else
            r = buf_add_byte(text, c);
    }
    return r;
}

int metric_begin(struct buf *text, const char *name, enum metric_type type, const char *help)
{
    static const char *const words[] = {"counter", "gauge", "histogram"};
    int r = buf_addf(text, "# HELP %s ", name);
    r = r < 0 ? r : add_escaped(text, bytes_of(help), false);
    return r < 0 ? r : buf_addf(text, "\n# TYPE %s %s\n", name, words[type]);
}

int metric_sample(struct buf *text, const char *name, const char *label, struct bytes value,
                  uint64_t number)
{
    int r = buf_addf(text, "%s", name);
    if (label) {
        r = r < 0 ? r : buf_addf(text, "{%s=\"", label);
        r = r < 0 ? r : add_escaped(text, value, true);
        r = r < 0 ? r : buf_addf(text, "\"}");
    }
    return r < 0 ? r : buf_addf(text, " %llu\n", (unsigned long long)number);
}

/* Whole numbers, since what a double can't hold would be shown wrong. */
static int add_seconds(struct buf *text, uint64_t ns)
{
    return buf_addf(text, "%llu.%09llu", (unsigned long long)(ns / 1000000000),
                    (unsigned long long)(ns % 1000000000));
}

int metric_histogram(struct buf *text, const char *name, const uint64_t *limits_ns, size_t n,
                     const uint64_t *counts, uint64_t sum_ns)
{
    uint64_t below = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i <= n; i++) {
        below += counts[i];
        r = buf_addf(text, "%s_bucket{le=\"", name);
        if (r == 0)
            r = i < n ? add_seconds(text, limits_ns[i]) : buf_addf(text, "+Inf");
        r = r < 0 ? r : buf_addf(text, "\"} %llu\n", (unsigned long long)below);
    }
    r = r < 0 ? r : buf_addf(text, "%s_sum ", name);
    r = r < 0 ? r : add_seconds(text, sum_ns);
    return r < 0 ? r : buf_addf(text, "\n%s_count %llu\n", name, (unsigned long long)below);
}
