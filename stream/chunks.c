/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries -> chunks. The end of a chunk depends on its own entries alone. So an edit moves few
 * boundaries, and a patch soon meets the old ones again:
 *
 *     was   [ a b c ][ d e ][ f g h ][ i j ]
 *     edit                ^ e2 is new
 *     cut anew       [ d e e2 ][ f …         f begins a chunk, as before: the rest is shared
 *
 * A chunk of small files has 64 of them on average, because six bits of a path's hash decide:
 * some hundred kilobytes. Larger chunks would not make splice() faster, and an edit would cost
 * more.
 */
#include "chunks.h"

/* The six bits of a path's hash that are zero where a chunk ends. */
enum { BOUNDARY_MASK = 63 };

static struct chunk *chunk_ref(struct chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

static void chunk_unref(struct chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&chunk->lock);
    free(chunk);
}

void chunks_release(struct chunks *chunks)
{
    for (size_t i = 0; i < chunks->n; i++)
        chunk_unref(chunks->at[i]);
    free(chunks->at);
    *chunks = (struct chunks){0};
}

bool chunk_name(struct chunk *chunk, struct digest128 *ret)
{
    pthread_mutex_lock(&chunk->lock);
    bool named = chunk->named;
    *ret = chunk->name;
    pthread_mutex_unlock(&chunk->lock);
    return named;
}

static void chunks_add(struct chunks *chunks, struct chunk *chunk)
{
    if (chunks->n == chunks->cap) {
        chunks->cap = chunks->cap ? 2 * chunks->cap : 64;
        chunks->at = xrealloc(chunks->at, chunks->cap * sizeof(*chunks->at));
    }
    chunks->at[chunks->n++] = chunk;
}

void chunks_share(const struct chunks *chunks, struct chunks *ret)
{
    *ret = (struct chunks){.n = chunks->n, .cap = chunks->n};
    ret->at = xcalloc(chunks->n + 1, sizeof(*ret->at));
    for (size_t i = 0; i < chunks->n; i++)
        ret->at[i] = chunk_ref(chunks->at[i]);
}

/* ---- cutting ---------------------------------------------------------------------------- */

struct cutter {
    const struct terms *terms;
    const struct links *links;
    struct chunks *out;
    struct chunk *open; /* being filled, or NULL */
    uint64_t bytes;     /* in it: a block and the content of each entry */
    /* For chunks_patch() only: */
    const struct chunks *was; /* NULL: chunks_cut() */
    size_t next_was;          /* the first old chunk that the walk has not passed */
    const struct bytes *changed;
    size_t n_changed, next_changed;
    bool met; /* an old boundary fits: nothing differs from there to next_changed */
};

static void cutter_close(struct cutter *c)
{
    if (c->open)
        chunks_add(c->out, c->open);
    c->open = NULL;
    c->bytes = 0;
}

static struct chunk *cutter_open(struct cutter *c, struct bytes path)
{
    struct chunk *chunk = xcalloc(1, sizeof(*chunk) + path.len);
    chunk->refs = 1;
    pthread_mutex_init(&chunk->lock, NULL);
    chunk->first_len = (uint16_t)path.len; /* fits: at most PATH_MAX + NAME_MAX */
    memcpy(chunk->first, path.at, path.len);
    return c->open = chunk;
}

static void chunk_count(struct chunk *chunk, const struct entry *e)
{
    struct chunk_counts *counts = &chunk->counts;
    if (e->kind == ENTRY_LINK) {
        counts->n_hardlinks++;
    } else if (S_ISDIR(e->node->id.mode)) {
        counts->n_dirs++;
    } else if (S_ISLNK(e->node->id.mode)) {
        counts->n_links++;
    } else {
        uint64_t size = e->empty || S_ISFIFO(e->node->id.mode) ? 0 : e->node->id.size;
        counts->n_files++;
        counts->content_bytes += size;
        counts->n_notes += e->empty;
        chunk->largest = size > chunk->largest ? size : chunk->largest;
    }
}

static bool cutter_is_large(const struct cutter *c, const struct entry *e)
{
    return !c->terms->for_digest && e->kind == ENTRY_NODE && entry_size(e) > CHUNK_BYTES;
}

static bool cutter_ends_chunk(const struct cutter *c, struct bytes path)
{
    return (bytes_hash(path) & BOUNDARY_MASK) == 0 ||
           (!c->terms->for_digest && c->bytes >= CHUNK_BYTES);
}

static void cutter_add_entry(struct cutter *c, const struct entry *e)
{
    bool large = cutter_is_large(c, e);
    if (large)
        cutter_close(c);
    struct chunk *chunk = c->open ? c->open : cutter_open(c, e->path);
    chunk->large = large;
    chunk->n++;
    chunk->tar_bytes += entry_tar_bytes(c->terms, e);
    chunk_count(chunk, e);
    c->bytes += USTAR_BLOCK + entry_size(e);
    if (large || cutter_ends_chunk(c, e->path))
        cutter_close(c);
}

/* Whether the old chunks can be shared from here on: one begins with this path, and nothing
 * differs between its beginning and the next change. */
static bool cutter_meets_old(struct cutter *c, struct bytes path)
{
    if (!c->was || c->open)
        return false;
    while (c->next_was < c->was->n &&
           stream_order(chunk_first(c->was->at[c->next_was]), path) < 0)
        c->next_was++;
    while (c->next_changed < c->n_changed &&
           stream_order(c->changed[c->next_changed], path) < 0)
        c->next_changed++;
    return c->next_was < c->was->n && bytes_equal(chunk_first(c->was->at[c->next_was]), path);
}

static bool cutter_on_node(void *context, struct bytes path, const struct node *node)
{
    struct cutter *c = context;
    if (cutter_meets_old(c, path)) {
        c->met = true;
        return false;
    }
    struct entry e;
    if (entry_of(c->terms, c->links, path, node, &e)) {
        cutter_add_entry(c, &e);
        return true;
    }
    /* The node has no entry, but a note is due, which the chunk must count. */
    struct chunk *chunk = c->open ? c->open : cutter_open(c, path);
    chunk->counts.n_skipped++;
    chunk->counts.n_notes++;
    return true;
}

void chunks_cut(const struct terms *terms, const struct links *links, const struct tree *tree,
                struct chunks *ret)
{
    *ret = (struct chunks){0};
    struct cutter c = {.terms = terms, .links = links, .out = ret};
    entries_walk(terms, tree, BYTES(""), cutter_on_node, &c);
    cutter_close(&c);
}

/* ---- patching ---------------------------------------------------------------------------- */

/* The first old chunk to cut anew for a change at `path`: the last that begins before it. */
static size_t chunks_before(const struct chunks *was, struct bytes path)
{
    size_t low = 0, high = was->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (stream_order(chunk_first(was->at[mid]), path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    /* Not the one that begins at `path`: the chunk before it may have ended because of `path`,
     * if that was a large file. */
    return low ? low - 1 : 0;
}

void chunks_patch(const struct terms *terms, const struct links *links, const struct tree *tree,
                  const struct chunks *was, const struct bytes *changed, size_t n_changed,
                  struct chunks *ret)
{
    *ret = (struct chunks){0};
    struct cutter c = {.terms = terms,
                       .links = links,
                       .out = ret,
                       .was = was,
                       .changed = changed,
                       .n_changed = n_changed};
    size_t kept = 0; /* the number of old chunks that are in *ret or replaced */
    while (c.next_changed < n_changed) {
        size_t from = chunks_before(was, changed[c.next_changed]);
        if (from < kept)
            from = kept;
        for (; kept < from; kept++)
            chunks_add(ret, chunk_ref(was->at[kept]));
        c.next_was = from + (from < was->n);
        c.met = false;
        c.bytes = 0;
        /* The first chunk is cut from the start of the tree: new entries may come before it. */
        entries_walk(terms, tree,
                     from && from < was->n ? chunk_first(was->at[from]) : BYTES(""),
                     cutter_on_node, &c);
        cutter_close(&c);
        kept = c.met ? c.next_was : was->n;
        if (!c.met)
            break;
    }
    for (; kept < was->n; kept++)
        chunks_add(ret, chunk_ref(was->at[kept]));
}

/* ---- a chunk's own entries -------------------------------------------------------------- */

struct collecting {
    const struct terms *terms;
    const struct links *links;
    struct entries *out;
    size_t want;
};

static bool chunk_collect(void *context, struct bytes path, const struct node *node)
{
    struct collecting *c = context;
    struct entry e;
    if (!entry_of(c->terms, c->links, path, node, &e))
        return true;
    e.path = arena_copy(&c->out->arena, path);
    *ARENA_PUSH(&c->out->arena, c->out->at, &c->out->n, &c->out->cap) = e;
    return c->out->n < c->want;
}

void chunk_entries(const struct terms *terms, const struct links *links,
                   const struct tree *tree, const struct chunk *chunk, struct entries *ret)
{
    *ret = (struct entries){0};
    struct collecting c = {terms, links, ret, chunk->n};
    if (chunk->n)
        entries_walk(terms, tree, chunk_first(chunk), chunk_collect, &c);
}
