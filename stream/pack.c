/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs a segment: entries -> headers and checked contents -> compressed; or, if the store has
 * it under its name, just a descriptor. A segment doesn't depend on those before and after it,
 * so any number of them can be packed side by side.
 *
 * The name of a chunk is a keyed digest of the header and the content's digest of each entry.
 * So the name can be computed from what the database knows of the files, without reading them.
 * Both digests use the store's key, because anybody who knows the secret of an XXH3 can easily
 * make up two contents with the same digest.
 */
#include "pack.h"

#include <errno.h>

/* After this many tries to read one version of a file that keeps changing, the send fails. */
enum { CONTENT_TRIES = 6 };

/* The name of a chunk, computed while the chunk is packed. */
struct naming {
    struct digest128_state *state; /* NULL: no name is needed */
    bool as_walked;                /* so far, all entries certainly are what the tree says */
};

struct store_name store_name_of(const struct packing *p, const struct digest128 *content)
{
    struct store_name name = {*content, p->request->codec, 0};
    if (!p->codec)
        return name;
    /* Another version of the library may pack to other bytes: the stream must not have them. */
    struct digest128_state *state = digest128_new(store_key(p->plan->store));
    digest128_add(state, bytes_at(content->at, sizeof(content->at)));
    digest128_add(state, bytes_of(p->codec->version()));
    name.content = digest128_end(state);
    name.level = p->request->level;
    digest128_free(state);
    return name;
}

static int pack_no_room(const struct entry *e, struct failure *f)
{
    return fail(f, -E2BIG, "%s grew past %d MiB while it was being sent; run it again",
                QUOTE(e->path), CHUNK_MAX >> 20);
}

/* ---- names ------------------------------------------------------------------------------ */

static struct digest128 naming_digest(const struct plan *plan, struct bytes content)
{
    return digest128_keyed(store_key(plan->store), content);
}

static void naming_add_entry(struct naming *naming, struct bytes header,
                             const struct digest128 *content)
{
    if (!naming->state)
        return;
    digest128_add(naming->state, header);
    digest128_add(naming->state, bytes_at(content->at, sizeof(content->at)));
}

/* Adds a regular file that was just read to the name, and its hash to the database. */
static void naming_learn(struct segment *segment, const struct entry *e, struct bytes header,
                         struct bytes content, enum content_sure sure, struct naming *naming)
{
    if (!naming->state)
        return;
    const struct plan *plan = segment->packing->plan;
    struct content_hash hash = {.xxh = naming_digest(plan, content)};
    naming_add_entry(naming, header, &hash.xxh);
    if (sure == CONTENT_HELD)
        naming->as_walked = false;
    if (sure == CONTENT_SURE && plan->hashdb)
        hashdb_put(plan->hashdb, plan->hashdb_tree, &e->node->id, &hash);
}

static bool pack_is_content(const struct entry *e)
{
    return e->kind == ENTRY_NODE && !e->empty && S_ISREG(e->node->id.mode);
}

/* Computes the name from the hashes that the database has; false: one is missing. */
static bool naming_by_hashes(const struct plan *plan, const struct entries *entries,
                             struct naming *naming)
{
    cleanup_buf struct buf header = BUF(TAR_HEADER_MAX);
    for (size_t i = 0; i < entries->n; i++) {
        const struct entry *e = &entries->at[i];
        struct bytes text = e->kind == ENTRY_TEXT ? e->text : BYTES("");
        struct content_hash hash = {.xxh = naming_digest(plan, text)};
        if (pack_is_content(e) && !hashes_get(plan->hashes, &e->node->id, &hash))
            return false;
        struct tar_header h = entry_header(&plan->terms, e, NULL);
        buf_clear(&header);
        tar_add_header(&header, &h);
        naming_add_entry(naming, buf_bytes(&header), &hash.xxh);
    }
    return true;
}

static void pack_set_name(struct chunk *chunk, const struct digest128 *name)
{
    pthread_mutex_lock(&chunk->lock);
    chunk->name = *name;
    chunk->named = true;
    pthread_mutex_unlock(&chunk->lock);
}

static void pack_set_sha(struct chunk *chunk, const struct sha256 *sha)
{
    pthread_mutex_lock(&chunk->lock);
    chunk->sha = *sha;
    chunk->has_sha = true;
    pthread_mutex_unlock(&chunk->lock);
}

