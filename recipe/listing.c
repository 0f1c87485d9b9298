/* SPDX-License-Identifier: Apache-2.0 */
/* A listing of the context: walking it, following links, asking and reading. */
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* Entries. A context with more is no source tree, and the walk must end. */
#define LISTING_MAX 4000000

/* Directories that installers, builds or version control make: never part of a recipe. */
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

static int listing_compare_entries(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return bytes_compare(x->path, y->path);
}

void listing_seal(struct listing *l)
{
    if (l->n)
        qsort(l->at, l->n, sizeof(*l->at), listing_compare_entries);
}

struct walking {
    struct listing *l;
    const struct ignore *ignore;
    struct failure *f;
};

/* Bytes for the names of one directory: about 4,000,000 names of usual length. */
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

/* ---- links ------------------------------------------------------------------------------ */

/* Links in a path that are followed: as many as Linux follows. */
#define HOPS_MAX 40

struct bytes listing_follow(struct arena *a, struct bytes path, listing_look *look,
                            void *context)
{
    struct bytes at = BYTES(""), rest = path, name;
    for (int hops = 0; bytes_next(&rest, '/', &name);) {
        enum listed_kind kind;
        struct bytes target;
        if (name.len == 0 || bytes_equal(name, BYTES(".")))
            continue;
        if (bytes_equal(name, BYTES(".."))) {
            at = path_dir(at);
            continue;
        }
        struct bytes next = path_join(a, at, name);
        if (!look(context, next, &kind, &target))
            break;
        if (kind == LISTED_FILE)
            return rest.at ? (struct bytes){0} : next;
        if (kind == LISTED_DIR) {
            at = next;
            continue;
        }
        if (++hops > HOPS_MAX || target.len + rest.len > PATH_MAX)
            break;
        if (target.len && target.at[0] == '/')
            at = BYTES("");
        rest = rest.at ? path_join(a, target, rest) : target;
    }
    return (struct bytes){0};
}

struct looking {
    const struct listing *l;
    struct arena *arena;
    const struct ignore *ignore; /* NULL: nothing is excluded */
    int result;                  /* the first failure of the ignore rules, or 0 */
    struct failure *f;
};

/* listing_look of the file system. A directory is always seen: one that is excluded may hold
 * entries that are not. */
static bool listing_look_in_root(void *context, struct bytes path, enum listed_kind *ret_kind,
                                 struct bytes *ret_target)
{
    struct looking *k = context;
    char target[PATH_MAX];
    struct stat st;
    bool excluded = false;
    cleanup_fd int dir = io_open_beneath(k->l->root_fd, arena_string(k->arena, path_dir(path)),
                                         O_PATH | O_DIRECTORY);
    const char *name = arena_string(k->arena, path_name(path));
    if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *ret_kind = S_ISDIR(st.st_mode)   ? LISTED_DIR
                : S_ISLNK(st.st_mode) ? LISTED_LINK
                                      : LISTED_FILE;
    if (*ret_kind == LISTED_DIR)
        return true;
    if (k->ignore && k->result == 0)
        k->result = ignore_path(k->ignore, path, &excluded, k->f);
    if (k->result < 0 || excluded || (*ret_kind == LISTED_FILE && !S_ISREG(st.st_mode)))
        return false;
    ssize_t n = S_ISLNK(st.st_mode) ? readlinkat(dir, name, target, sizeof(target)) : 0;
    *ret_target = arena_copy(k->arena, bytes_at(target, n > 0 ? (size_t)n : 0));
    return n >= 0;
}

/* Sets linked_file of every link. Needs the whole listing, because a link may lead anywhere. */
static int listing_find_linked(struct listing *l, const struct ignore *ignore,
                               struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < l->n && r == 0; i++) {
        struct listed *e = &l->at[i];
        if (e->kind != LISTED_LINK)
            continue;
        cleanup_arena struct arena arena = {0};
        struct looking k = {.l = l, .arena = &arena, .ignore = ignore, .f = f};
        e->linked_file = listing_follow(&arena, e->path, listing_look_in_root, &k).at;
        r = k.result;
    }
    return r;
}

/* ---- the walk --------------------------------------------------------------------------- */

static int listing_walk_dir(struct walking *w, struct bytes dir,
                            const struct ignore_dir *rules);

/* The type of an entry on a file system that gives none in its directories. */
static unsigned char listing_type_of(struct walking *w, struct bytes path)
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

