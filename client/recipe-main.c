/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx-recipe: recipes of dependencies. Read from main() upwards: it parses the command line,
 * then calls one function for each command.
 */
#include "output.h"
#include "recipe-options.h"
#include "recipe-verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

enum exit_status {
    EXIT_DONE,
    EXIT_DIFFERS,
    EXIT_USAGE,
    EXIT_NOTHING,
    EXIT_UNSAFE,
    EXIT_IO,
};

#define cleanup_recipe __attribute__((cleanup(recipe_main_free_recipe)))

static void recipe_main_free_recipe(struct recipe **recipe)
{
    recipe_free(*recipe);
}

static void recipe_main_free_ignore(struct ignore **ig)
{
    ignore_free(*ig);
}

static enum exit_status recipe_main_status_of(int r)
{
    switch (r) {
    case RECIPE_UNSAFE:
    case -ENOTEMPTY:
        return EXIT_UNSAFE;
    case RECIPE_VERSION:
    case -ENOENT:
        return EXIT_NOTHING;
    case -EINVAL:
    case -EEXIST:
        return EXIT_USAGE;
    default:
        return EXIT_IO;
    }
}

/* ---- making a recipe --------------------------------------------------------------- */

/* Reads the ignore file that Docker would read: the Dockerfile's own one, or the context's. */
static int recipe_main_read_ignore(const struct recipe_command_line *line, int root_fd,
                                   struct notes *notes, struct ignore **ret, struct failure *f)
{
    cleanup_buf struct buf text = BUF(IGNORE_FILE_MAX);
    cleanup_arena struct arena arena = {0};
    const char *name = line->ignore_file;
    int r = -ENOENT;
    /* Only the name of the Dockerfile is needed, but a mistyped name would find the wrong
     * ignore file. */
    if (line->dockerfile && access(line->dockerfile, F_OK) < 0)
        return fail(f, -EIO, "can't open the Dockerfile %s: %s",
                    QUOTE(bytes_of(line->dockerfile)), strerror(errno));
    if (line->no_ignore)
        return 0;
    if (!name && line->dockerfile) {
        name = (const char *)arena_printf(&arena, "%s.dockerignore", line->dockerfile).at;
        r = io_read_file(AT_FDCWD, name, &text);
    } else if (name) {
        r = io_read_file(AT_FDCWD, name, &text);
        if (r < 0)
            return fail(f, -EIO, "can't read the ignore file %s: %s", QUOTE(bytes_of(name)),
                        strerror(-r));
    }
    if (r == -ENOENT) {
        name = ".dockerignore";
        r = io_read_file(root_fd, name, &text);
    }
    if (r < 0)
        return r == -ENOENT
                   ? 0
                   : fail(f, -EIO, "can't read %s: %s", QUOTE(bytes_of(name)), strerror(-r));
    return ignore_parse(bytes_of(name), buf_bytes(&text), IGNORE_BUILDKIT, notes, ret, f);
}

static int recipe_main_make(const struct recipe_command_line *line, const char *path,
                            struct notes *notes, struct recipe **ret, struct failure *f)
{
    cleanup_listing struct listing listing = {0};
    __attribute__((cleanup(recipe_main_free_ignore))) struct ignore *ignore = NULL;
    cleanup_fd int root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return fail(f, -EIO, "can't open PATH %s: %s", QUOTE(bytes_of(path)), strerror(errno));
    int r = recipe_main_read_ignore(line, root_fd, notes, &ignore, f);
    if (r == 0)
        r = listing_walk(root_fd, ignore, &listing, f);
    return r < 0 ? r : recipe_prepare(&listing, &line->prepare, notes, ret, f);
}

static void recipe_main_report(const struct recipe_command_line *line,
                               const struct notes *notes)
{
    for (size_t i = 0; i < notes->n && !line->quiet; i++) {
        bool warning = notes->at[i].level == NOTE_WARNING;
        if (warning || line->verbose)
            fprintf(stderr, "ctx-recipe: %s: %.*s\n", warning ? "warning" : "note",
                    BYTES_ARG(notes->at[i].text));
    }
}

/* ---- reading one ------------------------------------------------------------------- */

