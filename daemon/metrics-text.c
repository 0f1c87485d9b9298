/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics-text.h"

#include <stdio.h>

static int metric_add_escaped(struct buf *text, struct bytes value, bool quotes)
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
    r = r < 0 ? r : metric_add_escaped(text, bytes_of(help), false);
    return r < 0 ? r : buf_addf(text, "\n# TYPE %s %s\n", name, words[type]);
}

/* Appends name and suffix, then the label and `le`, each if there is one. */
static int metric_add_series(struct buf *text, const char *name, const char *suffix,
                             const char *label, struct bytes value, const char *le)
{
    int r = buf_addf(text, "%s%s", name, suffix);
    if (r < 0 || (!label && !le))
        return r;
    r = buf_addf(text, "{");
    if (label) {
        r = r < 0 ? r : buf_addf(text, "%s=\"", label);
        r = r < 0 ? r : metric_add_escaped(text, value, true);
        r = r < 0 ? r : buf_addf(text, "\"%s", le ? "," : "");
    }
    if (le)
        r = r < 0 ? r : buf_addf(text, "le=\"%s\"", le);
    return r < 0 ? r : buf_addf(text, "}");
}

int metric_sample(struct buf *text, const char *name, const char *label, struct bytes value,
                  uint64_t number)
{
    int r = metric_add_series(text, name, "", label, value, NULL);
    return r < 0 ? r : buf_addf(text, " %llu\n", (unsigned long long)number);
}

/* Prints with integers: a double can't hold all digits of a large sum. */
static void metric_print_seconds(char at[32], uint64_t ns)
{
    snprintf(at, 32, "%llu.%09llu", (unsigned long long)(ns / 1000000000),
             (unsigned long long)(ns % 1000000000));
}

int metric_histogram(struct buf *text, const char *name, const char *label, struct bytes value,
                     const uint64_t *limits_ns, size_t n, const uint64_t *counts,
                     uint64_t sum_ns)
{
    char seconds[32];
    uint64_t below = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i <= n; i++) {
        below += counts[i];
        if (i < n)
            metric_print_seconds(seconds, limits_ns[i]);
        r = metric_add_series(text, name, "_bucket", label, value, i < n ? seconds : "+Inf");
        r = r < 0 ? r : buf_addf(text, " %llu\n", (unsigned long long)below);
    }
    metric_print_seconds(seconds, sum_ns);
    r = r < 0 ? r : metric_add_series(text, name, "_sum", label, value, NULL);
    r = r < 0 ? r : buf_addf(text, " %s\n", seconds);
    r = r < 0 ? r : metric_add_series(text, name, "_count", label, value, NULL);
    return r < 0 ? r : buf_addf(text, " %llu\n", (unsigned long long)below);
}
