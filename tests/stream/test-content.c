/* SPDX-License-Identifier: Apache-2.0 */
/* One version of a file: what is noticed while it is read. */
#include "content.h"
#include "stream-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    struct fixture x = setup();
    struct failure f = {0};
    struct content_source source = {x.root, BYTES("api.dockerignore"), stat_clock_ns()};
    struct content_dir dir = {.fd = -1};
    struct stat st;
    int fd = -1;
    char got[8] = {0};
    enum content_sure sure;
    put_text(&x, "f", "one");

    tap_case("a stat that is settled is older than any later write");
    TAP_CHECKF(content_open(&source, BYTES("f"), &fd, &st, &f) == 0, "%s", f.text);
    struct stat_identity seen = stat_identity(&st);
    source.clock_ns = stat_clock_ns();
    TAP_CHECK(stat_settled(&seen, source.clock_ns));
    TAP_CHECK(content_check(fd, &st, BYTES("f"), &f) == 0);
    tap_case("a file that still is what the walk saw is read at once");
    TAP_CHECK(content_read_as_walked(&source, &dir, BYTES("f"), &seen, got, &sure) &&
              memcmp(got, "one", 3) == 0 && sure == CONTENT_SURE);

    tap_case("a process that has the file open for writing is noticed");
    int writer = openat(x.root, "f", O_WRONLY | O_CLOEXEC);
    TAP_CHECK(content_is_sure(fd) == CONTENT_HELD);
    TAP_CHECK(!content_read_as_walked(&source, &dir, BYTES("f"), &seen, got, &sure));
    tap_case("a write of the same length is noticed");
    TAP_CHECK(pwrite(writer, "two", 3, 0) == 3 && close(writer) == 0);
    TAP_CHECK(content_is_sure(fd) == CONTENT_SURE);
    TAP_CHECK(content_check(fd, &st, BYTES("f"), &f) == -ESTALE && strstr(f.text, "changed"));
    TAP_CHECK(!content_read_as_walked(&source, &dir, BYTES("f"), &seen, got, &sure));
    close(fd);

    tap_case("a file that is gone, or became another kind of thing, is no file any more");
    TAP_CHECK(content_open(&source, BYTES("gone"), &fd, &st, &f) == -ESTALE &&
              strstr(f.text, "vanished"));
    TAP_CHECK(mkfifoat(x.root, "fifo", 0600) == 0 &&
              content_open(&source, BYTES("fifo"), &fd, &st, &f) == -ESTALE);
    TAP_CHECK(symlinkat("f", x.root, "link") == 0 &&
              content_open(&source, BYTES("link"), &fd, &st, &f) == -ESTALE);
    content_dir_close(&dir);
    teardown(&x);
    return tap_end();
}
