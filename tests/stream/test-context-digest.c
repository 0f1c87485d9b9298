/* SPDX-License-Identifier: Apache-2.0 */
/* What the digest of a context depends on, and what not. */
#include "stream-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sha256 digest_of(const struct fixture *x)
{
    struct failure f = {0};
    struct digest_answer answer = {0};
    cleanup_asked struct asked asked;
    int r = ask_tree(x, 2, &asked, &f);
    if (r == 0)
        r = digest_run(&asked.request, NULL, true, NULL, &answer, &f);
    TAP_CHECKF(r == 0, "%s", f.text);
    struct sha256 sha = answer.sha;
    digest_release(&answer);
    return sha;
}

/* Whether the digest still is *was; *was is the new one. */
static bool is_same(const struct fixture *x, struct sha256 *was)
{
    struct sha256 is = digest_of(x);
    bool same = sha256_equal(&is, was);
    *was = is;
    return same;
}

int main(void)
{
    struct fixture x = setup();
    put_tree(&x);
    struct sha256 digest = digest_of(&x);
    tap_case("a digest does not depend on times, on most bits of the mode, or on hard links");
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    TAP_CHECK(utimensat(x.root, "src/file-1", times, 0) == 0 && is_same(&x, &digest));
    TAP_CHECK(fchmodat(x.root, "src/file-1", 0600, 0) == 0 && is_same(&x, &digest));
    cleanup_buf struct buf text = BUF(1000);
    TAP_CHECK(io_read_file(x.root, "src/hard", &text) == 0 &&
              unlinkat(x.root, "src/hard", 0) == 0);
    put(&x, "src/hard", text.at, text.len);
    TAP_CHECK(is_same(&x, &digest));
    tap_case("... nor on what no instruction reads, or where the context is");
    put_text(&x, "unread", "another");
    TAP_CHECK(is_same(&x, &digest));
    struct fixture other = setup();
    put_tree(&other);
    TAP_CHECK(is_same(&other, &digest));

    tap_case("it depends on contents, names, link targets and the owner's execute bit");
    put_text(&x, "src/file-2", "another");
    TAP_CHECK(!is_same(&x, &digest));
    TAP_CHECK(renameat(x.root, "src/file-2", x.root, "src/other") == 0 &&
              !is_same(&x, &digest));
    TAP_CHECK(unlinkat(x.root, "src/soft", 0) == 0 && symlinkat("x", x.root, "src/soft") == 0 &&
              !is_same(&x, &digest));
    TAP_CHECK(fchmodat(x.root, "src/file-1", 0700, 0) == 0 && !is_same(&x, &digest));
    tap_case("... and on the text of the Dockerfile");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY src /src\nCOPY big /\nLABEL a=b\n");
    TAP_CHECK(!is_same(&x, &digest));
    teardown(&other);
    teardown(&x);
    return tap_end();
}
