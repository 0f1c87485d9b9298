/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_make(): walks, and walks again what was replaced during a walk, until nothing was.
 * walk.c reads the directories.
 */
#include "compare.h"
#include "dirty.h"
#include "tree.h"
#include "walk.h"

#include <assert.h>
#include <errno.h>

/* Computes the fields that sum up all below a directory, once. PATH_MAX bounds the depth. */
static void tree_seal_dir(struct dir *dir)
{
    if (dir->sealed)
        return;
    for (size_t i = 0; i < dir->n; i++) {
        struct node *node = &dir->nodes[i];
        node->sent = node->keep;
        if (node->below) {
            tree_seal_dir(node->below);
            node->sent |= node->below->sent;
            dir->many_links |= node->below->many_links;
        }
        dir->sent |= node->sent;
        dir->many_links |= node_may_link(node);
    }
    dir->sealed = true;
}

/* One walk. Marks in *again what was replaced by something else while it was read. */
static int tree_make_once(const struct tree_walk *ask, const struct tree *old,
                          const struct dirty *dirty, struct dirty *again,
                          struct tree **ret_tree, struct failure *f)
{
    struct walk walk = {.ask = ask, .lock = PTHREAD_MUTEX_INITIALIZER, .again = again};
    struct stat st;
    int64_t clock = stat_clock_ns();
    if (fstat(ask->root_fd, &st) < 0)
        return fail_errno(f, -errno, "can't read %s", QUOTE(ask->root_name));
    struct tree *tree = xcalloc(1, sizeof(*tree));
    tree->refs = 1;
    tree->clock_ns = clock;
    tree->generation = walk.generation = old ? old->generation + 1 : 1;
    tree->root = (struct node){.text = (const uint8_t *)"", .id = stat_identity(&st)};
    walk_run(&walk, tree, old, dirty);
    if (atomic_load(&walk.failed)) {
        tree_unref(tree);
        return f ? (*f = walk.failure).code : walk.failure.code;
    }
    tree_seal_dir(tree->root.below);
    tree->root.sent = tree->root.below->sent;
    tree->n_dirs_read = atomic_load(&walk.n_dirs_read);
    tree->n_stats = atomic_load(&walk.n_stats);
    if (old && ask->watch)
        tree_leave_gone(old, tree, ask->watch);
    *ret_tree = tree;
    return 0;
}

/* Walks, after which a name that was replaced during each of them counts as unreadable. */
enum { REPLACED_TRIES = 16 };

int tree_make(const struct tree_walk *ask, const struct tree *old, const struct dirty *dirty,
              struct tree **ret_tree, struct failure *f)
{
    struct dirty *again = dirty_new();
    struct tree *tree = NULL;
    int r = tree_make_once(ask, old, dirty, again, &tree, f);
    for (int tries = 0; r == 0 && !dirty_is_empty(again); tries++) {
        struct tree *newer = NULL;
        struct dirty *still = dirty_new();
        r = tries == REPLACED_TRIES ? fail(f, -ESTALE, "%s changes faster than it can be read",
                                           QUOTE(ask->root_name))
                                    : tree_make_once(ask, tree, again, still, &newer, f);
        if (r == 0) {
            assert(tree && newer); /* tree_make_once() gives one with 0 */
            newer->n_dirs_read += tree->n_dirs_read;
            newer->n_stats += tree->n_stats;
        }
        tree_unref(tree);
        tree = newer;
        dirty_free(again);
        again = still;
    }
    dirty_free(again);
    if (r == 0)
        *ret_tree = tree;
    return r;
}
