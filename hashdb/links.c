/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the files that may have changed by another name than the one that the tree has, and
 * marks them. Events name names and not files, so one look at the stat of each suspect decides:
 * of the files with several links for each answer, and of all files if a name is gone by which
 * something was done (dirty_files()).
 */
#include "dirty.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

struct link_check {
    int root_fd;
    int64_t clock_ns; /* of the tree */
    struct dirty *dirty;
    char path[PATH_MAX + NAME_MAX + 2];
};

/* Puts the node's name after the first `at` bytes of c->path. Returns the new length. */
static size_t links_add_name(struct link_check *c, size_t at, const struct node *node)
{
    if (at)
        c->path[at++] = '/';
    memcpy(c->path + at, node->text, node->name_len + 1u);
    return at + node->name_len;
}

/* Whether the file is as the tree has it, and was not changed in the tick of the clock in which
 * the tree was made: a second change in the same tick need not change the stat. */
static bool links_same_stat(int dir_fd, const char *name, const struct node *node,
                            int64_t clock_ns)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    struct stat_identity now = stat_identity(&st);
    return stat_identity_equal(&now, &node->id) && stat_settled(&now, clock_ns);
}

static void links_check(struct link_check *c, const struct dir *dir, size_t path_len)
{
    for (size_t i = 0; dir->many_links && i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        bool linked = node_may_link(node);
        if (!linked && !(node->below && node->below->many_links))
            continue;
        size_t at = links_add_name(c, path_len, node);
        if (!linked) {
            links_check(c, node->below, at);
            continue;
        }
        if (!links_same_stat(c->root_fd, c->path, node, c->clock_ns))
            dirty_entry(c->dirty, bytes_at(c->path, at), true);
    }
}

/* Marks each name of a file given to dirty_inode(); single: only names with one link. It visits
 * the whole tree (5 ms for 500,000 entries), so it runs only if a file just got another name,
 * or was written to by one of several. */
static void links_mark_inodes(struct link_check *c, const struct dir *dir, bool single,
                              size_t path_len)
{
    for (size_t i = 0; i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        bool marked = !S_ISDIR(node->id.mode) && !(single && node->n_links > 1) &&
                      dirty_has_inode(c->dirty, node->id.dev, node->id.ino);
        if (!marked && !node->below)
            continue;
        size_t at = links_add_name(c, path_len, node);
        if (marked)
            dirty_entry(c->dirty, bytes_at(c->path, at), true);
        else
            links_mark_inodes(c, node->below, single, at);
    }
}

/* ---- all files ------------------------------------------------------------------------- */

struct files_check {
    int root_fd;
    int64_t clock_ns;
    struct pool *pool;
    pthread_mutex_t lock; /* guards dirty */
    struct dirty *dirty;
};

/* The files of one directory. */
struct files_job {
    struct pool_job job; /* first: files_run_job() */
    struct files_check *check;
    const struct dir *dir;
    size_t path_len;
    char path[]; /* relative to the root, NUL-terminated; room for "/", a name and a NUL */
};

static void files_run_job(struct pool_job *base);

static void files_add_job(struct files_check *check, const struct dir *dir, const char *path,
                          size_t len)
{
    struct files_job *job = xcalloc(1, sizeof(*job) + len + NAME_MAX + 2);
    job->job.run = files_run_job;
    job->check = check;
    job->dir = dir;
    job->path_len = len;
    memcpy(job->path, path, len);
    pool_add(check->pool, &job->job);
}

/* Puts the node's name after the directory's path. Returns the new length. */
static size_t files_add_name(struct files_job *job, const struct node *node)
{
    size_t at = job->path_len;
    if (at)
        job->path[at++] = '/';
    memcpy(job->path + at, node->text, node->name_len + 1u);
    return at + node->name_len;
}

static void files_check_dir(struct files_job *job)
{
    struct files_check *check = job->check;
    cleanup_fd int fd =
        io_open_beneath(check->root_fd, job->path_len ? job->path : ".", O_PATH | O_DIRECTORY);
    for (size_t i = 0; i < job->dir->n; i++) {
        const struct node *node = &job->dir->nodes[i];
        if (node->below) {
            size_t len = files_add_name(job, node);
            files_add_job(check, node->below, job->path, len);
        } else if (!S_ISDIR(node->id.mode) &&
                   (fd < 0 ||
                    !links_same_stat(fd, (const char *)node->text, node, check->clock_ns))) {
            size_t len = files_add_name(job, node);
            pthread_mutex_lock(&check->lock);
            dirty_entry(check->dirty, bytes_at(job->path, len), true);
            pthread_mutex_unlock(&check->lock);
        }
    }
}

static void files_run_job(struct pool_job *base)
{
    struct files_job *job = (struct files_job *)base;
    files_check_dir(job);
    free(job);
}

static void files_check(const struct tree *tree, int root_fd, struct pool *pool,
                        struct dirty *dirty)
{
    struct files_check check = {.root_fd = root_fd,
                                .clock_ns = tree->clock_ns,
                                .pool = pool,
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .dirty = dirty};
    files_add_job(&check, tree->root.below, "", 0);
    pool_drain(pool);
}

void tree_check_links(const struct tree *tree, int root_fd, struct pool *pool,
                      struct dirty *dirty)
{
    struct link_check *c = xcalloc(1, sizeof(*c));
    c->root_fd = root_fd;
    c->clock_ns = tree->clock_ns;
    c->dirty = dirty;
    if (dirty_has_files(dirty))
        files_check(tree, root_fd, pool, dirty);
    else
        links_check(c, tree->root.below, 0);
    if (dirty_has_inodes(dirty))
        links_mark_inodes(c, tree->root.below, false, 0);
    free(c);
}

/* ---- new links ------------------------------------------------------------------------- */

/* A shared directory was looked at when it was new. was may be NULL. */
static void links_find_new(const struct dir *was, const struct dir *is, struct dirty *dirty)
{
    if (was == is || !is->many_links)
        return;
    for (size_t i = 0; i < is->n; i++) {
        const struct node *node = &is->nodes[i];
        const struct node *before = was ? dir_find(was, node_name(node)) : NULL;
        if (node->below)
            links_find_new(before ? before->below : NULL, node->below, dirty);
        else if (node_may_link(node) && !(before && before->n_links > 1 &&
                                          stat_identity_equal(&before->id, &node->id)))
            dirty_inode(dirty, node->id.dev, node->id.ino);
    }
}

void tree_check_new_links(const struct tree *was, const struct tree *is, struct dirty *dirty)
{
    struct link_check *c = xcalloc(1, sizeof(*c));
    c->dirty = dirty;
    links_find_new(was ? was->root.below : NULL, is->root.below, dirty);
    if (dirty_has_inodes(dirty))
        links_mark_inodes(c, is->root.below, true, 0);
    free(c);
}
