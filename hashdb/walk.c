/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: one job for each directory, on the pool. A job reads the names of its directory,
 * asks the rules of each view about each name, stats what some view keeps or enters, and adds a
 * job for each directory to enter.
 *
 *     names (getdents64) -> sort -> reads x ignore, a bit a view -> fstatat, readlinkat -> dir
 *
 * With an older tree and the paths that are dirty since, a job looks only at the dirty names
 * and copies the other nodes. A directory with nothing dirty below it is shared with the old
 * tree.
 *
 *     old:  root ─ a ─ x, y          dirty: b/z          new:  root'─ a (the same block)
 *                └ b ─ z, w                                        └ b'─ z', w
 *
 * If something is replaced while a job reads it, the job marks it in walk->again, for another
 * walk.
 *
 * Jobs share only the pool, the rules, which don't change, and struct walk.
 */
#include "walk.h"

#include "dirty.h"
#include "tree.h"
#include "views.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

struct walk_job {
    struct pool_job job;
    struct walk *walk;
    struct node *node;              /* of the directory; the job fills its `below` */
    const struct dir *old;          /* the directory in the old tree, or NULL */
    const struct dirty_node *dirty; /* the dirty paths in it; NULL: none */
    bool whole;                     /* look at all names, here and below */
    bool voided;              /* the content of each file here and below may have changed */
    struct view_state *views; /* owned, n_rules of them */
    size_t path_len;
    char path[]; /* relative to the root, NUL-terminated */
};

static void walk_fail(struct walk *walk, const struct failure *f)
{
    pthread_mutex_lock(&walk->lock);
    if (!atomic_exchange(&walk->failed, true))
        walk->failure = *f;
    pthread_mutex_unlock(&walk->lock);
}

static struct bytes walk_job_path(const struct walk_job *job)
{
    return bytes_at(job->path, job->path_len);
}

/* Whether what was there a moment ago is gone. ESTALE: a file server says so. */
static bool walk_is_gone(int error)
{
    return error == -ENOENT || error == -ESTALE;
}

/* Marks `name` of the job's directory (empty: the directory itself) for another walk, because
 * it was replaced a moment ago. */
static void walk_look_again(const struct walk_job *job, struct bytes name)
{
    cleanup_arena struct arena arena = {0};
    struct bytes path =
        name.len ? path_join(&arena, walk_job_path(job), name) : walk_job_path(job);
    pthread_mutex_lock(&job->walk->lock);
    dirty_below(job->walk->again, path);
    pthread_mutex_unlock(&job->walk->lock);
}

/* ---- one directory ------------------------------------------------------------------- */

/* The entries of a directory that some view keeps or enters, before their block is laid out. */
struct found {
    struct node *nodes; /* their `text` is not set yet */
    struct verdict *verdicts;
    size_t *text_at; /* the offset of each node's text in `text` */
    bool *was;       /* copied from the old tree */
    size_t n, cap;
    struct buf text;
};

static void found_release(const struct walk_job *job, struct found *found)
{
    for (size_t i = 0; i < found->n; i++)
        verdict_release(job->walk->ask, &found->verdicts[i]);
    free(found->nodes);
    free(found->verdicts);
    free(found->text_at);
    free(found->was);
    buf_release(&found->text);
}

static void found_reserve(struct found *found, size_t n)
{
    found->cap = n;
    found->nodes = xcalloc(n + 1, sizeof(*found->nodes));
    found->verdicts = xcalloc(n + 1, sizeof(*found->verdicts));
    found->text_at = xcalloc(n + 1, sizeof(*found->text_at));
    found->was = xcalloc(n + 1, sizeof(*found->was));
    found->text = BUF(SIZE_MAX / 2);
}

/* The failure that `name` in the job's directory (empty: the directory) can't be read. */
static int walk_fail_node(const struct walk_job *job, struct bytes name, int error,
                          struct failure *f)
{
    cleanup_arena struct arena arena = {0};
    struct bytes path =
        name.len ? path_join(&arena, walk_job_path(job), name) : walk_job_path(job);
    const char *where = QUOTE(job->walk->ask->ignore_name);
    if (path.len == 0)
        path = job->walk->ask->root_name;
    if (error == -EACCES || error == -EPERM)
        return fail(f, error,
                    "can't read %s: %s; make it readable, or exclude it by a line %s in %s",
                    QUOTE(path), strerror(-error), QUOTE(path), where);
    return fail_errno(f, error, "can't read %s", QUOTE(path));
}

