/* SPDX-License-Identifier: Apache-2.0 */
#include "mounts.h"
#include "tap.h"

#include <stdlib.h>

static const struct {
    const char *root, *line, *want; /* want NULL: not below root */
} mount_lines[] = {
    {"/a/b", "36 35 98:0 / /a/b/c rw - ext3 /dev/root rw", "c"},
    {"/a/b", "36 35 98:0 / /a/b/c/d rw shared:1 master:2 - ext3 none rw", "c/d"},
    {"/a/b", "36 35 98:0 / /a/b rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a/bc rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a/bcd/e rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /a rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / / rw - ext3 /dev/root rw", NULL},
    {"/a/b", "36 35 98:0 / /x/a/b/c rw - ext3 /dev/root rw", NULL},
    {"/", "36 35 98:0 / /proc rw - proc proc rw", "proc"},
    {"/", "36 35 98:0 / / rw - ext3 none rw", NULL},
    {"/a/b", "36 35 98:0 / /a/b/sp\\040ace rw - ext3 none rw", "sp ace"},
    {"/a/b", "36 35 98:0 / /a/b/t\\011ab rw - ext3 none rw", "t\tab"},
    {"/a/b", "36 35 98:0 / /a/b/new\\012line rw - ext3 none rw", "new\nline"},
    {"/a/b", "36 35 98:0 / /a/b/back\\134slash rw - ext3 none rw", "back\\slash"},
    {"/a/b", "36 35 98:0 / /a/b/\\134040 rw - ext3 none rw", "\\040"},
    {"/a/b", "36 35 98:0 / /a/b/\\377\\043 rw - ext3 none rw", "\377#"},
    {"/a/b", "36 35 98:0 / /a/b/end\\04 rw - ext3 none rw", "end\\04"},
    {"/a/b", "36 35 98:0 / /a/b/no\\999 rw - ext3 none rw", "no\\999"},
    {"/a/b", "36 35 98:0 / /a/b/\\400 rw - ext3 none rw", "\\400"},
    {"/a b", "36 35 98:0 / /a\\040b/c rw - ext3 none rw", "c"},
    {"/a", "36 35 98:0 /a/b /a/b\\040 rw", "b "},
    {"/a", "36 35 98:0 / /a/", NULL},
    {"/a", "36 35 98:0 / a/b rw", NULL},
    {"/a", "36 35 98:0 /", NULL},
    {"/a", "", NULL},
    {"/a", "    /a/b", NULL},
};

static void test_mountinfo(void)
{
    tap_case("a line of mountinfo gives its mount point below the root, unescaped");
    for (size_t i = 0; i < ARRAY_SIZE(mount_lines); i++) {
        struct mounts got;
        mounts_parse(bytes_of(mount_lines[i].line), bytes_of(mount_lines[i].root), &got);
        const char *want = mount_lines[i].want;
        TAP_CHECKF(got.n == (want != NULL), "%s", mount_lines[i].line);
        if (got.n && want)
            TAP_EQUAL(got.paths[0], bytes_of(want));
        mounts_release(&got);
    }

    tap_case("mount points come sorted, each once");
    struct mounts got;
    mounts_parse(BYTES("1 1 1:1 / /r/b rw\n1 1 1:1 / /r/a/c rw\nrubbish\n\n1 1 1:1 / /r/b rw\n"
                       "1 1 1:1 / /r/a rw"),
                 BYTES("/r"), &got);
    TAP_CHECK(got.n == 3);
    TAP_EQUAL(got.paths[0], BYTES("a"));
    TAP_EQUAL(got.paths[1], BYTES("a/c"));
    TAP_EQUAL(got.paths[2], BYTES("b"));
    mounts_release(&got);

    tap_case("no text makes the parser read past its end");
    unsigned seed = 3;
    for (int i = 0; i < 50000; i++) {
        static const char letters[] = "/ab \\0147\n\xff ";
        size_t len = (size_t)rand_r(&seed) % 60;
        uint8_t *text = xmalloc(len + 1);
        for (size_t j = 0; j < len; j++)
            text[j] = (uint8_t)letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
        mounts_parse(bytes_at(text, len), BYTES("/a"), &got);
        for (size_t j = 0; j < got.n; j++)
            TAP_CHECK(got.paths[j].len > 0 && got.paths[j].len < len);
        mounts_release(&got);
        free(text);
    }
}

int main(void)
{
    test_mountinfo();
    return tap_end();
}
