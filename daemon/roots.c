/* SPDX-License-Identifier: Apache-2.0 */
#include "roots.h"

#include "log.h"
#include "thread-kind.h"
#include "wake.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

struct root_entry {
    struct root root; /* first: root_entry_of() */
    struct tree_watch hooks;
    size_t users;            /* references; guarded by roots->lock */
    size_t holders;          /* of them, those that need root.fd; guarded by roots->lock */
    bool replaced;           /* its path leads elsewhere now; guarded by roots->lock */
    struct root_entry *next; /* guarded by roots->lock */
    atomic_uint_fast64_t used_ns, audited_ns;
    struct polled *polled; /* the loop's alone */
};

struct roots {
    pthread_mutex_t lock; /* guards the members below, and of the entries what says so */
    struct root_entry *first;
    size_t n;
    int idle_fd; /* what root.fd is between answers, so that the root can be unmounted */
};

static struct root_entry *root_entry_of(struct root *root)
{
    return (struct root_entry *)root;
}

struct roots *roots_new(void)
{
    struct roots *roots = xcalloc(1, sizeof(*roots));
    pthread_mutex_init(&roots->lock, NULL);
    roots->idle_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return roots;
}

void root_free(struct root *root)
{
    struct root_entry *entry = root_entry_of(root);
    warm_free(root->warm);
    watch_free(root->watch);
    close(root->fd);
    bytes_free(&root->path);
    free(entry);
}

void roots_free(struct roots *roots)
{
    if (!roots)
        return;
    while (roots->first) {
        struct root_entry *entry = roots->first;
        roots->first = entry->next;
        root_free(&entry->root);
    }
    pthread_mutex_destroy(&roots->lock);
    if (roots->idle_fd >= 0)
        close(roots->idle_fd);
    free(roots);
}

/*
 * A root that can't be watched is served all the same: each answer looks at everything. again:
 * there is an entry that can't be watched; NULL if this one can't, either. Owns fd.
 */
static struct root_entry *root_entry_new(struct daemon *daemon, int fd,
                                         const struct identity *id, struct bytes path,
                                         bool again)
{
    struct root_entry *entry = xcalloc(1, sizeof(*entry));
    struct root *root = &entry->root;
    root->path = bytes_dup(path);
    root->fd = fd;
    root->id = *id;
    struct failure f = {0};
    int r = watch_new(&(struct watch_setup){.root_fd = fd,
                                            .root = root->path,
                                            .max_watches = daemon->config.max_watches},
                      &root->watch, &f);
    if (r < 0 && again) {
        root_free(root);
        return NULL;
    }
    if (r < 0) {
        snprintf(root->unwatched, sizeof(root->unwatched), "%.255s", f.text);
        log_event(LOG_WARNING, "unwatched", "root=%s why=%s", LOG_VALUE(root->path),
                  LOG_VALUE(bytes_of(f.text)));
    }
    struct warm_setup setup = {.root_fd = fd,
                               .root_name = root->path,
                               .store = daemon->store,
                               .hashes = daemon->hashes};
    if (root->watch) {
        entry->hooks = (struct tree_watch){root->watch, watch_enter, watch_leave};
        setup.watch = &entry->hooks;
        setup.drain = watch_drain;
    }
    root->warm = warm_new(&setup);
    entry->used_ns = entry->audited_ns = clock_now_ns();
    log_event(LOG_INFO, "root", "path=%s", LOG_VALUE(root->path));
    return entry;
}

/* Finds the entry of that directory at that path; marks others at the path as replaced. */
static struct root_entry *roots_find__with_lock(struct roots *roots, const struct identity *id,
                                                struct bytes path)
{
    struct root_entry *found = NULL;
    for (struct root_entry *e = roots->first; e; e = e->next) {
        if (!bytes_equal(e->root.path, path))
            continue;
        if (same_directory(&e->root.id, id) && !e->replaced)
            found = e;
        else
            e->replaced = true;
    }
    return found;
}

/* ---- the descriptor ---------------------------------------------------------------------- */

/*
 * An open directory keeps its file system from being unmounted, and watches don't. So between
 * answers the number root.fd is that of /dev/null. The number stays the same, because the watch
 * and what is kept warm have copies of it. fd: the root, opened anew.
 */
