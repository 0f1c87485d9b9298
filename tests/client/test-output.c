/* SPDX-License-Identifier: Apache-2.0 */
/* The file that receives the stream appears only when it is complete. */
#include "output.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>

static void test_output(const char *dir)
{
    struct failure f = {0};
    struct stat st;
    char path[256];
    snprintf(path, sizeof(path), "%s/out", dir);
    {
        tap_case("a file has its name only when it is complete");
        cleanup_output struct output out = OUTPUT;
        TAP_CHECK(output_open(&out, path, &f) == 0 && write(out.fd, "abc", 3) == 3);
        TAP_CHECK(stat(path, &st) < 0 && errno == ENOENT);
        TAP_CHECK(output_publish(&out, &f) == 0 && stat(path, &st) == 0 && st.st_size == 3);
    }
    {
        tap_case("an output that is given up leaves the old file as it is, and no other file");
        cleanup_output struct output out = OUTPUT;
        TAP_CHECK(output_open(&out, path, &f) == 0 && write(out.fd, "longer", 6) == 6);
    }
    TAP_CHECK(stat(path, &st) == 0 && st.st_size == 3);
    unlink(path);
    tap_case("a missing directory is an error that names the path");
    snprintf(path, sizeof(path), "%s/no/out", dir);
    cleanup_output struct output out = OUTPUT;
    TAP_CHECK(output_open(&out, path, &f) == -ENOENT && strstr(f.text, path));
}

int main(void)
{
    char dir[] = "/tmp/ctxd-test-XXXXXX";
    scratch_make(dir);
    test_output(dir);
    tap_case("nothing is left behind");
    TAP_CHECK(rmdir(dir) == 0);
    return tap_end();
}
