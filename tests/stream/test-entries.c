/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that differ between BuildKit and the classic builder. */
#include "stream-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void to_classic(struct send_request *request)
{
    request->builder = SEND_CLASSIC;
}

/* Whether the tar has the path with this type and mode (four octal digits; NULL: any). */
static bool has_entry(const struct buf *tar, const char *path, uint8_t type, const char *mode)
{
    uint8_t got = 1;
    for (size_t n = 0; got; n++) {
        struct bytes name = header_path(tar, n, &got);
        if (got && bytes_equal(name, bytes_of(path)))
            return got == type && (!mode || !memcmp(name.at + 103, mode, 4));
    }
    return false;
}

static void test_classic_habits(void)
{
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "d\n!d/kept\n");
    if (mkdirat(x.root, "d", 0700) < 0 || symlinkat("d/kept", x.root, "l") < 0 ||
        linkat(x.root, "l", x.root, "m", 0) < 0)
        abort();
    put_text(&x, "d/kept", "k");
    cleanup_sent struct sent any = send_tree(&x, 2, SEND_TAR, NULL);
    cleanup_sent struct sent classic = send_tree(&x, 2, SEND_TAR, to_classic);
    tap_case("an ignored directory on the way to an exception is made anew by classic only");
    TAP_CHECK(has_entry(&any.bytes, "d/", '5', "0700"));
    TAP_CHECK(has_entry(&classic.bytes, "d/", '5', "0755"));
    tap_case("two names of a symbolic link are one link for classic only");
    TAP_CHECK(has_entry(&any.bytes, "m", '2', NULL) && any.stats.n_links == 2);
    TAP_CHECK(has_entry(&classic.bytes, "m", '1', NULL) && classic.stats.n_hardlinks == 1);

    tap_case("classic takes its Dockerfile away only where .dockerignore names it");
    put_text(&x, ".dockerignore", "Dockerfile\n");
    cleanup_sent struct sent named = send_tree(&x, 2, SEND_TAR, to_classic);
    TAP_CHECK(!named.stats.rewritten && has_path(&named.bytes, ".dockerignore"));
    put_text(&x, ".dockerignore", "d/kept\n");
    if (unlinkat(x.root, "Dockerfile", 0) < 0 || symlinkat("d/kept", x.root, "Dockerfile") < 0)
        abort();
    put_text(&x, "d/kept", "FROM scratch\nCOPY . /\n");
    cleanup_sent struct sent linked = send_tree(&x, 2, SEND_TAR, to_classic);
    TAP_CHECKF(linked.result == 0 && linked.stats.rewritten, "%s", linked.failure.text);
    teardown(&x);
}

int main(void)
{
    test_classic_habits();
    return tap_end();
}
