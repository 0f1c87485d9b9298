/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the table in carry.c: where the Dockerfile travels. */
#include "stream-fixture.h"

static void test_dockerfile_places(void)
{
    tap_case("an excluded Dockerfile under COPY . . travels beside an inner tar");
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "Dockerfile\n");
    put_text(&x, "a", "a");
    cleanup_sent struct sent inner = send_tree(&x, 2, SEND_TAR, NULL);
    TAP_CHECKF(inner.result == 0, "%s", inner.failure.text);
    TAP_CHECK(inner.stats.rewritten && has_path(&inner.bytes, "ctx.tar"));
    TAP_EQUAL(last_path(&inner.bytes), BYTES("Dockerfile"));

    tap_case("an excluded Dockerfile that nothing can read is just added");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY a /\n");
    cleanup_sent struct sent extra = send_tree(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(!extra.stats.rewritten && has_path(&extra.bytes, "a"));
    TAP_EQUAL(last_path(&extra.bytes), BYTES("Dockerfile"));

    tap_case("under ADD . nothing can be rewritten, and a warning says what the image gains");
    put_text(&x, "Dockerfile", "FROM scratch\nADD . /\n");
    cleanup_sent struct sent add = send_tree(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(!add.stats.rewritten && add.n_notes > 0);

    tap_case("a kept dockerfile could stand in for the Dockerfile of a cut stream: inner tar");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "");
    put_text(&x, "dockerfile", "FROM scratch\n");
    cleanup_sent struct sent lower = send_tree(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(lower.stats.rewritten);

    tap_case("where that can't be rewritten, a guard that never builds comes first");
    put_text(&x, "Dockerfile", "FROM scratch\nADD . /\n");
    cleanup_sent struct sent guard = send_tree(&x, 2, SEND_TAR, NULL);
    uint8_t type;
    TAP_EQUAL(header_path(&guard.bytes, 0, &type), BYTES("Dockerfile"));
    TAP_EQUAL(last_path(&guard.bytes), BYTES("Dockerfile"));
    teardown(&x);
}

int main(void)
{
    test_dockerfile_places();
    return tap_end();
}