static bool pack_find_stored(struct segment *segment, const struct digest128 *name)
{
    const struct packing *p = segment->packing;
    struct store_name at = store_name_of(p, name);
    return store_get(p->plan->store, &at, &segment->stored);
}

/* ---- entries ---------------------------------------------------------------------------- */

/* The common case: the file is the one that the walk saw. false: it isn't, or no room. */
static bool pack_as_walked(struct segment *segment, const struct entry *e,
                           struct naming *naming)
{
    struct packing *p = segment->packing;
    struct buf *out = &segment->plain;
    size_t start = out->len, size = (size_t)e->node->id.size;
    struct tar_header h = entry_header(&p->plan->terms, e, NULL);
    if (buf_reserve(out, tar_header_size(&h) + size + USTAR_BLOCK) < 0)
        return false;
    tar_add_header(out, &h);
    size_t content_at = out->len;
    enum content_sure sure = CONTENT_UNKNOWN;
    if (!content_read_as_walked(&p->source, &segment->dir, e->path, &e->node->id,
                                out->at + content_at, naming->state ? &sure : NULL)) {
        out->len = start;
        return false;
    }
    out->len += size;
    naming_learn(segment, e, bytes_at(out->at + start, content_at - start),
                 bytes_at(out->at + content_at, size), sure, naming);
    return buf_add_zeros(out, ustar_padding(size)) == 0;
}

/* Reads a file that may have changed since the walk. 1: done, 0: it changed again meanwhile. */
static int pack_opened(struct segment *segment, const struct entry *e, struct naming *naming,
                       struct failure *f)
{
    struct packing *p = segment->packing;
    struct buf *out = &segment->plain;
    cleanup_fd int fd = -1;
    struct stat st;
    int r = content_open(&p->source, e->path, &fd, &st, f);
    if (r < 0)
        return r;
    struct stat_identity now = stat_identity(&st);
    if (p->plan->fixed_sizes && now.size != e->node->id.size)
        return fail(f, -ESTALE,
                    "%s changed its size while the context was being sent; run "
                    "it again",
                    QUOTE(e->path));
    struct tar_header h = entry_header(&p->plan->terms, e, &now);
    size_t start = out->len, room = tar_header_size(&h) + ustar_padding(h.size);
    if (now.size > CHUNK_MAX || buf_reserve(out, room + (size_t)now.size) < 0)
        return pack_no_room(e, f);
    tar_add_header(out, &h);
    size_t content_at = out->len;
    ssize_t n = io_read_full(fd, out->at + content_at, (size_t)now.size);
    if (n < 0)
        return fail_errno(f, (int)n, "can't read %s", QUOTE(e->path));
    r = content_check(fd, &st, e->path, f);
    if (r == 0 && (uint64_t)n == now.size) {
        out->len += (size_t)n;
        if (!stat_identity_equal(&now, &e->node->id))
            naming->as_walked = false;
        else
            naming_learn(segment, e, bytes_at(out->at + start, content_at - start),
                         bytes_at(out->at + content_at, (size_t)n),
                         naming->state ? content_is_sure(fd) : CONTENT_UNKNOWN, naming);
        return buf_add_zeros(out, ustar_padding(now.size)) < 0 ? pack_no_room(e, f) : 1;
    }
    out->len = start;
    return r < 0 && r != -ESTALE ? r : 0;
}

/* Appends header, content and padding of one version of a file. */
static int pack_file(struct segment *segment, const struct entry *e, struct naming *naming,
                     struct failure *f)
{
    if (pack_as_walked(segment, e, naming))
        return 0;
    for (int tries = 0;; tries++) {
        int r = pack_opened(segment, e, naming, f);
        if (r != 0)
            return r < 0 ? r : 0;
        if (tries == CONTENT_TRIES || atomic_load(&segment->packing->cancelled))
            return fail(f, -ESTALE, "%s keeps changing while it is being sent", QUOTE(e->path));
    }
}