/* Appends the target of a symbolic link. 1; 0: the link is gone; <0: it can't be read. */
static int walk_read_target(const struct walk_job *job, int fd, struct bytes name,
                            const struct stat *seen, struct found *found, uint16_t *ret_len,
                            struct failure *f)
{
    struct stat now;
    if (buf_reserve(&found->text, PATH_MAX) < 0)
        return fail(f, -E2BIG, "too many links in one directory");
    uint8_t *at = found->text.at + found->text.len;
    ssize_t n = readlinkat(fd, (const char *)name.at, (char *)at, PATH_MAX - 1);
    /* EINVAL: it is no symbolic link any more. */
    int error = n < 0 ? errno : 0;
    if (error && !walk_is_gone(-error) && error != EINVAL)
        return walk_fail_node(job, name, -error, f);
    /* If the link was replaced between stat and readlink, the two belong to different files. A
     * rename sets the change time, which tells that the first one went away and came back. */
    if (fstatat(fd, (const char *)name.at, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        (error || now.st_ino != seen->st_ino || now.st_dev != seen->st_dev ||
         now.st_ctim.tv_sec != seen->st_ctim.tv_sec ||
         now.st_ctim.tv_nsec != seen->st_ctim.tv_nsec))
        walk_look_again(job, name);
    if (error)
        return 0;
    at[n] = '\0';
    found->text.len += (size_t)n + 1;
    *ret_len = (uint16_t)n;
    return 1;
}

/* The version of a node: that of the old one, unless the file may have changed. */
static uint32_t walk_version_of(const struct walk_job *job, const struct stat_identity *id,
                                const struct node *old, bool voided)
{
    if (!old || voided || !stat_identity_equal(&old->id, id))
        return job->walk->generation;
    return old->version;
}

/*
 * Looks at one name (NUL-terminated, with d_type `type`). Adds it to *found if some view keeps
 * or enters it.
 */
static int walk_look_at(const struct walk_job *job, int fd, struct bytes name, uint8_t type,
                        struct found *found, struct failure *f)
{
    bool is_dir = type == DT_DIR, known = type != DT_UNKNOWN;
    struct verdict v = {0};
    struct stat st;
    for (;;) {
        int r = known ? views_ask(job->walk->ask, job->views, name, is_dir, &v, f) : 0;
        if (r < 0 || (known && !v.keep && !v.descend)) {
            verdict_release(job->walk->ask, &v);
            return r;
        }
        atomic_fetch_add_explicit(&job->walk->n_stats, 1, memory_order_relaxed);
        if (fstatat(fd, (const char *)name.at, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            int error = -errno;
            verdict_release(job->walk->ask, &v);
            return walk_is_gone(error) ? 0 : walk_fail_node(job, name, error, f);
        }
        if (known && S_ISDIR(st.st_mode) == is_dir)
            break;
        /* The type was not known, or the name was replaced since: ask the rules again. */
        verdict_release(job->walk->ask, &v);
        is_dir = S_ISDIR(st.st_mode);
        known = true;
    }
    size_t text_at = found->text.len;
    uint16_t target_len = 0;
    int r = buf_add(&found->text, name.at, name.len + 1) < 0
                ? fail(f, -E2BIG, "too many names in one directory")
                : 1;
    if (r > 0 && S_ISLNK(st.st_mode))
        r = walk_read_target(job, fd, name, &st, found, &target_len, f);
    if (r <= 0) {
        verdict_release(job->walk->ask, &v);
        found->text.len = text_at;
        return r;
    }
    const struct dirty_node *dirty = dirty_child(job->dirty, name);
    bool voided = job->voided || (dirty && dirty->flags & DIRTY_CONTENT);
    struct stat_identity id = stat_identity(&st);
    size_t i = found->n++;
    found->text_at[i] = text_at;
    found->verdicts[i] = v;
    found->nodes[i] = (struct node){
        .name_len = (uint16_t)name.len,
        .target_len = target_len,
        .version =
            walk_version_of(job, &id, job->old ? dir_find(job->old, name) : NULL, voided),
        .id = id,
        .n_links = st.st_nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)st.st_nlink,
        .keep = v.keep,
        .empty = S_ISREG(st.st_mode) ? v.empty : 0,
    };
    return 0;
}

/* Copies a node of the old tree. */
static int found_take_old(const struct node *old, struct found *found, struct failure *f)
{
    size_t i = found->n, text_at = found->text.len;
    size_t len = (size_t)old->name_len + 1 + (S_ISLNK(old->id.mode) ? old->target_len + 1u : 0);
    if (buf_add(&found->text, old->text, len) < 0)
        return fail(f, -E2BIG, "too many names in one directory");
    found->n++;
    found->text_at[i] = text_at;
    found->nodes[i] = *old;
    found->nodes[i].sent = 0;
    found->was[i] = true;
    return 0;
}

/* Makes the block of a directory: the nodes, then their names and targets. */
static struct dir *found_lay_out(const struct found *found)
{
    size_t nodes = sizeof(struct dir) + found->n * sizeof(struct node);
    struct dir *dir = xmalloc(nodes + found->text.len);
    *dir = (struct dir){.refs = 1, .n = found->n, .n_bytes = nodes + found->text.len};
    uint8_t *text = (uint8_t *)(dir->nodes + found->n);
    if (found->text.len)
        memcpy(text, found->text.at, found->text.len);
    for (size_t i = 0; i < found->n; i++) {
        dir->nodes[i] = found->nodes[i];
        dir->nodes[i].text = text + found->text_at[i];
        dir->nodes[i].below = NULL; /* set later, by a job or as shared */
    }
    return dir;
}

/* ---- what lies below ------------------------------------------------------------------ */

static void walk_run_job(struct pool_job *base);

static void walk_add_job(const struct walk_job *parent, struct node *node, struct verdict *v,
                         const struct dir *old, const struct dirty_node *dirty, bool whole)
{
    size_t len = parent->path_len + (parent->path_len > 0) + node->name_len;
    struct walk_job *job = xcalloc(1, sizeof(*job) + len + 1);
    job->job.run = walk_run_job;
    job->walk = parent->walk;
    job->node = node;
    job->old = old;
    job->dirty = dirty;
    job->whole = whole;
    job->voided = parent->voided ||
                  (dirty && (dirty->flags & DIRTY_BELOW) && (dirty->flags & DIRTY_CONTENT));
    job->views = steal(&v->below);
    job->path_len = len;
    size_t at = parent->path_len;
    memcpy(job->path, parent->path, at);
    if (at)
        job->path[at++] = '/';
    memcpy(job->path + at, node->text, node->name_len);
    pool_add(parent->walk->ask->pool, &job->job);
}

/* Fills `below` of a directory of the new block: shares it with the old tree, or adds a job. */
static int walk_go_below(const struct walk_job *job, struct node *node, struct verdict *v,
                         bool was, struct failure *f)
{
    struct bytes name = node_name(node);
    const struct node *old = job->old ? dir_find(job->old, name) : NULL;
    const struct dirty_node *dirty = dirty_child(job->dirty, name);
    bool same = old && old->below && old->id.dev == node->id.dev && old->id.ino == node->id.ino;
    bool whole = job->whole || !same || (dirty && dirty->flags & DIRTY_BELOW);
    if (!whole && (!dirty || (!dirty->children && !(dirty->flags & DIRTY_LISTING)))) {
        node->below = dir_ref(old->below);
        return 0;
    }
    if (was) {
        /* The rules were not asked about a copied node, but its job needs the states there. */
        int r = views_ask(job->walk->ask, job->views, name, true, v, f);
        if (r < 0)
            return r;
    }
    if (v->below)
        walk_add_job(job, node, v, same ? old->below : NULL, dirty, whole);
    return 0;
}

static int walk_go_below_all(const struct walk_job *job, struct dir *dir, struct found *found,
                             struct failure *f)
{
    for (size_t i = 0; i < found->n; i++) {
        struct node *node = &dir->nodes[i];
        bool entered =
            found->was[i] ? found->nodes[i].below != NULL : found->verdicts[i].descend != 0;
        if (!entered || !S_ISDIR(node->id.mode))
            continue;
        int r = walk_go_below(job, node, &found->verdicts[i], found->was[i], f);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the jobs ------------------------------------------------------------------------- */

static int walk_look_at_all(const struct walk_job *job, int fd, struct found *found,
                            struct failure *f)
{
    cleanup_names struct names names = NAMES(NAMES_MAX);
    atomic_fetch_add_explicit(&job->walk->n_dirs_read, 1, memory_order_relaxed);
    int r = names_read(fd, &names);
    if (walk_is_gone(r) && job->path_len) {
        /* Removed after it was opened. Another one may have its name by now. */
        walk_look_again(job, BYTES(""));
        names.n = 0;
        r = 0;
    }
    if (r < 0)
        walk_fail_node(job, BYTES(""), r, f);
    else
        found_reserve(found, names.n);
    for (size_t i = 0; i < names.n && r == 0 && !atomic_load(&job->walk->failed); i++) {
        r = pool_check(job->walk->ask->pool, f);
        if (r == 0)
            r = walk_look_at(job, fd, names_at(&names, i), names.at[i].type, found, f);
    }
    return r;
}

static int walk_compare_dirty(const void *a, const void *b)
{
    const struct dirty_node *const *x = a, *const *y = b;
    return bytes_compare((*x)->name, (*y)->name);
}

/* Merges two sorted lists: looks at the dirty names, and copies the other old entries. */
static int walk_look_at_dirty(const struct walk_job *job, int fd, struct found *found,
                              struct failure *f)
{
    const struct dir *old = job->old;
    size_t n = 0, n_dirty = job->dirty->n_children;
    cleanup_free const struct dirty_node **dirty = xcalloc(n_dirty + 1, sizeof(*dirty));
    for (const struct dirty_node *d = job->dirty->children; d; d = d->next)
        if (d->flags & (DIRTY_STAT | DIRTY_BELOW))
            dirty[n++] = d;
    qsort(dirty, n, sizeof(*dirty), walk_compare_dirty);
    found_reserve(found, old->n + n);
    int r = 0;
    for (size_t i = 0, d = 0; r == 0 && (i < old->n || d < n);) {
        int order = i == old->n ? 1
                    : d == n    ? -1
                                : bytes_compare(node_name(&old->nodes[i]), dirty[d]->name);
        r = pool_check(job->walk->ask->pool, f);
        if (r < 0)
            break;
        if (order < 0)
            r = found_take_old(&old->nodes[i++], found, f);
        else
            r = walk_look_at(job, fd, dirty[d++]->name, DT_UNKNOWN, found, f);
        i += order == 0;
    }
    return r;
}

/* Opens the job's directory. 0 with *ret_fd -1: it vanished, or is excluded and unreadable. */
static int walk_open_dir(struct walk_job *job, int *ret_fd, struct failure *f)
{
    if (job->path_len >= PATH_MAX)
        return fail(f, -ENAMETOOLONG,
                    "the path of %s is longer than %d bytes: nothing can open it",
                    QUOTE(walk_job_path(job)), PATH_MAX - 1);
    int fd = io_open_beneath(job->walk->ask->root_fd, job->path, O_RDONLY | O_DIRECTORY);
    *ret_fd = fd < 0 ? -1 : fd;
    if (fd >= 0)
        return 0;
    bool vanished = walk_is_gone(fd) || fd == -ENOTDIR || fd == -ELOOP;
    bool excluded = !job->node->keep;
    if (job->path_len && (vanished || (excluded && (fd == -EACCES || fd == -EPERM)))) {
        if (fd == -ENOTDIR || fd == -ELOOP)
            walk_look_again(job, BYTES(""));
        if (vanished)
            job->node->keep = 0;
        return 0;
    }
    return walk_fail_node(job, BYTES(""), fd, f);
}

/* Takes the stat of the directory again, now that it is watched. The first stat was taken with
 * the entries of its parent. What was created in the directory in between changed its times,
 * and there is no event for it. */
static void walk_stat_watched(const struct walk_job *job, int fd)
{
    struct stat st;
    struct stat_identity *id = &job->node->id;
    /* If it is another directory by now, the watch of the parent reports that. */
    if (fstat(fd, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino)
        *id = stat_identity(&st);
}

static int walk_make_dir(struct walk_job *job, struct failure *f)
{
    const struct tree_watch *watch = job->walk->ask->watch;
    cleanup_fd int fd = -1;
    int r = pool_check(job->walk->ask->pool, f);
    r = r < 0 ? r : walk_open_dir(job, &fd, f);
    if (r < 0 || fd < 0)
        return r;
    struct found found = {0};
    bool whole = job->whole || !job->old || job->dirty->flags & DIRTY_LISTING;
    if (whole && watch) {
        watch->enter(watch->watch, fd, walk_job_path(job));
        walk_stat_watched(job, fd);
    }
    r = whole ? walk_look_at_all(job, fd, &found, f) : walk_look_at_dirty(job, fd, &found, f);
    if (r == 0) {
        job->node->below = found_lay_out(&found);
        r = walk_go_below_all(job, job->node->below, &found, f);
    }
    found_release(job, &found);
    return r;
}

static void walk_run_job(struct pool_job *base)
{
    struct walk_job *job = (struct walk_job *)base;
    struct failure f = {0};
    if (!atomic_load(&job->walk->failed) && walk_make_dir(job, &f) < 0)
        walk_fail(job->walk, &f);
    views_free(job->views, job->walk->ask->n_rules);
    free(job);
}

/* ---- the root ------------------------------------------------------------------------- */

void walk_run(struct walk *walk, struct tree *tree, const struct tree *old,
              const struct dirty *dirty)
{
    const struct tree_walk *ask = walk->ask;
    struct walk_job *job = xcalloc(1, sizeof(*job) + 1);
    const struct dirty_node *root = dirty ? dirty_root(dirty) : NULL;
    *job = (struct walk_job){
        .job = {.run = walk_run_job},
        .walk = walk,
        .node = &tree->root,
        .old = old ? old->root.below : NULL,
        .dirty = root,
        .whole = !old || !root || root->flags & DIRTY_BELOW,
        .voided = root && root->flags & DIRTY_BELOW && root->flags & DIRTY_CONTENT,
        .views = views_top(ask),
    };
    pool_add(ask->pool, &job->job);
    pool_drain(ask->pool);
}
