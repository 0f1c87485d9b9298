/* SPDX-License-Identifier: Apache-2.0 */
/* Trees: what a walk finds, which entries it looks at, and walks while others write. */
#include "hashdb.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char path[64];
    int root;
    struct pool *pool;
};

static struct fixture setup_at(const char *where)
{
    struct fixture x = {0};
    snprintf(x.path, sizeof(x.path), "%s/ctxd-tree-XXXXXX", where);
    scratch_make(x.path);
    x.root = open(x.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    x.pool = pool_new(4);
    return x;
}

static struct fixture setup(void)
{
    return setup_at("/tmp");
}

static void teardown(struct fixture *x)
{
    close(x->root);
    scratch_remove(x->path);
    pool_free(x->pool);
}

static void put(const struct fixture *x, const char *path, const char *text)
{
    cleanup_fd int fd = openat(x->root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, text, strlen(text)) < 0)
        abort();
}

static void put_dir(const struct fixture *x, const char *path)
{
    if (mkdirat(x->root, path, 0755) < 0)
        abort();
}

static struct tree *walk(const struct fixture *x, const char *rules, struct failure *f)
{
    struct ignore *ig = NULL;
    struct tree *tree = NULL;
    if (rules && ignore_parse(BYTES(".dockerignore"), bytes_of(rules), IGNORE_BUILDKIT, NULL,
                              &ig, f) < 0)
        return NULL;
    struct tree_rules rules_of = {.ignore = ig};
    struct tree_walk ask = {.root_fd = x->root,
                            .root_name = BYTES("."),
                            .pool = x->pool,
                            .ignore_name = BYTES(".dockerignore"),
                            .rules = (const struct tree_rules *[]){&rules_of},
                            .n_rules = 1};
    if (tree_make(&ask, NULL, NULL, &tree, f) < 0)
        tree = NULL;
    ignore_free(ig);
    return tree;
}

static bool sent(const struct tree *tree, const char *path)
{
    const struct node *node = tree_find(tree, bytes_of(path));
    return node && node->sent & 1;
}

static void test_order_and_verdicts(void)
{
    struct fixture x = setup();
    put(&x, "b", "12345");
    put(&x, "a-b", "");
    put_dir(&x, "a");
    put(&x, "a/z", "");
    put_dir(&x, "out");
    put_dir(&x, "out/keep");
    put(&x, "out/keep/me", "");
    put(&x, "out/drop", "");
    put_dir(&x, "empty");
    if (symlinkat("a/../b", x.root, "link") < 0)
        abort();

    tap_case("names are in byte order, and symbolic links keep their target as written");
    struct tree *tree = walk(&x, NULL, NULL);
    const struct dir *dir = tree->root.below;
    static const char *const want[] = {"a", "a-b", "b", "empty", "link", "out"};
    if (TAP_CHECK(dir->n == ARRAY_SIZE(want)))
        for (size_t i = 0; i < dir->n; i++)
            TAP_EQUAL(node_name(&dir->nodes[i]), bytes_of(want[i]));
    TAP_EQUAL(node_target(tree_find(tree, BYTES("link"))), BYTES("a/../b"));
    TAP_CHECK(tree_find(tree, BYTES("b"))->id.size == 5);
    TAP_CHECK(sent(tree, "empty") && !tree_find(tree, BYTES("link/z")));
    tree_unref(tree);

    tap_case(
        "an excluded directory is sent if an exception keeps something in it, and only then");
    tree = walk(&x, "out\n!out/keep/me\na\n", NULL);
    TAP_CHECK(sent(tree, "out") && sent(tree, "out/keep/me") && !sent(tree, "out/drop"));
    TAP_CHECK(!sent(tree, "a") && !sent(tree, "a/z"));
    tree_unref(tree);

    tap_case("an excluded directory without exceptions is neither opened nor looked at");
    tree = walk(&x, "*\n!b\n", NULL);
    TAP_CHECK(tree->n_dirs_read == 1 && tree->n_stats == 1);
    tree_unref(tree);
    teardown(&x);
}