static int root_hold__with_lock(struct root_entry *entry, int fd, struct failure *f)
{
    if (entry->holders == 0 && dup3(fd, entry->root.fd, O_CLOEXEC) < 0)
        return fail_errno(f, -errno, "%s", QUOTE(entry->root.path));
    entry->holders++;
    return 0;
}

static void root_release__with_lock(const struct roots *roots, struct root_entry *entry)
{
    if (--entry->holders == 0 && roots->idle_fd >= 0)
        dup3(roots->idle_fd, entry->root.fd, O_CLOEXEC);
}

static int root_open(int root_fd, struct bytes real_path, int *ret_fd, struct identity *ret_id,
                     struct failure *f)
{
    struct identity theirs;
    char path[PATH_MAX];
    if (real_path.len >= sizeof(path))
        return fail(f, -ENAMETOOLONG, "a path of %zu bytes", real_path.len);
    memcpy(path, real_path.at, real_path.len);
    path[real_path.len] = 0;
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || !identify(fd, "", AT_EMPTY_PATH, ret_id))
        return fail_errno(f, -errno, "%s", QUOTE(real_path));
    if (root_fd >= 0 && !identify(root_fd, "", AT_EMPTY_PATH, &theirs))
        return fail_errno(f, -errno, "the root's descriptor");
    if (root_fd >= 0 && !same_directory(&theirs, ret_id))
        return fail(f, -EXDEV, "%s is another directory to the daemon", QUOTE(real_path));
    *ret_fd = steal_fd(&fd);
    return 0;
}

/*
 * Makes an entry if there is none (was is NULL), or one that could not be watched and now can
 * be; else NULL. What the latter remembers is little, because each answer looks at everything.
 * It holds the lock, or two threads would watch the root; it takes about 0.1 ms. Takes *fd of a
 * root that is new.
 */
static struct root_entry *root_make__with_lock(struct daemon *daemon,
                                               const struct root_entry *was, int *fd,
                                               const struct identity *id, struct bytes path)
{
    if (!was)
        return root_entry_new(daemon, steal_fd(fd), id, path, false);
    int again = was->root.watch ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    return again < 0 ? NULL : root_entry_new(daemon, again, id, path, true);
}

int root_get(struct daemon *daemon, int root_fd, struct bytes real_path, struct root **ret,
             struct failure *f)
{
    struct roots *roots = daemon->roots;
    struct identity id;
    cleanup_fd int fd = -1;
    int r = root_open(root_fd, real_path, &fd, &id, f);
    if (r < 0)
        return r;
    pthread_mutex_lock(&roots->lock);
    struct root_entry *entry = roots_find__with_lock(roots, &id, real_path);
    struct root_entry *made = root_make__with_lock(daemon, entry, &fd, &id, real_path);
    if (made) {
        if (entry)
            entry->replaced = true;
        entry = made;
        entry->next = roots->first;
        roots->first = entry;
        roots->n++;
        entry->holders = 1;
    } else {
        r = root_hold__with_lock(entry, fd, f);
    }
    if (r == 0) {
        entry->users++;
        entry->used_ns = clock_now_ns();
        *ret = &entry->root;
    }
    pthread_mutex_unlock(&roots->lock);
    if (made)
        wake_up(daemon->wake);
    return r;
}

/* Notes that a root is not what its path leads to any more. */
static void root_check_replaced__with_lock(struct root_entry *entry)
{
    entry->replaced |= entry->root.watch && watch_ended(entry->root.watch);
}

struct root *root_ref(struct daemon *daemon, struct root *root)
{
    pthread_mutex_lock(&daemon->roots->lock);
    root_entry_of(root)->users++;
    root_entry_of(root)->holders++;
    pthread_mutex_unlock(&daemon->roots->lock);
    return root;
}

void root_put(struct daemon *daemon, struct root *root)
{
    struct roots *roots = daemon->roots;
    struct root_entry *entry = root_entry_of(root);
    pthread_mutex_lock(&roots->lock);
    entry->users--;
    entry->used_ns = clock_now_ns();
    root_release__with_lock(roots, entry);
    root_check_replaced__with_lock(entry);
    bool surplus =
        entry->users == 0 && (entry->replaced || roots->n > daemon->config.max_roots);
    pthread_mutex_unlock(&roots->lock);
    if (surplus)
        wake_up(daemon->wake);
}

