/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer, for compilers that lack it and for a debugger. Each
 * argument is a file, or a directory whose files are taken; each file is run once. Prints TAP,
 * with a case for each file.
 */
#include "base.h"
#include "fuzz.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>

static void run_file(int dirfd, const char *name)
{
    cleanup_buf struct buf input = BUF(64u << 20);
    tap_case("input %s passes", name);
    if (TAP_CHECK(io_read_file(dirfd, name, &input) == 0))
        LLVMFuzzerTestOneInput(input.at, input.len);
}

static bool run_dir(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            run_file(dirfd(dir), e->d_name);
    closedir(dir);
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!run_dir(argv[i]))
            run_file(AT_FDCWD, argv[i]);
    return tap_end();
}
