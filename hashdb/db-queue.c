/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A put may get lost: then a file is hashed once more. A void must not get lost: an outdated
 * hash would be used. So if there is no space for a void, its whole tree is forgotten, which
 * needs almost no space.
 */
#include "db-queue.h"

#include <assert.h>

/* Ops for which a queue first has space, and up to which db_queue_clear() keeps the memory (120
 * KB) for the next batch. */
enum { QUEUE_FIRST = 64, QUEUE_KEPT = 1024 };

void db_queue_release(struct db_queue *q)
{
    free(q->ops);
    free(q->slots);
    *q = DB_QUEUE(q->max);
}

void db_queue_clear(struct db_queue *q)
{
    if (q->cap > QUEUE_KEPT) {
        db_queue_release(q);
        return;
    }
    if (q->n)
        memset(q->slots, 0, 2 * q->cap * sizeof(*q->slots));
    q->n = q->n_forgotten = 0;
    q->forgot_all = false;
}

bool db_queue_is_empty(const struct db_queue *q)
{
    return q->n == 0 && q->n_forgotten == 0 && !q->forgot_all;
}

/* The slot of the key, or the free one where it belongs. Half of the slots are free. */
static uint32_t *db_queue_find_slot(const struct db_queue *q, int64_t tree, uint64_t dev,
                                    uint64_t ino)
{
    size_t mask = 2 * q->cap - 1;
    for (size_t i = db_key_hash(tree, dev, ino) & mask;; i = (i + 1) & mask) {
        if (!q->slots[i])
            return &q->slots[i];
        const struct db_op *op = &q->ops[q->slots[i] - 1];
        if (op->id.ino == ino && op->id.dev == dev && op->tree == tree)
            return &q->slots[i];
    }
}

static void db_queue_grow(struct db_queue *q)
{
    free(q->slots);
    q->cap = q->cap ? q->cap * 2 : QUEUE_FIRST;
    q->ops = xrealloc(q->ops, q->cap * sizeof(*q->ops));
    q->slots = xcalloc(2 * q->cap, sizeof(*q->slots));
    for (size_t i = 0; i < q->n; i++) {
        const struct db_op *op = &q->ops[i];
        *db_queue_find_slot(q, op->tree, op->id.dev, op->id.ino) = (uint32_t)i + 1;
    }
}

static struct db_op *db_queue_find(const struct db_queue *q, int64_t tree, uint64_t dev,
                                   uint64_t ino)
{
    if (!q->n)
        return NULL;
    uint32_t at = *db_queue_find_slot(q, tree, dev, ino);
    return at ? &q->ops[at - 1] : NULL;
}

static bool db_queue_add(struct db_queue *q, const struct db_op *op)
{
    if (q->n >= q->max)
        return false;
    if (q->n == q->cap)
        db_queue_grow(q);
    assert(q->ops); /* n < cap implies it, which clang-tidy can't see */
    q->ops[q->n++] = *op;
    *db_queue_find_slot(q, op->tree, op->id.dev, op->id.ino) = (uint32_t)q->n;
    return true;
}

static void db_queue_forget_tree(struct db_queue *q, int64_t tree)
{
    if (db_queue_forgot(q, tree))
        return;
    if (q->n_forgotten < DB_FORGOTTEN_MAX)
        q->forgotten[q->n_forgotten++] = tree;
    else
        q->forgot_all = true;
}

bool db_queue_forgot(const struct db_queue *q, int64_t tree)
{
    for (size_t i = 0; i < q->n_forgotten; i++)
        if (q->forgotten[i] == tree)
            return true;
    return q->forgot_all;
}

bool db_queue_put(struct db_queue *q, const struct db_op *op)
{
    struct db_op *old = db_queue_find(q, op->tree, op->id.dev, op->id.ino);
    if (!old)
        return db_queue_add(q, op);
    bool over_void = old->over_void || !old->put;
    *old = *op;
    old->over_void = over_void;
    return true;
}

void db_queue_void(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino)
{
    struct db_op op = {.tree = tree, .id = {.dev = dev, .ino = ino}};
    struct db_op *old = db_queue_find(q, tree, dev, ino);
    if (old)
        *old = op;
    else if (!db_queue_add(q, &op))
        db_queue_forget_tree(q, tree);
}

void db_queue_gone(struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino)
{
    if (q->n < q->max / 2 || db_queue_find(q, tree, dev, ino))
        db_queue_void(q, tree, dev, ino);
}

enum db_known db_queue_knows(const struct db_queue *q, int64_t tree, uint64_t dev, uint64_t ino,
                             const struct db_op **ret_op)
{
    const struct db_op *op = db_queue_find(q, tree, dev, ino);
    if (!op)
        return db_queue_forgot(q, tree) ? DB_VOIDED : DB_UNKNOWN;
    if (!op->put)
        return DB_VOIDED;
    *ret_op = op;
    return DB_KNOWN;
}

size_t db_queue_retain(struct db_queue *q, const struct db_queue *failed)
{
    size_t dropped = 0;
    q->forgot_all |= failed->forgot_all;
    for (size_t i = 0; i < failed->n_forgotten; i++)
        db_queue_forget_tree(q, failed->forgotten[i]);
    for (size_t i = 0; i < failed->n; i++) {
        const struct db_op *op = &failed->ops[i];
        dropped += op->put;
        if (op->put && !op->over_void)
            continue;
        struct db_op *newer = db_queue_find(q, op->tree, op->id.dev, op->id.ino);
        if (newer)
            newer->over_void = newer->put;
        else
            db_queue_void(q, op->tree, op->id.dev, op->id.ino);
    }
    return dropped;
}

size_t db_queue_drop_puts(struct db_queue *q)
{
    struct db_queue voids = DB_QUEUE(q->max);
    size_t dropped = db_queue_retain(&voids, q);
    db_queue_release(q);
    *q = voids;
    return dropped;
}