static int pack_entry(struct segment *segment, const struct entry *e, struct naming *naming,
                      struct failure *f)
{
    struct buf *out = &segment->plain;
    if (e->kind == ENTRY_RAW)
        return buf_add_bytes(out, e->text) < 0 ? pack_no_room(e, f) : 0;
    if (pack_is_content(e))
        return pack_file(segment, e, naming, f);
    struct tar_header h = entry_header(&segment->packing->plan->terms, e, NULL);
    struct bytes text = e->kind == ENTRY_TEXT ? e->text : BYTES("");
    size_t start = out->len;
    if (buf_reserve(out, tar_header_size(&h) + text.len + USTAR_BLOCK) < 0)
        return pack_no_room(e, f);
    tar_add_header(out, &h);
    if (naming->state) {
        struct digest128 content = naming_digest(segment->packing->plan, text);
        naming_add_entry(naming, bytes_at(out->at + start, out->len - start), &content);
    }
    if (buf_add_bytes(out, text) < 0 || buf_add_zeros(out, ustar_padding(text.len)) < 0)
        return pack_no_room(e, f);
    return 0;
}

static int pack_entries(struct segment *segment, const struct entries *entries,
                        struct naming *naming, struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < entries->n && r == 0; i++)
        r = atomic_load(&segment->packing->cancelled)
                ? -ECANCELED
                : pack_entry(segment, &entries->at[i], naming, f);
    content_dir_close(&segment->dir);
    return r;
}

static int pack_compress(struct segment *segment, struct failure *f)
{
    struct packing *p = segment->packing;
    if (!p->codec || segment->plain.len == 0)
        return 0;
    if (!segment->codec)
        segment->codec = p->codec->new (p->request->level);
    buf_clear(&segment->packed);
    if (buf_reserve(&segment->packed, p->codec->bound(segment->codec, segment->plain.len)) < 0)
        return fail(f, -E2BIG, "a chunk of the stream is too large to compress");
    segment->packed.len = p->codec->pack(segment->codec, segment->plain.at, segment->plain.len,
                                         segment->packed.at, segment->packed.cap);
    return segment->packed.len ? 0 : fail(f, -EIO, "%s failed", p->codec->name);
}

static void pack_keep(const struct segment *segment, const struct digest128 *name)
{
    const struct packing *p = segment->packing;
    struct store_name at = store_name_of(p, name);
    const struct buf *bytes = p->codec ? &segment->packed : &segment->plain;
    (void)store_put(p->plan->store, &at, buf_bytes(bytes), segment->plain.len, &segment->sha);
}

/* ---- a chunk ---------------------------------------------------------------------------- */

/* Whether the store has the segment's chunk under that name; if so, fills `stored`. */
static bool pack_find_chunk(struct segment *segment, const struct digest128 *name)
{
    if (!pack_find_stored(segment, name))
        return false;
    segment->sha = segment->stored.plain_sha;
    segment->sure = true;
    pack_set_sha(segment->chunk, &segment->sha);
    return true;
}

/* The same, with a name from the hashes of the database. */
static bool pack_find_by_hashes(struct segment *segment, const struct entries *entries,
                                struct naming *naming)
{
    const struct plan *plan = segment->packing->plan;
    if (!plan->hashes)
        return false;
    bool known = naming_by_hashes(plan, entries, naming);
    struct digest128 name = digest128_end(naming->state);
    if (!known)
        return false;
    pack_set_name(segment->chunk, &name);
    return pack_find_chunk(segment, &name);
}

/* Reads and packs the chunk; keeps it in the store if it certainly is what the tree says. */
static int pack_anew(struct segment *segment, const struct entries *entries,
                     struct naming *naming, struct failure *f)
{
    int r = pack_entries(segment, entries, naming, f);
    if (r == 0)
        r = pack_compress(segment, f);
    segment->sure = r == 0 && naming->state && naming->as_walked;
    if (r == 0 && (segment->sure || segment->packing->want_sha))
        segment->sha = sha256(buf_bytes(&segment->plain));
    if (segment->sure) {
        struct digest128 name = digest128_end(naming->state);
        pack_set_name(segment->chunk, &name);
        pack_set_sha(segment->chunk, &segment->sha);
        pack_keep(segment, &name);
    }
    return r;
}

/* Whether this stream has learnt enough chunks by now, and passes the next one on. */
static bool pack_is_enough(struct packing *p)
{
    return p->request->learn_max && p->plan->store &&
           atomic_fetch_add(&p->n_missed, 1) >= p->request->learn_max;
}

