/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics-text.h"
#include "tap.h"

static void test_metric_text(void)
{
    cleanup_buf struct buf text = BUF(4096);
    tap_case("labels and helps are escaped as Prometheus reads them");
    TAP_CHECK(metric_begin(&text, "m", METRIC_GAUGE, "a \\ \"b\"\nc") == 0);
    TAP_CHECK(metric_sample(&text, "m", "l", BYTES("a\\\"b\"\nc"), 7) == 0);
    TAP_EQUAL(buf_bytes(&text), BYTES("# HELP m a \\\\ \"b\"\\nc\n# TYPE m gauge\n"
                                      "m{l=\"a\\\\\\\"b\\\"\\nc\"} 7\n"));

    tap_case("a histogram's classes add up");
    buf_clear(&text);
    uint64_t limits[] = {500000, 1000000000}, counts[] = {1, 0, 2};
    TAP_CHECK(metric_histogram(&text, "h", NULL, BYTES(""), limits, 2, counts, 12000000345) ==
              0);
    TAP_EQUAL(buf_bytes(&text), BYTES("h_bucket{le=\"0.000500000\"} 1\n"
                                      "h_bucket{le=\"1.000000000\"} 1\n"
                                      "h_bucket{le=\"+Inf\"} 3\n"
                                      "h_sum 12.000000345\nh_count 3\n"));

    tap_case("and so do those of a histogram with a label, which is escaped");
    buf_clear(&text);
    TAP_CHECK(metric_histogram(&text, "h", "l", BYTES("a\"b"), limits, 1, counts, 5) == 0);
    TAP_EQUAL(buf_bytes(&text), BYTES("h_bucket{l=\"a\\\"b\",le=\"0.000500000\"} 1\n"
                                      "h_bucket{l=\"a\\\"b\",le=\"+Inf\"} 1\n"
                                      "h_sum{l=\"a\\\"b\"} 0.000000005\n"
                                      "h_count{l=\"a\\\"b\"} 1\n"));
}

int main(void)
{
    test_metric_text();
    return tap_end();
}
