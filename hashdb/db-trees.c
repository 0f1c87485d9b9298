/* SPDX-License-Identifier: Apache-2.0 */
#include "db-trees.h"

#include <time.h>

int64_t db_seconds(void)
{
    return (int64_t)time(NULL);
}

/* The number of a tree: 47 bits and not 0. So the key of a row stays short, and the chance that
 * two of 1,000 trees have the same number is 1 in 280 million. */
static int64_t db_tree_number(struct bytes path, uint64_t dev, uint64_t ino)
{
    uint64_t words[4] = {dev, ino};
    struct digest128 of_path = digest128(path);
    memcpy(&words[2], of_path.at, sizeof(of_path.at));
    struct digest128 all = digest128(bytes_at(words, sizeof(words)));
    uint64_t number;
    memcpy(&number, all.at, sizeof(number));
    number >>= 17;
    return number ? (int64_t)number : 1;
}

struct db_tree *db_tree_find__with_lock(struct hashdb *db, int64_t id)
{
    if (db->last_tree < db->n_trees && db->trees[db->last_tree].id == id)
        return &db->trees[db->last_tree];
    for (size_t i = 0; i < db->n_trees; i++)
        if (db->trees[i].id == id) {
            db->last_tree = i;
            return &db->trees[i];
        }
    return NULL;
}

static struct db_tree *db_tree_add__with_lock(struct hashdb *db, int64_t id)
{
    struct db_tree *place;
    if (db->n_trees < DB_TREES_MAX) {
        db->trees = xrealloc(db->trees, (db->n_trees + 1) * sizeof(*db->trees));
        place = &db->trees[db->n_trees++];
    } else {
        place = &db->trees[0];
        for (size_t i = 1; i < db->n_trees; i++)
            if (db->trees[i].used < place->used)
                place = &db->trees[i];
        bytes_free(&place->path);
    }
    *place = (struct db_tree){.id = id};
    return place;
}

bool db_tree_use__with_lock(struct db_tree *tree)
{
    tree->used = db_seconds();
    bool was_due = tree->due;
    if (tree->used > tree->written + DB_TOUCH_SECONDS || tree->written > tree->used)
        tree->due = true;
    return tree->due && !was_due;
}

bool db_tree_enter__with_lock(struct hashdb *db, struct bytes root_path, uint64_t dev,
                              uint64_t ino, int64_t *ret_id)
{
    int64_t id = db_tree_number(root_path, dev, ino);
    struct db_tree *tree = db_tree_find__with_lock(db, id);
    if (!tree) {
        tree = db_tree_add__with_lock(db, id);
        tree->path = bytes_dup(root_path);
        tree->dev = dev;
        tree->ino = ino;
    }
    *ret_id = id;
    return db_tree_use__with_lock(tree);
}

void db_trees_free(struct db_tree *trees, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_free(&trees[i].path);
    free(trees);
}

size_t db_trees_due(struct hashdb *db, int64_t used_since, struct db_tree **ret)
{
    pthread_mutex_lock(&db->lock);
    struct db_tree *copies = xcalloc(db->n_trees, sizeof(*copies));
    size_t n = 0;
    for (size_t i = 0; i < db->n_trees; i++) {
        if (!db->trees[i].due && db->trees[i].used < used_since)
            continue;
        struct db_tree *copy = &copies[n++];
        *copy = db->trees[i];
        copy->path = bytes_dup(copy->path);
    }
    pthread_mutex_unlock(&db->lock);
    *ret = copies;
    return n;
}

void db_trees_written__with_lock(struct hashdb *db, const struct db_tree *written, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < db->n_trees; j++)
            if (db->trees[j].id == written[i].id) {
                db->trees[j].written = written[i].used;
                db->trees[j].due = db->trees[j].used > written[i].used + DB_TOUCH_SECONDS;
            }
}