static int recipe_main_load(const char *path, struct recipe **ret, struct failure *f)
{
    cleanup_buf struct buf text = BUF(256u << 20);
    bool is_stdin = strcmp(path, "-") == 0;
    cleanup_fd int fd = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r = fd < 0 && !is_stdin ? -errno : io_read_rest(is_stdin ? STDIN_FILENO : fd, &text);
    if (r == -ENOENT)
        return fail(f, -EIO, "there is no recipe %s: ctx-recipe prepare -o FILE makes one",
                    QUOTE(bytes_of(path)));
    if (r < 0) {
        fail_errno(f, r, "can't read the recipe %s", QUOTE(bytes_of(path)));
        return -EIO;
    }
    r = recipe_read(is_stdin ? BYTES("standard input") : bytes_of(path), buf_bytes(&text), ret,
                    f);
    if (r < 0)
        return r;
    cleanup_arena struct arena arena = {0};
    struct bytes dir = path_dir(bytes_of(path));
    cleanup_fd int dir_fd = open(is_stdin || !dir.len ? "." : arena_string(&arena, dir),
                                 O_PATH | O_DIRECTORY | O_CLOEXEC);
    r = recipe_read_blobs(*ret, dir_fd, f);
    if (r < 0) {
        recipe_free(*ret);
        *ret = NULL;
    }
    return r == -ENOENT ? -EIO : r;
}

/* Refuses options of prepare if the path is a recipe, because they could have no effect. */
static int recipe_main_made_already(const struct recipe_command_line *line, const char *path,
                                    struct failure *f)
{
    struct stat st;
    if (!line->making || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    return fail(f, -EINVAL, "--%s is for prepare, and for a directory; %s is a recipe already",
                line->making, QUOTE(bytes_of(path)));
}

/* Reads the recipe at a path, or prepares the recipe of a directory. */
static int recipe_main_load_or_make(const struct recipe_command_line *line, const char *path,
                                    struct notes *notes, struct recipe **ret, struct failure *f)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return recipe_main_make(line, path, notes, ret, f);
    return recipe_main_load(path, ret, f);
}

/* ---- writing ----------------------------------------------------------------------- */

/* Writes a file whole or not at all. A file that has this content already is not touched,
 * because somebody may look at its mtime. */
static int recipe_main_write_file(const char *path, struct bytes content, struct failure *f)
{
    cleanup_buf struct buf there = BUF(content.len + 1);
    cleanup_output struct output out = OUTPUT;
    struct stat st;
    bool regular = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    if (regular && io_read_file(AT_FDCWD, path, &there) == 0 &&
        bytes_equal(buf_bytes(&there), content))
        return 0;
    int r = output_open(&out, path, f);
    if (r == 0 && (r = io_write_full(out.fd, content.at, content.len)) < 0)
        fail_errno(f, r, "can't write to %s", QUOTE(bytes_of(path)));
    r = r < 0 ? r : output_publish(&out, f);
    return r < 0 ? -EIO : 0;
}

static int recipe_main_write_out(struct bytes content, struct failure *f)
{
    int r = io_write_full(STDOUT_FILENO, content.at, content.len);
    if (r < 0)
        fail_errno(f, r, "can't write to standard output");
    return r < 0 ? -EIO : 0;
}

/* The file to write to; NULL: standard output. */
static const char *recipe_main_output_path(const struct recipe_command_line *line)
{
    return line->output && strcmp(line->output, "-") != 0 ? line->output : NULL;
}