static int pack_chunk(struct segment *segment, struct failure *f)
{
    const struct plan *plan = segment->packing->plan;
    struct digest128 name;
    bool named = plan->store && chunk_name(segment->chunk, &name);
    if (named && pack_find_chunk(segment, &name))
        return 0;
    struct naming naming = {.as_walked = true};
    if (plan->store)
        naming.state = digest128_new(store_key(plan->store));
    struct entries entries;
    chunk_entries(&plan->terms, plan->links, plan->tree, segment->chunk, &entries);
    int r = 0;
    if (named || !pack_find_by_hashes(segment, &entries, &naming)) {
        segment->unlearnt = pack_is_enough(segment->packing);
        if (segment->unlearnt)
            digest128_free(steal(&naming.state));
        r = pack_anew(segment, &entries, &naming, f);
    }
    digest128_free(naming.state);
    arena_release(&entries.arena);
    return r;
}

/* ---- a part of a large file ------------------------------------------------------------- */

static int pack_read_part(struct segment *segment, struct failure *f)
{
    const struct large_file *large = &segment->large;
    struct buf *out = &segment->plain;
    struct stat_identity now = stat_identity(&large->st);
    struct tar_header h = entry_header(&segment->packing->plan->terms, large->entry, &now);
    if (buf_reserve(out, segment->len + 2 * USTAR_BLOCK +
                             (segment->head ? tar_header_size(&h) : 0)) < 0)
        return pack_no_room(large->entry, f);
    if (segment->head)
        tar_add_header(out, &h);
    ssize_t n =
        io_pread_full(large->fd, out->at + out->len, segment->len, (off_t)large->offset);
    if (n < 0)
        return fail_errno(f, (int)n, "can't read %s", QUOTE(large->entry->path));
    if ((size_t)n != segment->len)
        return fail(f, -ESTALE, "%s shrank while it was being sent; run it again",
                    QUOTE(large->entry->path));
    out->len += segment->len;
    return segment->tail ? buf_add_zeros(out, ustar_padding(now.size)) : 0;
}

/* The name of a part is the digest of its bytes, so it is read each time: packing it would cost
 * many times as much. */
static int pack_part(struct segment *segment, struct failure *f)
{
    const struct packing *p = segment->packing;
    int r = pack_read_part(segment, f);
    if (r < 0)
        return r;
    bool keeps = p->plan->store && p->codec;
    struct digest128 name;
    if (keeps) {
        name = digest128_keyed(store_key(p->plan->store), buf_bytes(&segment->plain));
        if (pack_find_stored(segment, &name)) {
            segment->sha = segment->stored.plain_sha;
            return 0;
        }
    }
    if (keeps || p->want_sha)
        segment->sha = sha256(buf_bytes(&segment->plain));
    r = pack_compress(segment, f);
    if (r == 0 && keeps)
        pack_keep(segment, &name);
    return r;
}

/* ---- segments ----------------------------------------------------------------------- */

int segment_pack(struct segment *segment, struct failure *f)
{
    buf_clear(&segment->plain);
    if (segment->large.entry)
        return pack_part(segment, f);
    if (segment->chunk)
        return pack_chunk(segment, f);
    struct naming none = {0};
    int r = pack_entries(segment, segment->literal, &none, f);
    if (r == 0 && segment->packing->want_sha)
        segment->sha = sha256(buf_bytes(&segment->plain));
    return r < 0 ? r : pack_compress(segment, f);
}

static void segment_run(struct pool_job *job)
{
    struct segment *segment = (struct segment *)job;
    struct packing *p = segment->packing;
    /* After a failure, or for a client that is gone, the segments that wait are not packed. */
    int r = atomic_load(&p->cancelled) ? -ECANCELED : pool_check(p->pool, &segment->failure);
    r = r < 0 ? r : segment_pack(segment, &segment->failure);
    pthread_mutex_lock(&p->lock);
    segment->result = r;
    segment->done = true;
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
}

void segment_init(struct segment *segment, struct packing *packing)
{
    *segment = (struct segment){.job = {.run = segment_run},
                                .packing = packing,
                                .dir = {.fd = -1},
                                .stored = {.fd = -1},
                                .plain = BUF(CHUNK_MAX + (16 << 20)),
                                .packed = BUF(SIZE_MAX / 4)};
}

void segment_release(struct segment *segment)
{
    buf_release(&segment->plain);
    buf_release(&segment->packed);
    if (segment->stored.fd >= 0)
        close(segment->stored.fd);
    if (segment->codec)
        segment->packing->codec->free(segment->codec);
}
