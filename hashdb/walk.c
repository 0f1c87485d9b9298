/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: one job a directory, on the pool. A job reads the names, asks both verdicts for
 * each, stats what is kept or must be entered, and adds a job for each directory to enter.
 *
 *     names (getdents64) -> sort -> reads x ignore -> fstatat, readlinkat -> struct dir
 *
 * Jobs share nothing but the pool, the sealed rules and, under a lock, the first failure.
 */
#include "hashdb.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

struct walk {
    const struct tree_walk *ask;
    pthread_mutex_t lock; /* failure */
    struct failure failure;
    atomic_bool failed;
    atomic_uint_fast64_t n_dirs_read, n_stats;
};

struct walk_job {
    struct pool_job job;
    struct walk *walk;
    struct node *node;         /* whose `below` is filled */
    struct ignore_dir *ignore; /* owned; NULL at the root, or without an ignore set */
    struct select_dir *select; /* owned; NULL with all_selected, or at the root */
    bool all_selected;
    size_t path_len;
    char path[]; /* below the root, NUL-terminated */
};

/* One name of a directory being read. */
struct name {
    uint32_t at; /* in the name bytes */
    uint16_t len;
    uint8_t type; /* DT_* */
};

struct names {
    struct name *at;
    size_t n, cap;
    struct buf bytes;
};

/* 4 GiB of names in one directory: what a uint32_t offset reaches. */
#define NAME_BYTES_MAX UINT32_MAX

static void walk_fail(struct walk *walk, const struct failure *f)
{
    pthread_mutex_lock(&walk->lock);
    if (!atomic_exchange(&walk->failed, true))
        walk->failure = *f;
    pthread_mutex_unlock(&walk->lock);
}

struct linux_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