/* Bits: 1: the walk failed with the right message; 2: it succeeded with a rule. */
static int walk_closed(const char *path)
{
    struct fixture x = {.pool = pool_new(2),
                        .root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct failure f = {0};
    struct tree *tree = walk(&x, NULL, &f);
    int bits = !tree && f.code == -EACCES && strstr(f.text, "\"closed\"") ? 1 : 0;
    tree_unref(tree);
    tree = walk(&x, "closed\n", NULL);
    bits |= tree ? 2 : 0;
    tree_unref(tree);
    close(x.root);
    pool_free(x.pool);
    return bits;
}

static void test_unreadable(void)
{
    tap_case("an unreadable directory fails by name if it is kept, and is skipped if excluded");
    struct fixture x = setup();
    put_dir(&x, "closed");
    if (fchmodat(x.root, "closed", 0, 0) < 0 || chmod(x.path, 0755) < 0)
        abort();
    /* Root can read everything, so a child becomes another user. */
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(geteuid() == 0 && setresuid(65534, 65534, 65534) < 0 ? 0 : walk_closed(x.path));
    int status;
    TAP_CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
              WEXITSTATUS(status) == 3);
    if (fchmodat(x.root, "closed", 0755, 0) < 0)
        abort();
    teardown(&x);
}

static void test_wide_and_deep(void)
{
    tap_case("a wide directory and a deep one are walked whole, by any number of threads");
    struct fixture x = setup();
    char path[512] = "deep";
    put_dir(&x, path);
    for (size_t i = 0, len = strlen(path); i < 100; i++, len += 2) {
        memcpy(path + len, "/d", 3);
        put_dir(&x, path);
    }
    put_dir(&x, "wide");
    for (int i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "wide/%d", i);
        put(&x, name, "");
    }
    struct tree *tree = walk(&x, NULL, NULL);
    TAP_CHECK(tree->n_dirs_read == 103 && tree->n_stats == 3102);
    TAP_CHECK(sent(tree, path) && tree_find(tree, BYTES("wide"))->below->n == 3000);
    tree_unref(tree);
    teardown(&x);
}

/* Changes a directory between its stat and the watch on it. */
static void write_before_watch(void *watch, int dir_fd, struct bytes path)
{
    (void)watch, (void)path;
    struct timespec then[] = {{.tv_sec = 1}, {.tv_sec = 1000}};
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", dir_fd);
    if (utimensat(AT_FDCWD, name, then, 0) < 0)
        abort();
}

static void never_leave(void *watch, struct bytes path)
{
    (void)watch, (void)path;
}

static void test_watched_directory(void)
{
    tap_case("the times of a directory are those after it is watched");
    struct fixture x = setup();
    struct failure f = {0};
    put_dir(&x, "d");
    put_dir(&x, "d/e");
    struct tree_rules rules = {0};
    struct tree_watch watch = {NULL, write_before_watch, never_leave};
    struct tree_walk ask = {.root_fd = x.root,
                            .root_name = BYTES("."),
                            .pool = x.pool,
                            .rules = (const struct tree_rules *[]){&rules},
                            .n_rules = 1,
                            .watch = &watch};
    struct tree *tree = NULL;
    if (TAP_CHECKF(tree_make(&ask, NULL, NULL, &tree, &f) == 0, "%s", f.text)) {
        const int64_t then = 1000 * 1000000000ll;
        TAP_CHECK(tree_find(tree, BYTES("d"))->id.mtime_ns == then);
        TAP_CHECK(tree_find(tree, BYTES("d/e"))->id.mtime_ns == then);
    }
    tree_unref(tree);
    teardown(&x);
}

/* Called between the opening and the reading of a directory. */
static void remove_before_read(void *watch, int dir_fd, struct bytes path)
{
    const struct fixture *x = watch;
    (void)dir_fd;
    if (bytes_equal(path, BYTES("gone"))) {
        unlinkat(x->root, "gone/f", 0);
        unlinkat(x->root, "gone", AT_REMOVEDIR);
    } else if (bytes_equal(path, BYTES("d/new")) && unlinkat(x->root, "d/new/old", 0) == 0) {
        unlinkat(x->root, "d/new", AT_REMOVEDIR);
        put_dir(x, "d/new");
        put(x, "d/new/file", "");
    } else if (bytes_equal(path, BYTES("d/file")) &&
               unlinkat(x->root, "d/file", AT_REMOVEDIR) == 0) {
        put(x, "d/file", "");
    }
}