static int listing_walk_entry(struct walking *w, struct bytes dir,
                              const struct ignore_dir *rules,
                              const struct listing_beside *beside, const struct names *names,
                              size_t i)
{
    struct listing *l = w->l;
    struct bytes path = path_join(&l->arena, dir, names_at(names, i)), name = path_name(path);
    unsigned char type = names->at[i].type;
    if (type == DT_UNKNOWN)
        type = listing_type_of(w, path);
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
        r = listing_walk_dir(w, path, below);
    ignore_leave(below);
    if (r < 0 || !verdict.keep || verdict.no_content)
        return r;
    if (l->n >= LISTING_MAX)
        return fail(w->f, -E2BIG, "more than %d entries: prepare a smaller directory",
                    LISTING_MAX);
    /* listing_find_linked() finds out later where links lead. */
    if (is_dir || type == DT_REG || type == DT_LNK)
        listing_add(l, path,
                    is_dir           ? LISTED_DIR
                    : type == DT_REG ? LISTED_FILE
                                     : LISTED_LINK,
                    false);
    return 0;
}

/* Recurses as deep as a path can be: 2,048 directories, since a path has 4,096 bytes. */
static int listing_walk_dir(struct walking *w, struct bytes dir, const struct ignore_dir *rules)
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
    close(fd); /* before the recursion, because file descriptors are few */
    if (r < 0)
        return fail_errno(w->f, r, "can't read the directory %s", QUOTE(dir));
    struct listing_beside beside = {0};
    for (size_t i = 0; i < names.n; i++)
        listing_look_beside(names_at(&names, i), &beside);
    for (size_t i = 0; i < names.n && r == 0 && !beside.venv; i++)
        r = listing_walk_entry(w, dir, rules, &beside, &names, i);
    return r;
}

int listing_walk(int root_fd, const struct ignore *ignore, struct listing *ret,
                 struct failure *f)
{
    struct walking w = {.l = ret, .ignore = ignore, .f = f};
    ret->root_fd = root_fd;
    int r = listing_walk_dir(&w, BYTES(""), ignore ? ignore_root(ignore) : NULL);
    if (r < 0)
        return r;
    listing_seal(ret);
    return listing_find_linked(ret, ignore, f);
}

/* The index of the first entry that is not before `key`. */
static size_t listing_lower_bound(const struct listing *l, struct bytes key)
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
    size_t at = listing_lower_bound(l, path);
    return at < l->n && bytes_equal(l->at[at].path, path) ? &l->at[at] : NULL;
}

bool listing_is_file(const struct listing *l, struct bytes path)
{
    struct listed *e = listing_find(l, path);
    return e && (e->kind == LISTED_FILE || e->linked_file);
}

bool listing_is_dir(const struct listing *l, struct bytes path)
{
    size_t first, end;
    struct listed *e = listing_find(l, path);
    if (path.len == 0 || (e && e->kind == LISTED_DIR))
        return true;
    /* A directory that is excluded, but holds an entry that is not. */
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
    *ret_first = listing_lower_bound(l, low);
    *ret_end = listing_lower_bound(l, high);
}

bool listing_child(const struct listing *l, struct bytes dir, size_t i, struct bytes *ret_name)
{
    struct bytes name = dir.len ? bytes_from(l->at[i].path, dir.len + 1) : l->at[i].path;
    *ret_name = name;
    return bytes_find(name, '/') == name.len;
}

bool listing_named(const struct listing *l, size_t i, const char *name)
{
    /* The end first: most names differ there. */
    struct bytes path = l->at[i].path, wanted = bytes_of(name);
    return path.len >= wanted.len &&
           memcmp(path.at + path.len - wanted.len, wanted.at, wanted.len) == 0 &&
           (path.len == wanted.len || path.at[path.len - wanted.len - 1] == '/') &&
           (l->at[i].kind == LISTED_FILE || l->at[i].linked_file);
}

static int listing_read_from_root(const struct listing *l, struct bytes path, struct buf *to,
                                  bool *ret_executable, struct failure *f)
{
    struct stat st;
    cleanup_arena struct arena arena = {0};
    struct looking k = {.l = l, .arena = &arena};
    struct listed *e = listing_find(l, path);
    bool link = e && e->kind == LISTED_LINK;
    struct bytes file = link ? listing_follow(&arena, path, listing_look_in_root, &k) : path;
    cleanup_fd int fd =
        file.at ? io_open_beneath(l->root_fd, arena_string(&arena, file), O_RDONLY | O_NONBLOCK)
                : -ENOENT;
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
                      : listing_read_from_root(l, name, &text, &executable, f);
    if (r < 0)
        return r;
    if (ret_executable)
        *ret_executable = executable;
    *ret = arena_copy(a, buf_bytes(&text));
    return 0;
}