int root_hold(struct daemon *daemon, struct root *root, struct failure *f)
{
    struct root_entry *entry = root_entry_of(root);
    struct identity id;
    cleanup_fd int fd = -1;
    int r = root_open(-1, root->path, &fd, &id, f);
    bool elsewhere =
        r == -ENOENT || r == -ENOTDIR || (r == 0 && !same_directory(&id, &root->id));
    pthread_mutex_lock(&daemon->roots->lock);
    entry->replaced |= elsewhere;
    if (elsewhere)
        r = fail(f, -EXDEV, "%s leads elsewhere now", QUOTE(root->path));
    else if (r == 0)
        r = root_hold__with_lock(entry, fd, f);
    pthread_mutex_unlock(&daemon->roots->lock);
    return r;
}

void root_release(struct daemon *daemon, struct root *root)
{
    pthread_mutex_lock(&daemon->roots->lock);
    root_release__with_lock(daemon->roots, root_entry_of(root));
    pthread_mutex_unlock(&daemon->roots->lock);
}

/* ---- the loop's side --------------------------------------------------------------------- */

struct root *roots_unpolled(struct daemon *daemon)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct roots *roots = daemon->roots;
    pthread_mutex_lock(&roots->lock);
    struct root_entry *entry = roots->first;
    while (entry && (entry->polled || !entry->root.watch))
        entry = entry->next;
    pthread_mutex_unlock(&roots->lock);
    return entry ? &entry->root : NULL;
}

struct root *roots_surplus(struct daemon *daemon)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct roots *roots = daemon->roots;
    pthread_mutex_lock(&roots->lock);
    struct root_entry **worst = NULL;
    bool full = roots->n > daemon->config.max_roots;
    uint64_t now_ns = clock_now_ns(), age_ns = daemon->config.forget_s * 1000000000;
    for (struct root_entry **at = &roots->first; *at; at = &(*at)->next) {
        bool old = age_ns && now_ns - (*at)->used_ns > age_ns;
        if ((*at)->users || !(full || old || (*at)->replaced))
            continue;
        if (!worst || (*at)->replaced > (*worst)->replaced ||
            ((*at)->replaced == (*worst)->replaced && (*at)->used_ns < (*worst)->used_ns))
            worst = at;
    }
    struct root_entry *entry = worst ? *worst : NULL;
    if (entry) {
        *worst = entry->next;
        roots->n--;
    }
    pthread_mutex_unlock(&roots->lock);
    return entry ? &entry->root : NULL;
}

void root_replaced(struct daemon *daemon, struct root *root)
{
    pthread_mutex_lock(&daemon->roots->lock);
    root_entry_of(root)->replaced = true;
    pthread_mutex_unlock(&daemon->roots->lock);
}

struct polled *root_polled(struct root *root)
{
    ASSERT_THREAD(THREAD_LOOP);
    return root_entry_of(root)->polled;
}

void root_set_polled(struct root *root, struct polled *polled)
{
    ASSERT_THREAD(THREAD_LOOP);
    root_entry_of(root)->polled = polled;
}

/* ---- for status and chores -------------------------------------------------------------- */

struct root_use root_use(struct root *root)
{
    struct root_entry *entry = root_entry_of(root);
    return (struct root_use){entry->used_ns, entry->audited_ns};
}

void root_audited(struct root *root)
{
    root_entry_of(root)->audited_ns = clock_now_ns();
}

void roots_each(struct daemon *daemon, void (*tell)(void *context, struct root *root),
                void *context)
{
    struct roots *roots = daemon->roots;
    pthread_mutex_lock(&roots->lock);
    size_t n = 0;
    struct root_entry **all = xcalloc(roots->n + 1, sizeof(struct root_entry *));
    for (struct root_entry *e = roots->first; e; e = e->next) {
        e->users++;
        all[n++] = e;
    }
    pthread_mutex_unlock(&roots->lock);
    for (size_t i = 0; i < n; i++)
        tell(context, &all[i]->root);
    pthread_mutex_lock(&roots->lock);
    for (size_t i = 0; i < n; i++)
        all[i]->users--;
    pthread_mutex_unlock(&roots->lock);
    free(all);
}
