/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

/* A context of that many entries is no source tree; the walk is bounded by it. */
#define LISTING_MAX 4000000

/* Made by installers and builds, or version control: never part of a recipe. */
static const char never[][16] = {
    "node_modules", ".git",      ".hg",  ".svn", ".jj",     ".venv",      "__pycache__",
    ".ctx",         ".ctx-stub", ".tox", ".nox", ".gradle", ".terraform", ".mypy_cache",
};

void listing_release(struct listing *l)
{
    arena_release(&l->arena);
    *l = (struct listing){0};
}

void listing_add(struct listing *l, struct bytes path, enum listed_kind kind, bool linked_file)
{
    *ARENA_PUSH(&l->arena, l->at, &l->n, &l->cap) =
        (struct listed){.path = path, .kind = kind, .linked_file = linked_file};
}

static int compare_entries(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return bytes_compare(x->path, y->path);
}

void listing_seal(struct listing *l)
{
    if (l->n)
        qsort(l->at, l->n, sizeof(*l->at), compare_entries);
}

struct walking {
    struct listing *l;
    const struct ignore *ignore;
    struct failure *f;
};

/* Room for the names of one directory: some 4,000,000 of usual length. */
#define LISTING_NAMES_MAX (64u << 20)

void listing_look_beside(struct bytes name, struct listing_beside *beside)
{
    beside->cargo |= bytes_equal(name, BYTES("Cargo.toml"));
    beside->dotnet |= bytes_ends(name, BYTES(".csproj")) ||
                      bytes_ends(name, BYTES(".fsproj")) || bytes_ends(name, BYTES(".vbproj"));
    beside->venv |= bytes_equal(name, BYTES("pyvenv.cfg"));
}

bool listing_is_product(struct bytes name, struct bytes parent,
                        const struct listing_beside *beside)
{
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (bytes_equal(name, bytes_of(never[i])))
            return true;
    return (beside->cargo && bytes_equal(name, BYTES("target"))) ||
           (beside->dotnet &&
            (bytes_equal(name, BYTES("bin")) || bytes_equal(name, BYTES("obj")))) ||
           (bytes_equal(name, BYTES("bundle")) &&
            bytes_equal(path_name(parent), BYTES("vendor")));
}

static int walk_dir(struct walking *w, struct bytes dir, const struct ignore_dir *rules);

/* Some file systems give no type. */
static unsigned char type_of(struct walking *w, struct bytes path)
{
    struct stat st;
    cleanup_fd int fd = io_open_beneath(w->l->root_fd, (const char *)path.at, O_PATH);
    if (fd == -ELOOP)
        return DT_LNK;
    if (fd < 0 || fstat(fd, &st) < 0)
        return DT_UNKNOWN;
    return S_ISDIR(st.st_mode)   ? DT_DIR
           : S_ISREG(st.st_mode) ? DT_REG
           : S_ISLNK(st.st_mode) ? DT_LNK
                                 : DT_UNKNOWN;
}

static int walk_entry(struct walking *w, struct bytes dir, const struct ignore_dir *rules,
                      const struct listing_beside *beside, const struct names *names, size_t i)
{
    struct listing *l = w->l;
    struct bytes path = path_join(&l->arena, dir, names_at(names, i)), name = path_name(path);
    unsigned char type = names->at[i].type;
    if (type == DT_UNKNOWN)
        type = type_of(w, path);
    struct stat st;
    bool is_dir = type == DT_DIR;
    struct ignore_verdict verdict = {.keep = true, .descend = is_dir};
    struct ignore_dir *below = NULL;
    if (is_dir && listing_is_product(name, dir, beside))
        return 0;
    int r =
        w->ignore ? ignore_check(w->ignore, rules, name, is_dir, &verdict, &below, w->f) : 0;
    if (r < 0)
        return r;
    if (is_dir && verdict.descend)
        r = walk_dir(w, path, below);
    ignore_leave(below);
    if (r < 0 || !verdict.keep || verdict.no_content)
        return r;
    if (l->n >= LISTING_MAX)
        return fail(w->f, -E2BIG, "more than %d entries: prepare a smaller directory",
                    LISTING_MAX);
    bool linked_file = false;
    if (type == DT_LNK) {
        /* Only O_PATH: a FIFO behind a link must not be opened. */
        cleanup_fd int target = io_open_in_root(l->root_fd, (const char *)path.at, O_PATH);
        linked_file = target >= 0 && fstat(target, &st) == 0 && S_ISREG(st.st_mode);
    }
    if (is_dir || type == DT_REG || type == DT_LNK)
        listing_add(l, path,
                    is_dir           ? LISTED_DIR
                    : type == DT_REG ? LISTED_FILE
                                     : LISTED_LINK,
                    linked_file);
    return 0;
}