static void test_removed_directory(void)
{
    tap_case("a directory that is removed between opening and reading is as it is then");
    struct fixture x = setup();
    struct failure f = {0};
    put_dir(&x, "gone");
    put(&x, "gone/f", "");
    put_dir(&x, "d");
    put_dir(&x, "d/new");
    put(&x, "d/new/old", "");
    put_dir(&x, "d/file");
    put_dir(&x, "d/stays");
    struct tree_rules rules = {0};
    struct tree_watch watch = {&x, remove_before_read, never_leave};
    struct tree_walk ask = {.root_fd = x.root,
                            .root_name = BYTES("."),
                            .pool = x.pool,
                            .rules = (const struct tree_rules *[]){&rules},
                            .n_rules = 1,
                            .watch = &watch};
    struct tree *tree = NULL;
    if (TAP_CHECKF(tree_make(&ask, NULL, NULL, &tree, &f) == 0, "%s", f.text)) {
        TAP_CHECK(!sent(tree, "gone") && !sent(tree, "gone/f"));
        TAP_CHECK(sent(tree, "d/new/file") && !sent(tree, "d/new/old"));
        TAP_CHECK(sent(tree, "d/file") && S_ISREG(tree_find(tree, BYTES("d/file"))->id.mode));
        TAP_CHECK(sent(tree, "d/stays"));
        tree_unref(tree);
    }
    teardown(&x);

    tap_case("a root that is removed fails, and the message names it");
    x = setup();
    scratch_remove(x.path);
    TAP_CHECK(!walk(&x, NULL, &f) && f.code == -ENOENT && strstr(f.text, "\".\""));
    teardown(&x);
}

static void test_any_file(void)
{
    tap_case(
        "if any file may have changed, those whose stat is another are marked, and no other");
    struct fixture x = setup();
    struct failure f = {0};
    put_dir(&x, "d");
    put(&x, "d/a", "1");
    put(&x, "d/b", "2");
    put(&x, "c", "3");
    /* Until the files are older than a tick of the clock: a later change changes the stat. */
    struct tree *tree;
    for (;;) {
        tree = walk(&x, NULL, &f);
        if (stat_settled(&tree_find(tree, BYTES("c"))->id, tree->clock_ns))
            break;
        tree_unref(tree);
    }
    struct dirty *dirty = dirty_new();
    dirty_files(dirty);
    tree_check_links(tree, x.root, x.pool, dirty);
    TAP_CHECK(dirty_is_empty(dirty));
    put(&x, "d/a", "9");
    TAP_CHECK(fchmodat(x.root, "c", 0600, 0) == 0);
    tree_check_links(tree, x.root, x.pool, dirty);
    TAP_CHECK(dirty_covers(dirty, BYTES("d/a")) && dirty_covers(dirty, BYTES("c")));
    TAP_CHECK(dirty_count(dirty) == 2);
    dirty_free(dirty);
    tree_unref(tree);
    teardown(&x);
}

/* ---- cancelled ------------------------------------------------------------------------- */

struct cancelling {
    atomic_bool cancelled;
    atomic_uint entered;
};

static void cancel_at_third(void *watch, int dir_fd, struct bytes path)
{
    struct cancelling *c = watch;
    (void)dir_fd, (void)path;
    if (atomic_fetch_add(&c->entered, 1) == 2)
        atomic_store(&c->cancelled, true);
}

static void test_cancelled(void)
{
    tap_case("a walk that is cancelled ends at once, and the pool can walk again");
    struct fixture x = setup();
    struct cancelling c = {0};
    char name[64];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "d%u", i);
        put_dir(&x, name);
    }
    struct tree_rules rules = {0};
    struct tree_watch watch = {&c, cancel_at_third, never_leave};
    struct tree_walk ask = {.root_fd = x.root,
                            .root_name = BYTES("."),
                            .pool = x.pool,
                            .rules = (const struct tree_rules *[]){&rules},
                            .n_rules = 1,
                            .watch = &watch};
    struct failure f = {0};
    struct tree *tree = NULL;
    pool_set_cancel(x.pool, &c.cancelled);
    TAP_CHECK(tree_make(&ask, NULL, NULL, &tree, &f) == -ECANCELED);
    /* Jobs that run already may have entered one more directory each. */
    TAP_CHECKF(atomic_load(&c.entered) < 100, "%u of 501 entered", atomic_load(&c.entered));
    pool_set_cancel(x.pool, NULL);
    TAP_CHECKF(tree_make(&ask, NULL, NULL, &tree, &f) == 0, "%s", f.text);
    tree_unref(tree);
    teardown(&x);
}

/* ---- while others write ---------------------------------------------------------------- */

enum { RACED_NAMES = 4000 };

/* A thread that changes the tree while it is walked. */
struct racer {
    const struct fixture *x;
    pthread_t thread;
    atomic_bool stop;
};

static void racer_start(struct racer *racer, void *(*change)(void *racer))
{
    if (pthread_create(&racer->thread, NULL, change, racer) != 0)
        abort();
}

