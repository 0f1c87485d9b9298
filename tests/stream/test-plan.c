/* SPDX-License-Identifier: Apache-2.0 */
/* What goes around the chunks, and the limits of a request. */
#include "stream-fixture.h"

#include <string.h>

static void gate_files(struct send_request *request)
{
    request->max_files = 10;
}

static void gate_bytes(struct send_request *request)
{
    request->max_bytes = 1000;
}

static void test_gates(void)
{
    struct fixture x = setup();
    put_tree(&x);
    tap_case("a gate refuses before the first byte, and names the largest file");
    cleanup_sent struct sent files = send_tree(&x, 2, SEND_TAR, gate_files);
    TAP_CHECK(files.result == SEND_REFUSED && files.bytes.len == 0);
    cleanup_sent struct sent bytes = send_tree(&x, 2, SEND_TAR, gate_bytes);
    TAP_CHECK(bytes.result == SEND_REFUSED && strstr(bytes.failure.text, "\"big\""));
    teardown(&x);
}

static void test_first_header(void)
{
    tap_case("a first entry that needs PAX is preceded by a plain one");
    struct fixture x = setup();
    char name[201] = {0};
    memset(name, 'A', 200);
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, name, "");
    cleanup_sent struct sent s = send_tree(&x, 2, SEND_TAR, NULL);
    uint8_t type;
    TAP_EQUAL(header_path(&s.bytes, 0, &type), BYTES("./"));
    TAP_CHECK(type == '5');
    teardown(&x);
}

int main(void)
{
    test_gates();
    test_first_header();
    return tap_end();
}