static int recipe_main_write_recipe(const struct recipe_command_line *line,
                                    const struct recipe *recipe, struct failure *f)
{
    cleanup_buf struct buf text = BUF(256u << 20);
    cleanup_arena struct arena arena = {0};
    const char *output = recipe_main_output_path(line);
    int r = recipe_write(recipe, &text, f);
    if (r < 0)
        return r;
    if (recipe_has_blobs(recipe)) {
        if (!output)
            return fail(f, -EINVAL,
                        "the recipe has large contents, which lie beside it: give it "
                        "a file by --output");
        struct bytes dir = path_dir(bytes_of(output));
        cleanup_fd int dir_fd =
            open(dir.len ? arena_string(&arena, dir) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = recipe_write_blobs(recipe, dir_fd, f);
        if (r < 0)
            return -EIO;
    }
    return output ? recipe_main_write_file(output, buf_bytes(&text), f)
                  : recipe_main_write_out(buf_bytes(&text), f);
}

/* ---- commands ---------------------------------------------------------------------- */

static int recipe_main_prepare(const struct recipe_command_line *line, struct notes *notes,
                               struct failure *f)
{
    cleanup_recipe struct recipe *recipe = NULL;
    int r = recipe_main_make(line, line->n_words ? line->words[0] : ".", notes, &recipe, f);
    if (!recipe)
        return r;
    /* If nothing was found, the recipe is empty and written, too: a script may expect the file.
     */
    struct failure why = {0};
    int written = recipe_main_write_recipe(line, recipe, &why);
    if (written < 0)
        *f = why;
    return written < 0 ? written : r;
}

static const char *recipe_main_path(const struct recipe_command_line *line)
{
    return line->recipe ? line->recipe : "recipe.json";
}

/* The name of the recipe's file if it lies in the directory to cook in, else NULL. */
static const char *recipe_main_spare_name(const char *recipe, int dir_fd)
{
    struct stat named, inside;
    const char *slash = strrchr(recipe, '/'), *name = slash ? slash + 1 : recipe;
    bool same = stat(recipe, &named) == 0 &&
                fstatat(dir_fd, name, &inside, AT_SYMLINK_NOFOLLOW) == 0 &&
                named.st_dev == inside.st_dev && named.st_ino == inside.st_ino;
    return same ? name : NULL;
}

static struct cook recipe_main_cook_of(const struct recipe_command_line *line, int dir_fd)
{
    return (struct cook){
        .dir_fd = dir_fd,
        .eco = line->prepare.ecos,
        .dir = line->prepare.dir,
        .no_std = line->no_std,
        .force = line->force,
        .no_journal = line->no_journal,
        .spare = dir_fd < 0 ? NULL : recipe_main_spare_name(recipe_main_path(line), dir_fd)};
}

static int recipe_main_cook_in(const struct recipe_command_line *line, const char *path,
                               struct failure *f)
{
    cleanup_recipe struct recipe *recipe = NULL;
    struct cook_stats stats;
    int r = recipe_main_load(recipe_main_path(line), &recipe, f);
    if (r < 0)
        return r;
    cleanup_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        fail_errno(f, -errno, "can't open %s", QUOTE(bytes_of(path)));
        return -EIO;
    }
    struct cook how = recipe_main_cook_of(line, dir_fd);
    r = recipe_cook(recipe, &how, &stats, f);
    if (r == 0 && line->verbose)
        fprintf(stderr, "ctx-recipe: %zu files written, %zu as they were, %zu removed\n",
                stats.n_written, stats.n_same, stats.n_removed);
    return r;
}

static int recipe_main_cook(const struct recipe_command_line *line, struct failure *f)
{
    const char *path = line->directory ? line->directory : ".";
    int r = recipe_main_cook_in(line, path, f);
    if (r < 0 || !line->child)
        return r;
    if (chdir(path) == 0) {
        sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        execvp(line->child[0], line->child);
    }
    fail_errno(f, -errno, "can't run %s", QUOTE(bytes_of(line->child[0])));
    return -EIO;
}

static int recipe_main_skeleton(const struct recipe_command_line *line, struct failure *f)
{
    cleanup_recipe struct recipe *recipe = NULL;
    if (!line->tar) {
        if (mkdir(line->words[0], 0777) < 0 && errno != EEXIST) {
            fail_errno(f, -errno, "can't make %s", QUOTE(bytes_of(line->words[0])));
            return -EIO;
        }
        return recipe_main_cook_in(line, line->words[0], f);
    }
    const char *output = recipe_main_output_path(line);
    if (!output && isatty(STDOUT_FILENO))
        return fail(f, -EINVAL, "a tar is not for a terminal: say --output, or pipe it");
    int r = recipe_main_load(recipe_main_path(line), &recipe, f);
    if (r < 0)
        return r;
    cleanup_output struct output out = OUTPUT;
    struct cook how = recipe_main_cook_of(line, -1);
    if (!output)
        return recipe_tar(recipe, &how, STDOUT_FILENO, f);
    if (output_open(&out, output, f) < 0)
        return -EIO;
    r = recipe_tar(recipe, &how, out.fd, f);
    return r < 0 ? r : output_publish(&out, f) < 0 ? -EIO : 0;
}

static int recipe_main_digest(const struct recipe_command_line *line, struct notes *notes,
                              struct failure *f)
{
    cleanup_recipe struct recipe *recipe = NULL;
    cleanup_buf struct buf out = BUF(64u << 20);
    char digest[RECIPE_DIGEST_TEXT];
    const char *path = line->n_words ? line->words[0] : recipe_main_path(line);
    int r = recipe_main_made_already(line, path, f);
    r = r < 0 ? r : recipe_main_load_or_make(line, path, notes, &recipe, f);
    if (r < 0)
        return r;
    if (!line->units) {
        recipe_digest(recipe, digest);
        r = buf_addf(&out, "%s\n", digest);
    }
    for (size_t i = 0; line->units && i < recipe_units(recipe) && r == 0; i++) {
        recipe_unit_digest(recipe, i, digest);
        cleanup_arena struct arena arena = {0};
        struct bytes hint = recipe_unit_hint(recipe, i, &arena);
        r = buf_addf(&out, "%.*s\t%.*s\t%s\t%.*s\n", BYTES_ARG(recipe_unit_eco(recipe, i)),
                     BYTES_ARG(recipe_unit_dir(recipe, i)), digest, BYTES_ARG(hint));
    }
    return r < 0 ? r : recipe_main_write_out(buf_bytes(&out), f);
}

