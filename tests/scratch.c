/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scratch_make(char *template)
{
    if (mkdtemp(template))
        return;
    fprintf(stderr, "%s: %s\n", template, strerror(errno));
    abort();
}

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    remove(path);
    return 0;
}

void scratch_remove(const char *path)
{
    nftw(path, scratch_remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
