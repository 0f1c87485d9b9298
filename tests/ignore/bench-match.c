/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures a verdict: walks a made-up tree of 100,000 files in memory. bench/match compares it
 * with the same walk by moby/patternmatcher.
 *
 *     bench-match tree             prints the entries in the order of a walk; a '/' follows the
 *                                  path of a directory
 *     bench-match IGNOREFILE TREE  prints the ns for each path, and how many are kept
 */
#include "ignore.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static const char *const stems[] = {"index",  "main",       "user",  "order_view",
                                    "config", "api-client", "util",  "model",
                                    "Test",   "handler",    "style", "readme"};
static const char *const ends[] = {".go", ".js", ".py",  ".ts",  ".css",  ".json", ".md",
                                   ".c",  ".h",  ".txt", ".log", ".html", ""};
static const char *const dirs[] = {"src",  "lib", "components", "internal", "assets",
                                   "docs", "pkg", "services",   "fixtures"};

/* Prints up to nine directories, to a depth of five, and then 18 files in each, until *left
 * files are printed. */
static void print_tree(const char *dir, int depth, size_t *left)
{
    for (size_t i = 0; i < ARRAY_SIZE(dirs) && depth < 5 && *left; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s%s%d", dir, dirs[i], depth);
        printf("%s/\n", path);
        snprintf(path, sizeof(path), "%s%s%d/", dir, dirs[i], depth);
        print_tree(path, depth + 1, left);
    }
    for (size_t i = 0; i < 18 && *left; i++, --*left)
        printf("%s%s%zu%s\n", dir, stems[*left % ARRAY_SIZE(stems)], i,
               ends[*left * 7 % ARRAY_SIZE(ends)]);
}

struct tree {
    struct bytes *paths; /* without the '/' at the end */
    bool *is_dir;
    size_t n;
};

static void read_tree(struct arena *arena, struct bytes text, struct tree *tree)
{
    size_t cap = 0, flags = 0, flags_cap = 0;
    struct bytes line;
    while (bytes_next(&text, '\n', &line)) {
        if (line.len == 0)
            continue;
        bool is_dir = line.at[line.len - 1] == '/';
        *ARENA_PUSH(arena, tree->paths, &tree->n, &cap) = bytes_head(line, line.len - is_dir);
        *ARENA_PUSH(arena, tree->is_dir, &flags, &flags_cap) = is_dir;
    }
}

/* The processor time of this process, which a busy machine changes little. */
static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Walks once. Returns how many entries are kept. */
static size_t walk(const struct ignore *ig, const struct tree *tree)
{
    struct {
        struct bytes path;
        struct ignore_dir *dir;
    } up[16];
    size_t depth = 0, kept = 0;
    for (size_t i = 0; i < tree->n; i++) {
        struct bytes path = tree->paths[i];
        while (depth &&
               !(path.len > up[depth - 1].path.len && path.at[up[depth - 1].path.len] == '/' &&
                 bytes_starts(path, up[depth - 1].path)))
            ignore_leave(up[--depth].dir);
        struct ignore_verdict verdict;
        struct ignore_dir *below;
        struct failure f;
        if (ignore_check(ig, depth ? up[depth - 1].dir : ignore_root(ig), path_name(path),
                         tree->is_dir[i], &verdict, &below, &f) < 0)
            return 0;
        kept += verdict.keep;
        if (below && depth < ARRAY_SIZE(up)) {
            up[depth].path = path;
            up[depth++].dir = below;
        } else if (tree->is_dir[i]) {
            fprintf(stderr, "not entered, which the reference would: %s\n", QUOTE(path));
            return 0;
        }
    }
    while (depth)
        ignore_leave(up[--depth].dir);
    return kept;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "tree") == 0) {
        size_t left = 100000;
        print_tree("", 0, &left);
        return 0;
    }
    cleanup_buf struct buf rules = BUF(IGNORE_FILE_MAX), entries = BUF(64 << 20);
    cleanup_arena struct arena arena = {0};
    struct tree tree = {0};
    struct ignore *ig;
    struct failure f;
    if (argc != 3 || io_read_file(AT_FDCWD, argv[1], &rules) < 0 ||
        io_read_file(AT_FDCWD, argv[2], &entries) < 0 ||
        ignore_parse(bytes_of(argv[1]), buf_bytes(&rules), IGNORE_BUILDKIT, NULL, &ig, &f) <
            0) {
        fprintf(stderr, "usage: bench-match tree, or bench-match IGNOREFILE TREE\n");
        return 2;
    }
    read_tree(&arena, buf_bytes(&entries), &tree);
    size_t kept = walk(ig, &tree); /* warms the caches */
    double begin = cpu_ns();
    size_t again = walk(ig, &tree);
    double ns = (cpu_ns() - begin) / (double)tree.n;
    ignore_free(ig);
    if (kept == 0 || kept != again)
        return 1;
    printf("%.1f ns a path, %zu of %zu kept\n", ns, kept, tree.n);
    return 0;
}
