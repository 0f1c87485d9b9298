/* SPDX-License-Identifier: Apache-2.0 */
/* Whole streams: the same bytes on any number of threads. */
#include "stream-fixture.h"

static void test_streams(void)
{
    struct fixture x = setup();
    put_tree(&x);
    static const char *const names[] = {"plain", "gzip", "zstd"};
    for (enum send_codec codec = SEND_TAR; codec <= SEND_ZSTD; codec++) {
        tap_case("a %s stream has the same bytes on 1, 3 and 16 threads", names[codec]);
        cleanup_sent struct sent a = send_tree(&x, 1, codec, NULL);
        TAP_CHECKF(a.result == 0, "%s", a.failure.text);
        for (size_t threads = 3; threads <= 16; threads += 13) {
            cleanup_sent struct sent b = send_tree(&x, threads, codec, NULL);
            TAP_CHECK(b.result == 0 && bytes_equal(buf_bytes(&a.bytes), buf_bytes(&b.bytes)));
        }
        TAP_CHECK(a.stats.out_bytes == a.bytes.len);
    }

    tap_case("the Dockerfile is the last entry, and what nothing reads is left out");
    cleanup_sent struct sent s = send_tree(&x, 2, SEND_TAR, NULL);
    TAP_EQUAL(last_path(&s.bytes), BYTES("Dockerfile"));
    TAP_CHECK(!has_path(&s.bytes, "unread") && has_path(&s.bytes, "src/file-299"));
    TAP_CHECK(s.stats.n_hardlinks == 1 && s.stats.n_links == 1 && s.stats.n_files == 302);
    TAP_CHECK(s.stats.tar_bytes == s.bytes.len && s.bytes.len % USTAR_BLOCK == 0);
    teardown(&x);
}

int main(void)
{
    test_streams();
    return tap_end();
}