static int recipe_main_diff(const struct recipe_command_line *line, struct notes *notes,
                            bool *ret_differs, struct failure *f)
{
    cleanup_recipe struct recipe *from = NULL, *to = NULL;
    cleanup_buf struct buf out = BUF(64u << 20);
    int r = recipe_main_load_or_make(line, line->words[0], notes, &from, f);
    if (r == 0)
        r = recipe_main_load_or_make(line, line->words[1], notes, &to, f);
    ssize_t lines = r < 0 ? r : recipe_diff(from, to, &out, f);
    *ret_differs = lines > 0;
    return lines < 0 ? (int)lines : recipe_main_write_out(buf_bytes(&out), f);
}

/* Compares the recipe with what the directory would give now, and has installed tools check its
 * skeleton. */
static int recipe_main_verify(const struct recipe_command_line *line, struct notes *notes,
                              bool *ret_differs, struct failure *f)
{
    cleanup_recipe struct recipe *recipe = NULL, *now = NULL;
    cleanup_buf struct buf out = BUF(64u << 20);
    const char *path = line->n_words ? line->words[0] : recipe_main_path(line);
    int r = line->n_words < 2 ? recipe_main_made_already(line, path, f) : 0;
    r = r < 0 ? r : recipe_main_load(path, &recipe, f);
    if (r == 0 && line->n_words == 2) {
        r = recipe_main_make(line, line->words[1], notes, &now, f);
        ssize_t lines = r < 0 ? r : recipe_diff(recipe, now, &out, f);
        *ret_differs = lines > 0;
        r = lines < 0 ? (int)lines : recipe_main_write_out(buf_bytes(&out), f);
    }
    return r < 0 ? r : recipe_verify_tools(recipe, line->verbose, ret_differs, f);
}

/* Prints --help or --version. A failure of standard output is an error, because its content is
 * the answer. */
static enum exit_status recipe_main_print_answer(enum recipe_command command)
{
    if (command == COMMAND_HELP)
        recipe_help(stdout);
    else
        printf("ctx-recipe %s\n", CTXD_VERSION);
    if (fflush(stdout) == EOF || ferror(stdout)) {
        fprintf(stderr, "ctx-recipe: standard output: %s\n", strerror(errno));
        return EXIT_IO;
    }
    return EXIT_DONE;
}

static enum exit_status recipe_main_run(const struct recipe_command_line *line)
{
    cleanup_notes struct notes notes = {0};
    struct failure f = {0};
    bool differs = false;
    int r = 0;
    switch (line->command) {
    case COMMAND_PREPARE:
        r = recipe_main_prepare(line, &notes, &f);
        break;
    case COMMAND_COOK:
        r = recipe_main_cook(line, &f);
        break;
    case COMMAND_SKELETON:
        r = recipe_main_skeleton(line, &f);
        break;
    case COMMAND_DIGEST:
        r = recipe_main_digest(line, &notes, &f);
        break;
    case COMMAND_VERIFY:
        r = recipe_main_verify(line, &notes, &differs, &f);
        break;
    case COMMAND_DIFF:
        r = recipe_main_diff(line, &notes, &differs, &f);
        break;
    case COMMAND_HELP:
    case COMMAND_VERSION:
    case COMMAND_NONE:
        return recipe_main_print_answer(line->command);
    }
    recipe_main_report(line, &notes);
    if (r < 0) {
        fprintf(stderr, "ctx-recipe: %s\n", f.text);
        return recipe_main_status_of(r);
    }
    return differs ? EXIT_DIFFERS : EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct recipe_command_line line = {0};
    struct failure f = {0};
    enum exit_status status = EXIT_USAGE;
    io_hold_standard();
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (recipe_command_line(argc, argv, &line, &f) < 0)
        fprintf(stderr, "ctx-recipe: %s\nTry: ctx-recipe --help\n", f.text);
    else
        status = recipe_main_run(&line);
    arena_release(&line.arena);
    return (int)status;
}
