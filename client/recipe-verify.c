/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe-verify.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>

/* The checks. Each works without a network, and reads what the installer would read first. */
static const struct {
    const char *eco;
    const char *argv[8];
    /* Fails if the tool is a shim without a tool behind it, as rustup's may be. */
    const char *version[3];
} checks[] = {
    {"cargo",
     {"cargo", "metadata", "--no-deps", "--offline", "--format-version=1", NULL},
     {"cargo", "--version", NULL}},
    {"go", {"go", "list", "-m", NULL}, {"go", "version", NULL}},
    {"npm",
     {"node", "-e", "JSON.parse(require('fs').readFileSync('package.json'))", NULL},
     {"node", "--version", NULL}},
    {"php",
     {"composer", "validate", "--no-check-all", "--no-check-publish", NULL},
     {"composer", "--version", NULL}},
    {"ruby", {"ruby", "-c", "Gemfile", NULL}, {"ruby", "--version", NULL}},
};

static bool recipe_verify_is_installed(const char *tool)
{
    const char *path = getenv("PATH");
    struct bytes rest = bytes_of(path ? path : "/usr/local/bin:/usr/bin:/bin"), dir;
    while (rest.at && bytes_next(&rest, ':', &dir)) {
        cleanup_arena struct arena arena = {0};
        if (dir.len &&
            access((const char *)arena_printf(&arena, "%.*s/%s", BYTES_ARG(dir), tool).at,
                   X_OK) == 0)
            return true;
    }
    return false;
}

/* Runs a command in a directory, with its output going to out_fd. Its exit status, or -errno.
 */
static int recipe_verify_run(const char *dir, const char *const *argv, int out_fd)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY);
        if (null >= 0 && chdir(dir) == 0 && dup2(null, STDIN_FILENO) >= 0 &&
            dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(out_fd, STDERR_FILENO) >= 0)
            execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (child < 0)
        return -errno;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int recipe_verify_remove(const char *path, const struct stat *st, int kind,
                                struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int recipe_verify_unit(const char *root, const struct recipe *recipe, size_t unit,
                              bool verbose, bool *ret_failed)
{
    struct bytes eco = recipe_unit_eco(recipe, unit), dir = recipe_unit_dir(recipe, unit);
    cleanup_arena struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        if (!bytes_equal(bytes_of(checks[i].eco), eco))
            continue;
        if (!recipe_verify_is_installed(checks[i].argv[0]))
            break;
        const char *where =
            (const char *)arena_printf(&arena, "%s/%.*s", root, BYTES_ARG(dir)).at;
        cleanup_buf struct buf text = BUF(1u << 20);
        cleanup_fd int out = open(root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        int r = out < 0 ? -errno : recipe_verify_run(where, checks[i].version, out);
        if (r > 0)
            break;
        if (r == 0 && (ftruncate(out, 0) < 0 || lseek(out, 0, SEEK_SET) < 0))
            r = -errno;
        r = r < 0 ? r : recipe_verify_run(where, checks[i].argv, out);
        if (r != 0) {
            *ret_failed = true;
            fprintf(stderr, "ctx-recipe: %.*s in %.*s: %s refuses the skeleton:\n",
                    BYTES_ARG(eco), BYTES_ARG(dir), checks[i].argv[0]);
            if (out >= 0 && lseek(out, 0, SEEK_SET) == 0)
                (void)!io_read_rest(out, &text);
            fprintf(stderr, "%.*s", BYTES_ARG(buf_bytes(&text)));
        } else if (verbose) {
            fprintf(stderr, "ctx-recipe: %.*s in %.*s: %s takes the skeleton\n", BYTES_ARG(eco),
                    BYTES_ARG(dir), checks[i].argv[0]);
        }
        return r < 0 ? r : 0;
    }
    if (verbose)
        fprintf(stderr, "ctx-recipe: %.*s in %.*s: no check, or its tool does not run here\n",
                BYTES_ARG(eco), BYTES_ARG(dir));
    return 0;
}

int recipe_verify_tools(const struct recipe *recipe, bool verbose, bool *ret_failed,
                        struct failure *f)
{
    const char *tmp = getenv("TMPDIR");
    cleanup_arena struct arena arena = {0};
    char *root = arena_string(
        &arena, arena_printf(&arena, "%s/ctx-recipe-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
    struct cook_stats stats;
    if (!mkdtemp(root)) {
        fail_errno(f, -errno, "can't make a directory in %s", QUOTE(path_dir(bytes_of(root))));
        return -EIO;
    }
    cleanup_fd int dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct cook how = {.dir_fd = dir_fd, .no_journal = true};
    int r = recipe_cook(recipe, &how, &stats, f);
    for (size_t i = 0; i < recipe_units(recipe) && r == 0; i++) {
        r = recipe_verify_unit(root, recipe, i, verbose, ret_failed);
        if (r < 0)
            fail_errno(f, r, "can't run a check");
    }
    nftw(root, recipe_verify_remove, 16, FTW_DEPTH | FTW_PHYS);
    return r;
}