/* As deep as a path can be: 2,048 directories. */
static int walk_dir(struct walking *w, struct bytes dir, const struct ignore_dir *rules)
{
    int fd = io_open_beneath(w->l->root_fd, dir.len ? (const char *)dir.at : ".",
                             O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return dir.len && fd == -ENOENT
                   ? 0
                   : fail_errno(w->f, fd,
                                "can't read the directory %s; exclude it in the "
                                "ignore file, or make it readable",
                                QUOTE(dir));
    cleanup_names struct names names = NAMES(LISTING_NAMES_MAX);
    int r = names_read(fd, &names);
    close(fd); /* before it goes deeper: descriptors are few */
    if (r < 0)
        return fail_errno(w->f, r, "can't read the directory %s", QUOTE(dir));
    struct listing_beside beside = {0};
    for (size_t i = 0; i < names.n; i++)
        listing_look_beside(names_at(&names, i), &beside);
    for (size_t i = 0; i < names.n && r == 0 && !beside.venv; i++)
        r = walk_entry(w, dir, rules, &beside, &names, i);
    return r;
}

int listing_walk(int root_fd, const struct ignore *ignore, struct listing *ret,
                 struct failure *f)
{
    struct walking w = {.l = ret, .ignore = ignore, .f = f};
    ret->root_fd = root_fd;
    int r = walk_dir(&w, BYTES(""), ignore ? ignore_root(ignore) : NULL);
    if (r < 0)
        return r;
    listing_seal(ret);
    return 0;
}

/* The first entry that is not before `key`. */
static size_t lower_bound(const struct listing *l, struct bytes key)
{
    size_t low = 0, high = l->at ? l->n : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(l->at[middle].path, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct listed *listing_find(const struct listing *l, struct bytes path)
{
    size_t at = lower_bound(l, path);
    return at < l->n && bytes_equal(l->at[at].path, path) ? &l->at[at] : NULL;
}

bool listing_is_file(const struct listing *l, struct bytes path)
{
    struct listed *e = listing_find(l, path);
    return e && (e->kind == LISTED_FILE || e->linked_file);
}

/* A directory that is only there for what it holds has no entry of its own. */
bool listing_is_dir(const struct listing *l, struct bytes path)
{
    size_t first, end;
    struct listed *e = listing_find(l, path);
    if (path.len == 0 || (e && e->kind == LISTED_DIR))
        return true;
    listing_below(l, path, &first, &end);
    return end > first;
}

void listing_below(const struct listing *l, struct bytes dir, size_t *ret_first,
                   size_t *ret_end)
{
    if (dir.len == 0) {
        *ret_first = 0;
        *ret_end = l->n;
        return;
    }
    /* All of "dir/…" lies between "dir/" and "dir0": '0' follows '/'. */
    cleanup_arena struct arena arena = {0};
    struct bytes low = arena_printf(&arena, "%.*s/", BYTES_ARG(dir));
    struct bytes high = arena_printf(&arena, "%.*s0", BYTES_ARG(dir));
    *ret_first = lower_bound(l, low);
    *ret_end = lower_bound(l, high);
}

bool listing_child(const struct listing *l, struct bytes dir, size_t i, struct bytes *ret_name)
{
    struct bytes name = dir.len ? bytes_from(l->at[i].path, dir.len + 1) : l->at[i].path;
    *ret_name = name;
    return bytes_find(name, '/') == name.len;
}

static int read_from_root(const struct listing *l, struct bytes path, struct buf *to,
                          bool *ret_executable, struct failure *f)
{
    struct stat st;
    const char *name = (const char *)path.at;
    struct listed *e = listing_find(l, path);
    cleanup_fd int fd = e && e->kind == LISTED_LINK
                            ? io_open_in_root(l->root_fd, name, O_RDONLY | O_NONBLOCK)
                            : io_open_beneath(l->root_fd, name, O_RDONLY | O_NONBLOCK);
    int r = fd < 0 ? fd : io_read_regular(fd, to);
    if (r < 0)
        return fail_errno(f, r, "can't read %s", QUOTE(path));
    *ret_executable = fstat(fd, &st) == 0 && (st.st_mode & 0111);
    return 0;
}

int listing_read(const struct listing *l, struct arena *a, struct bytes path, size_t max,
                 struct bytes *ret, bool *ret_executable, struct failure *f)
{
    cleanup_buf struct buf text = BUF(max);
    bool executable = false;
    struct bytes name = bytes_of(arena_string(a, path));
    int r = l->reader ? l->reader(l->reader_context, name, &text, &executable, f)
                      : read_from_root(l, name, &text, &executable, f);
    if (r < 0)
        return r;
    if (ret_executable)
        *ret_executable = executable;
    *ret = arena_copy(a, buf_bytes(&text));
    return 0;
}