static int read_names(int fd, struct names *names)
{
    _Alignas(struct linux_dirent) uint8_t block[32768];
    for (;;) {
        long n = syscall(SYS_getdents64, fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (long i = 0; i < n;) {
            const struct linux_dirent *entry = (const void *)(block + i);
            i += entry->len;
            size_t len = strlen(entry->name);
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            if (names->n == names->cap) {
                names->cap = names->cap ? names->cap * 2 : 64;
                names->at = xrealloc(names->at, names->cap * sizeof(*names->at));
            }
            names->at[names->n++] = (struct name){
                .at = (uint32_t)names->bytes.len, .len = (uint16_t)len, .type = entry->type};
            int r = buf_add(&names->bytes, entry->name, len + 1);
            if (r < 0)
                return r;
        }
    }
}

static int compare_names(const void *a, const void *b, void *bytes)
{
    const struct name *x = a, *y = b;
    const uint8_t *base = bytes;
    return bytes_compare(bytes_at(base + x->at, x->len), bytes_at(base + y->at, y->len));
}

/* What both rule sets say of one name, and the states below it. */
struct verdict {
    struct ignore_verdict ignore;
    struct select_verdict select;
    struct ignore_dir *ignore_below;
    struct select_dir *select_below;
};

static void verdict_release(struct verdict *v)
{
    ignore_leave(v->ignore_below);
    select_leave(v->select_below);
    *v = (struct verdict){0};
}

static bool verdict_keep(const struct verdict *v)
{
    return v->ignore.keep && v->select.select;
}

static bool verdict_descend(const struct verdict *v)
{
    return v->ignore.descend && v->select.descend;
}

static int ask_rules(const struct walk_job *job, struct bytes name, bool is_dir,
                     struct verdict *v, struct failure *f)
{
    const struct tree_walk *ask = job->walk->ask;
    *v = (struct verdict){.ignore = {.keep = true, .descend = is_dir},
                          .select = {.select = true, .descend = is_dir}};
    if (!job->all_selected) {
        const struct select_dir *here = job->select ? job->select : select_root(ask->reads);
        select_check(here, name, is_dir, &v->select, &v->select_below);
        if (!v->select.select && !v->select.descend)
            return 0; /* nothing here is read: the ignore rules need not be asked */
    }
    if (!ask->ignore)
        return 0;
    const struct ignore_dir *here = job->ignore ? job->ignore : ignore_root(ask->ignore);
    return ignore_check(ask->ignore, here, name, is_dir, &v->ignore, &v->ignore_below, f);
}

static void run_walk_job(struct pool_job *base);

static void add_job(const struct walk_job *parent, struct node *node, struct verdict *v)
{
    size_t len = parent->path_len + (parent->path_len > 0) + node->name.len;
    struct walk_job *job = xcalloc(1, sizeof(*job) + len + 1);
    job->job.run = run_walk_job;
    job->walk = parent->walk;
    job->node = node;
    job->ignore = steal(&v->ignore_below);
    job->all_selected = parent->all_selected || !v->select_below;
    job->select = steal(&v->select_below);
    job->path_len = len;
    size_t at = parent->path_len;
    memcpy(job->path, parent->path, at);
    if (at)
        job->path[at++] = '/';
    memcpy(job->path + at, node->name.at, node->name.len);
    pool_add(parent->walk->ask->pool, &job->job);
}

static struct bytes job_path(const struct walk_job *job)
{
    return bytes_at(job->path, job->path_len);
}

/* The entries of a directory that matter, before their block is laid out. */
struct found {
    struct node *nodes; /* name.at and target.at are NULL: offsets wait in name_at, target_at */
    struct verdict *verdicts;
    uint32_t *name_at;
    size_t *target_at;
    size_t n;
    struct buf targets;
};

/* `name` of the job's directory can't be read; with an empty name, the directory itself. */
static int node_failure(const struct walk_job *job, struct bytes name, int error,
                        struct failure *f)
{
    cleanup_arena struct arena arena = {0};
    struct bytes path = name.len ? path_join(&arena, job_path(job), name) : job_path(job);
    const char *where = QUOTE(job->walk->ask->ignore_name);
    if (error == -EACCES || error == -EPERM)
        return fail(f, error,
                    "can't read %s: %s; make it readable, or exclude it by a line %s in %s",
                    QUOTE(path), strerror(-error), QUOTE(path), where);
    return fail_errno(f, error, "can't read %s", QUOTE(path));
}

/*
 * A name's stat, and the verdict for what that says it is. 1, or 0 where it is neither kept nor
 * entered, or gone. *v is the caller's to release, whatever is returned.
 */
static int judge(const struct walk_job *job, int fd, struct bytes name, uint8_t type,
                 struct verdict *v, struct stat *st, struct failure *f)
{
    bool is_dir = type == DT_DIR, known = type != DT_UNKNOWN;
    for (;;) {
        int r = known ? ask_rules(job, name, is_dir, v, f) : 0;
        if (r < 0 || (known && !verdict_keep(v) && !verdict_descend(v)))
            return r;
        atomic_fetch_add_explicit(&job->walk->n_stats, 1, memory_order_relaxed);
        if (fstatat(fd, (const char *)name.at, st, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? 0 : node_failure(job, name, -errno, f);
        if (known && S_ISDIR(st->st_mode) == is_dir)
            return 1;
        /* The file system gave no type, or the name was replaced since: ask again. */
        verdict_release(v);
        is_dir = S_ISDIR(st->st_mode);
        known = true;
    }
}

/* Appends where a link leads, with a NUL. 1, or 0 where the link is gone. */
static int read_target(const struct walk_job *job, int fd, struct bytes name,
                       struct buf *targets, struct failure *f)
{
    /* One byte more, for the NUL. */
    int r = buf_reserve(targets, PATH_MAX + 1);
    if (r < 0)
        return fail(f, r, "too many links in one directory");
    ssize_t n =
        readlinkat(fd, (const char *)name.at, (char *)targets->at + targets->len, PATH_MAX);
    /* EINVAL: a link no more. Either way it was not there for long enough to count. */
    if (n < 0)
        return errno == ENOENT || errno == EINVAL ? 0 : node_failure(job, name, -errno, f);
    targets->len += (size_t)n;
    targets->at[targets->len++] = 0;
    return 1;
}

/* Looks at one name; adds it to *found where it is kept or must be entered. */
static int look_at(const struct walk_job *job, int fd, const struct name *name,
                   const uint8_t *names, struct found *found, struct failure *f)
{
    struct bytes view = bytes_at(names + name->at, name->len);
    struct verdict v = {0};
    struct stat st = {0};
    size_t target_at = found->targets.len, target_len = 0;
    int r = judge(job, fd, view, name->type, &v, &st, f);
    if (r > 0 && S_ISLNK(st.st_mode)) {
        r = read_target(job, fd, view, &found->targets, f);
        target_len = r > 0 ? found->targets.len - target_at - 1 : 0;
    }
    if (r <= 0) {
        verdict_release(&v);
        return r;
    }
    size_t i = found->n++;
    found->name_at[i] = name->at;
    found->target_at[i] = target_at;
    found->verdicts[i] = v;
    found->nodes[i] = (struct node){
        .name = {NULL, name->len},
        .id = stat_identity(&st),
        .n_links = st.st_nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)st.st_nlink,
        .flags = (verdict_keep(&v) ? NODE_KEEP : 0u) |
                 (v.ignore.no_content && !S_ISDIR(st.st_mode) ? NODE_NO_CONTENT : 0u),
        .target = {NULL, target_len},
    };
    return 0;
}

/* One block: the nodes, their names, their targets. */
static struct dir *lay_out(const struct found *found, const uint8_t *names)
{
    size_t bytes = sizeof(struct dir) + found->n * sizeof(struct node);
    for (size_t i = 0; i < found->n; i++)
        bytes += found->nodes[i].name.len + 1 +
                 (S_ISLNK(found->nodes[i].id.mode) ? found->nodes[i].target.len + 1 : 0);
    struct dir *dir = xmalloc(bytes);
    dir->n = found->n;
    dir->n_bytes = bytes;
    uint8_t *text = (uint8_t *)(dir->nodes + found->n);
    for (size_t i = 0; i < found->n; i++) {
        struct node *node = &dir->nodes[i];
        *node = found->nodes[i];
        memcpy(text, names + found->name_at[i], node->name.len + 1);
        node->name.at = text;
        text += node->name.len + 1;
        if (!S_ISLNK(node->id.mode))
            continue;
        assert(found->targets.at); /* read_target() filled it */
        memcpy(text, found->targets.at + found->target_at[i], node->target.len + 1);
        node->target.at = text;
        text += node->target.len + 1;
    }
    return dir;
}

static int scan_names(struct walk_job *job, int fd, const struct names *names,
                      struct failure *f)
{
    size_t n = names->n;
    struct found found = {
        .nodes = xcalloc(n, sizeof(struct node)),
        .verdicts = xcalloc(n, sizeof(struct verdict)),
        .name_at = xcalloc(n, sizeof(uint32_t)),
        .target_at = xcalloc(n, sizeof(size_t)),
        .targets = BUF(SIZE_MAX / 2),
    };
    int r = 0;
    for (size_t i = 0; i < n && r == 0 && !atomic_load(&job->walk->failed); i++)
        r = look_at(job, fd, &names->at[i], names->bytes.at, &found, f);
    if (r == 0) {
        struct dir *dir = job->node->below = lay_out(&found, names->bytes.at);
        for (size_t i = 0; i < found.n; i++)
            if (verdict_descend(&found.verdicts[i]))
                add_job(job, &dir->nodes[i], &found.verdicts[i]);
    }
    for (size_t i = 0; i < found.n; i++)
        verdict_release(&found.verdicts[i]);
    free(found.nodes);
    free(found.verdicts);
    free(found.name_at);
    free(found.target_at);
    buf_release(&found.targets);
    return r;
}

static int scan_dir(struct walk_job *job, struct failure *f)
{
    struct walk *walk = job->walk;
    if (job->path_len >= PATH_MAX)
        return fail(f, -ENAMETOOLONG,
                    "the path of %s is longer than %d bytes: nothing can open it",
                    QUOTE(job_path(job)), PATH_MAX - 1);
    cleanup_fd int fd = io_open_beneath(walk->ask->root_fd, job->path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        bool vanished = fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP;
        bool excluded = !(job->node->flags & NODE_KEEP);
        if (job->path_len && (vanished || (excluded && (fd == -EACCES || fd == -EPERM)))) {
            if (vanished)
                job->node->flags &= ~(uint32_t)NODE_KEEP;
            return 0;
        }
        return node_failure(job, BYTES(""), fd, f);
    }
    atomic_fetch_add_explicit(&walk->n_dirs_read, 1, memory_order_relaxed);
    struct names names = {.bytes = BUF(NAME_BYTES_MAX)};
    int r = read_names(fd, &names);
    if (r < 0)
        node_failure(job, BYTES(""), r, f);
    if (r == 0 && names.n)
        qsort_r(names.at, names.n, sizeof(*names.at), compare_names, names.bytes.at);
    if (r == 0)
        r = scan_names(job, fd, &names, f);
    free(names.at);
    buf_release(&names.bytes);
    return r;
}

static void run_walk_job(struct pool_job *base)
{
    struct walk_job *job = (struct walk_job *)base;
    struct failure f = {0};
    if (!atomic_load(&job->walk->failed) && scan_dir(job, &f) < 0)
        walk_fail(job->walk, &f);
    ignore_leave(job->ignore);
    select_leave(job->select);
    free(job);
}

/* Marks what is sent: the kept, and each directory above one. Depth as in dir_free(). */
static bool mark_sent(struct node *node)
{
    bool sent = node->flags & NODE_KEEP;
    for (size_t i = 0; node->below && i < node->below->n; i++)
        sent |= mark_sent(&node->below->nodes[i]);
    if (sent)
        node->flags |= NODE_SENT;
    return sent;
}

int tree_walk(const struct tree_walk *ask, struct tree **ret_tree, struct failure *f)
{
    struct walk walk = {.ask = ask, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct stat st;
    if (fstat(ask->root_fd, &st) < 0)
        return fail_errno(f, -errno, "can't read %s", QUOTE(ask->root_name));
    struct tree *tree = xcalloc(1, sizeof(*tree));
    tree->clock_ns = stat_clock_ns();
    tree->root = (struct node){.name = BYTES(""), .id = stat_identity(&st), .flags = 0};
    struct walk_job *job = xcalloc(1, sizeof(*job) + 1);
    *job = (struct walk_job){.job = {.run = run_walk_job},
                             .walk = &walk,
                             .node = &tree->root,
                             .all_selected = !ask->reads || !select_root(ask->reads)};
    pool_add(ask->pool, &job->job);
    pool_drain(ask->pool);
    if (atomic_load(&walk.failed)) {
        tree_free(tree);
        return f ? (*f = walk.failure).code : walk.failure.code;
    }
    mark_sent(&tree->root);
    tree->n_dirs_read = atomic_load(&walk.n_dirs_read);
    tree->n_stats = atomic_load(&walk.n_stats);
    *ret_tree = tree;
    return 0;
}
