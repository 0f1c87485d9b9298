/* SPDX-License-Identifier: Apache-2.0 */
/* hashdb_load(): reads all hashes of a tree into a hash table. A file takes 64 bytes, and 32
 * more if it has a SHA-256; a look-up takes one or two probes. */
#include "db-state.h"
#include "db-writer.h"

/* One file. */
struct hashes_entry {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode;
    uint32_t sha; /* index + 1 in shas; 0: none */
    struct digest128 xxh;
};
_Static_assert(sizeof(struct hashes_entry) == 64, "an entry is a cache line");

struct hashes {
    struct hashes_entry *at;
    struct sha256 *shas;
    uint32_t *slots; /* index + 1; 0: free */
    size_t n, cap, n_shas, cap_shas, n_slots;
};

void hashes_free(struct hashes *hashes)
{
    if (!hashes)
        return;
    free(hashes->at);
    free(hashes->shas);
    free(hashes->slots);
    free(hashes);
}

static void hashes_add(struct hashes *h, const struct stat_identity *id,
                       const struct content_hash *hash)
{
    if (h->n >= DB_LOAD_MAX)
        return;
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 256;
        h->at = xrealloc(h->at, h->cap * sizeof(*h->at));
    }
    if (hash->has_sha && h->n_shas == h->cap_shas) {
        h->cap_shas = h->cap_shas ? h->cap_shas * 2 : 256;
        h->shas = xrealloc(h->shas, h->cap_shas * sizeof(*h->shas));
    }
    if (hash->has_sha)
        h->shas[h->n_shas++] = hash->sha;
    h->at[h->n++] = (struct hashes_entry){
        .dev = id->dev,
        .ino = id->ino,
        .size = id->size,
        .mtime_ns = id->mtime_ns,
        .ctime_ns = id->ctime_ns,
        .mode = id->mode,
        .sha = hash->has_sha ? (uint32_t)h->n_shas : 0,
        .xxh = hash->xxh,
    };
}

/* The slot of (dev, ino), or the free one where it belongs. At least half of them are free. */
static uint32_t *hashes_find_slot(const struct hashes *h, uint64_t dev, uint64_t ino)
{
    for (size_t i = db_key_hash(0, dev, ino) & (h->n_slots - 1);;
         i = (i + 1) & (h->n_slots - 1)) {
        uint32_t at = h->slots[i];
        if (!at || (h->at[at - 1].ino == ino && h->at[at - 1].dev == dev))
            return &h->slots[i];
    }
}

/* Builds the table at the end, when the number of entries is known. */
static void hashes_make_index(struct hashes *h)
{
    h->n_slots = 16;
    while (h->n_slots < 2 * h->n)
        h->n_slots *= 2;
    h->slots = xcalloc(h->n_slots, sizeof(*h->slots));
    for (size_t i = 0; i < h->n; i++)
        *hashes_find_slot(h, h->at[i].dev, h->at[i].ino) = (uint32_t)i + 1;
}

bool hashes_get(const struct hashes *hashes, const struct stat_identity *id,
                struct content_hash *ret)
{
    uint32_t at = *hashes_find_slot(hashes, id->dev, id->ino);
    if (!at)
        return false;
    const struct hashes_entry *entry = &hashes->at[at - 1];
    struct stat_identity known = {
        .dev = entry->dev,
        .ino = entry->ino,
        .size = entry->size,
        .mtime_ns = entry->mtime_ns,
        .ctime_ns = entry->ctime_ns,
        .mode = entry->mode,
    };
    if (!stat_identity_equal(&known, id))
        return false;
    *ret = (struct content_hash){.xxh = entry->xxh, .has_sha = entry->sha != 0};
    if (entry->sha)
        ret->sha = hashes->shas[entry->sha - 1];
    return true;
}

/* Merges what both queues say of the tree into *ret; `pending` is newer and wins. */
static void hashes_copy_queues__with_lock(const struct hashdb *db, int64_t tree,
                                          struct db_queue *ret)
{
    const struct db_queue *const oldest_first[] = {&db->flight, &db->pending};
    for (size_t i = 0; i < ARRAY_SIZE(oldest_first); i++) {
        const struct db_queue *q = oldest_first[i];
        if (db_queue_forgot(q, tree)) {
            db_queue_release(ret);
            ret->forgot_all = true;
        }
        for (size_t k = 0; k < q->n; k++) {
            const struct db_op *op = &q->ops[k];
            if (op->tree != tree)
                continue;
            if (!op->put || !db_queue_put(ret, op))
                db_queue_void(ret, tree, op->id.dev, op->id.ino);
        }
    }
}

/*
 * Adds the rows that are not damaged, and for which the queues have no newer op. Returns
 * SQLite's code. In a damaged file the pages may form a circle, which would never end: so a key
 * that is not greater than the one before is damage.
 */
static int hashes_read_rows(struct db_conn *conn, int64_t tree, const struct db_queue *newer,
                            struct hashes *h)
{
    sqlite3_stmt *row = conn->statements[DB_LOAD];
    sqlite3_bind_int64(row, 1, tree);
    int64_t dev = INT64_MIN, ino = INT64_MIN;
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW && h->n < DB_LOAD_MAX) {
        int64_t last_dev = dev, last_ino = ino;
        dev = sqlite3_column_int64(row, 0);
        ino = sqlite3_column_int64(row, 1);
        if (dev < last_dev || (dev == last_dev && ino <= last_ino && last_ino != INT64_MIN)) {
            code = SQLITE_CORRUPT;
            break;
        }
        struct stat_identity id;
        struct content_hash hash;
        const struct db_op *op;
        if (db_row_read(row, tree, &id, &hash) &&
            db_queue_knows(newer, tree, id.dev, id.ino, &op) == DB_UNKNOWN)
            hashes_add(h, &id, &hash);
    }
    db_reset(conn, DB_LOAD);
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

struct hashes *hashdb_load(struct hashdb *db, int64_t tree)
{
    struct hashes *h = xcalloc(1, sizeof(*h));
    struct db_queue newer = DB_QUEUE(2 * DB_QUEUE_MAX); /* both queues fit */
    /* The queues are copied before the file is read, because a commit empties `flight`. */
    pthread_mutex_lock(&db->lock);
    hashes_copy_queues__with_lock(db, tree, &newer);
    pthread_mutex_unlock(&db->lock);

    int code = SQLITE_DONE;
    pthread_mutex_lock(&db->read_lock);
    if (db->reader.sqlite && !newer.forgot_all)
        code = hashes_read_rows(&db->reader, tree, &newer, h);
    pthread_mutex_unlock(&db->read_lock);
    if (code != SQLITE_DONE) {
        /* A part of a tree would do no harm, but a damaged file is not to be trusted. */
        h->n = h->n_shas = 0;
        db_suspect(db, code);
    }
    for (size_t i = 0; i < newer.n; i++)
        if (newer.ops[i].put)
            hashes_add(h, &newer.ops[i].id, &newer.ops[i].hash);
    db_queue_release(&newer);
    hashes_make_index(h);
    return h;
}
