/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints which paths of a tree a Dockerfile selects, for tests/replay. Cases come on standard
 * input:
 *
 *     OPTIONS                 as in ask_read(): "target=x;final;arg=K=V;…"
 *     ROOT                    path of the tree
 *     LENGTH                  of the Dockerfile, whose bytes follow
 *
 * The answer to each is "ok N" or "error N" and N bytes: the paths, a line each, or the
 * message.
 */
#include "ask.h"
#include "dockerfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int list_dir(int fd, const char *path, const struct select_dir *here, struct buf *out)
{
    DIR *dir = fdopendir(fd);
    if (!dir)
        return -1;
    for (const struct dirent *e; (e = readdir(dir));) {
        struct select_verdict verdict;
        struct select_dir *below;
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
        select_check(here, bytes_of(e->d_name), S_ISDIR(st.st_mode), &verdict, &below);
        char name[4096];
        snprintf(name, sizeof(name), "%s%s%s", path, *path ? "/" : "", e->d_name);
        if (verdict.select && buf_addf(out, "%s\n", name) < 0)
            return -1;
        if (verdict.descend &&
            list_dir(openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name, below,
                     out) < 0)
            return -1;
        select_leave(below);
    }
    closedir(dir);
    return 0;
}

static int answer(const char *options, const char *root, struct bytes text, struct buf *out)
{
    struct ask ask;
    struct dockerfile *df = NULL;
    struct reads *reads = NULL;
    struct failure f = {0};
    ask_read(&ask, options);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dockerfile_load(BYTES("Dockerfile"), text, &df, &f);
    if (r == 0)
        r = dockerfile_reads(df, &ask.request, NULL, &reads, &f);
    if (r == 0)
        r = reads_resolve(reads, fd, &f);
    if (r == 0)
        r = list_dir(dup(fd), "", select_root(reads), out);
    else
        r = buf_addf(out, "%s", f.text) < 0 ? -1 : 1;
    reads_free(reads);
    dockerfile_free(df);
    close(fd);
    return r;
}

static bool read_line(char *line, size_t size)
{
    if (!fgets(line, (int)size, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

int main(void)
{
    static char options[65536], root[4096], length[64], file[1 << 24];
    while (read_line(options, sizeof(options)) && read_line(root, sizeof(root)) &&
           read_line(length, sizeof(length))) {
        uint64_t n;
        if (number_parse(bytes_of(length), &n) < 0 || n > sizeof(file) ||
            fread(file, 1, n, stdin) != n)
            return 2;
        cleanup_buf struct buf out = BUF(1u << 24);
        int r = answer(options, root, bytes_at(file, n), &out);
        if (r < 0)
            return 1;
        printf("%s %zu\n", r ? "error" : "ok", out.len);
        fwrite(out.at, 1, out.len, stdout);
        fflush(stdout);
    }
    return 0;
}
