/* SPDX-License-Identifier: Apache-2.0 */
/* What the digest of a context depends on, and what not. */
#include "stream-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sha256 digest_as(const struct fixture *x, const struct df_request *reads)
{
    struct failure f = {0};
    struct digest_answer answer = {0};
    cleanup_asked struct asked asked;
    int r = ask_tree(x, 2, &asked, &f);
    if (reads)
        asked.request.reads = *reads;
    if (r == 0)
        r = digest_run(&asked.request, NULL, true, NULL, &answer, &f);
    TAP_CHECKF(r == 0, "%s", f.text);
    struct sha256 sha = answer.sha;
    digest_release(&answer);
    return sha;
}

static struct sha256 digest_of(const struct fixture *x)
{
    return digest_as(x, NULL);
}

static bool is_equal(const struct fixture *x, const struct df_request *one,
                     const struct df_request *two)
{
    struct sha256 a = digest_as(x, one), b = digest_as(x, two);
    return sha256_equal(&a, &b);
}

static struct df_arg arg(const char *name, const char *value)
{
    return (struct df_arg){bytes_of(name), bytes_of(value ? value : ""), value != NULL};
}

/* The requests of this Dockerfile differ in nothing that it reads. */
static void test_requests(const struct fixture *x)
{
    const struct df_arg v1 = arg("V", "1"), v2 = arg("V", "2"), w = arg("W", "1");
    const struct df_arg vw[] = {v1, w}, wv[] = {w, v1}, twice[] = {v2, v1};
    const struct df_arg none = arg("V", NULL), joined[] = {arg("V", "1W"), arg("", "1")};
    const struct df_request plain = {0}, one = {.args = &v1, .n_args = 1},
                            two = {.args = &v2, .n_args = 1},
                            one_final = {.args = &v1, .n_args = 1, .args_final = true},
                            two_final = {.args = &v2, .n_args = 1, .args_final = true},
                            both = {.args = vw, .n_args = 2},
                            turned = {.args = wv, .n_args = 2},
                            last = {.args = twice, .n_args = 2},
                            valueless = {.args = &none, .n_args = 1},
                            other = {.args = joined, .n_args = 2},
                            arm = {.platform = BYTES("linux/arm64")},
                            amd = {.platform = BYTES("linux/amd64")},
                            target = {.target = BYTES("B")};
    put_text(x, "Dockerfile", "FROM scratch AS a\nCOPY src /src\nFROM a AS b\nARG V\n");
    tap_case("it depends on the values of build arguments, with args_final or without");
    TAP_CHECK(!is_equal(x, &plain, &one) && !is_equal(x, &one, &two));
    TAP_CHECK(!is_equal(x, &one_final, &two_final) && is_equal(x, &one, &one_final));
    TAP_CHECK(!is_equal(x, &one, &both) && !is_equal(x, &both, &other));
    tap_case("... of one name on the last, and not on their order");
    TAP_CHECK(is_equal(x, &both, &turned) && is_equal(x, &last, &one));
    TAP_CHECK(is_equal(x, &plain, &valueless));
    tap_case("... and on the platform");
    TAP_CHECK(!is_equal(x, &plain, &arm) && !is_equal(x, &amd, &arm));
    tap_case("the name of the last stage is the same as no target");
    TAP_CHECK(is_equal(x, &plain, &target));
    tap_case("it depends on what is known of base images, and not on what was not found");
    const struct bytes env = BYTES("A=1"), trigger = BYTES("RUN x");
    const struct df_base lost = {.name = BYTES("i"), .reason = BYTES("no engine")};
    const struct df_base base = {.name = BYTES("i"), .known = true, .env = &env, .n_env = 1};
    const struct df_base fires = {
        .name = BYTES("i"), .known = true, .onbuild = &trigger, .n_onbuild = 1};
    const struct df_request without = {.bases = &lost, .n_bases = 1},
                            with = {.bases = &base, .n_bases = 1},
                            firing = {.bases = &fires, .n_bases = 1};
    TAP_CHECK(is_equal(x, &plain, &without) && !is_equal(x, &plain, &with));
    TAP_CHECK(!is_equal(x, &with, &firing));
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
    TAP_CHECK(fchmodat(x.root, "src/file-1", 04700, 0) == 0 && !is_same(&x, &digest));
    tap_case("... and on the text of the Dockerfile");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY src /src\nCOPY big /\nLABEL a=b\n");
    TAP_CHECK(!is_same(&x, &digest));
    test_requests(&x);
    teardown(&other);
    teardown(&x);
    return tap_end();
}