static void racer_stop(struct racer *racer)
{
    atomic_store(&racer->stop, true);
    pthread_join(racer->thread, NULL);
}

static void *make_anew(void *context)
{
    struct racer *racer = context;
    for (unsigned i = 0; !atomic_load(&racer->stop); i = (i + 1301) % RACED_NAMES) {
        char name[64];
        snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
        unlinkat(racer->x->root, name, 0);
        put(racer->x, name, "");
    }
    return NULL;
}

static void test_names_once(void)
{
    tap_case("a name that is removed and made anew while its directory is read appears once");
    /* On tmpfs the name comes back at another position of the directory; on ext4 its hash
     * determines the position. */
    struct fixture x = setup_at(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    for (unsigned i = 0; i < RACED_NAMES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
        put(&x, name, "");
    }
    struct racer racer = {.x = &x};
    racer_start(&racer, make_anew);
    size_t twice = 0;
    for (int walks = 0; walks < 40; walks++) {
        struct tree *tree = walk(&x, NULL, NULL);
        const struct dir *dir = tree->root.below;
        for (size_t i = 1; i < dir->n; i++)
            twice += bytes_equal(node_name(&dir->nodes[i - 1]), node_name(&dir->nodes[i]));
        tree_unref(tree);
    }
    racer_stop(&racer);
    TAP_CHECKF(twice == 0, "%zu names are there twice", twice);
    teardown(&x);
}

static const char *const raced[] = {"in/file", "in/link", "in/dir", "in/link2"};

static void *exchange(void *context)
{
    struct racer *racer = context;
    for (unsigned i = 0; !atomic_load(&racer->stop); i = (i + 1) % ARRAY_SIZE(raced))
        if (renameat2(racer->x->root, "out/name", racer->x->root, raced[i], RENAME_EXCHANGE) <
            0)
            abort();
    return NULL;
}

/* Makes a symbolic link with this time, which its target tells, too. */
static void put_timed_link(const struct fixture *x, const char *target, const char *path,
                           time_t at)
{
    struct timespec times[] = {{.tv_sec = at}, {.tv_sec = at}};
    if (symlinkat(target, x->root, path) < 0 ||
        utimensat(x->root, path, times, AT_SYMLINK_NOFOLLOW) < 0)
        abort();
}

static void test_replaced(void)
{
    tap_case("a name that is a file, a symbolic link and a directory in turn is one of them in "
             "each tree");
    struct fixture x = setup();
    put_dir(&x, "in");
    put_dir(&x, "in/dir");
    put(&x, "in/dir/f", "");
    put(&x, "in/file", "");
    put_dir(&x, "out");
    put(&x, "out/name", "");
    put_timed_link(&x, "1", "in/link", 1);
    put_timed_link(&x, "2", "in/link2", 2);
    /* These give time between the stat of the name and the reading of the directory. */
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "out/z-%d", i);
        put(&x, name, "");
    }
    struct racer racer = {.x = &x};
    racer_start(&racer, exchange);
    size_t missing = 0, hollow = 0, mixed = 0, refused = 0, other = 0;
    for (int walks = 0; walks < 1200; walks++) {
        struct failure f = {0};
        struct tree *tree = walk(&x, "in\n", &f);
        if (!tree) {
            /* On a busy machine the name may change in each of tree_make()'s tries. */
            refused += f.code == -ESTALE;
            other += f.code != -ESTALE;
            continue;
        }
        const struct node *node = tree_find(tree, BYTES("out/name"));
        missing += !node || !node->keep;
        hollow += node && S_ISDIR(node->id.mode) && !node->below;
        mixed += node && S_ISLNK(node->id.mode) &&
                 node_target(node).at[0] - '0' != node->id.mtime_ns / 1000000000;
        tree_unref(tree);
    }
    racer_stop(&racer);
    TAP_CHECKF(refused < 120 && other == 0, "%zu trees were refused, %zu failed otherwise",
               refused, other);
    TAP_CHECKF(missing == 0, "%zu trees are without it", missing);
    TAP_CHECKF(hollow == 0, "%zu trees have a directory that was not looked into", hollow);
    TAP_CHECKF(mixed == 0, "%zu trees have one link's times and another's target", mixed);
    teardown(&x);
}

int main(void)
{
    test_order_and_verdicts();
    test_unreadable();
    test_wide_and_deep();
    test_watched_directory();
    test_removed_directory();
    test_any_file();
    test_cancelled();
    test_names_once();
    test_replaced();
    return tap_end();
}
