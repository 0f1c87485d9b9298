/* SPDX-License-Identifier: Apache-2.0 */
/* Where chunks end, and that patched chunks are those of a fresh cut. SEED=N repeats a run. */
#include "chunks.h"
#include "scratch.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct terms terms = {.bit = 1};
static uint64_t state;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

struct fixture {
    char path[64];
    int root;
    struct pool *pool;
};

static struct fixture setup(void)
{
    struct fixture x = {.path = "/tmp/ctxd-chunks-XXXXXX"};
    scratch_make(x.path);
    x.root = open(x.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    x.pool = pool_new(2);
    return x;
}

static void teardown(struct fixture *x)
{
    close(x->root);
    pool_free(x->pool);
    scratch_remove(x->path);
}

static void put(const struct fixture *x, const char *path, off_t size)
{
    cleanup_fd int fd = openat(x->root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, size) < 0)
        abort();
}

/* The tree as it is now; `was`: an older one, or NULL. */
static struct tree *look(const struct fixture *x, struct tree *was)
{
    static const struct tree_rules everything;
    const struct tree_rules *const rules[] = {&everything};
    struct tree_walk walk = {.root_fd = x->root,
                             .root_name = BYTES("."),
                             .ignore_name = BYTES(".dockerignore"),
                             .rules = rules,
                             .n_rules = 1,
                             .pool = x->pool};
    struct dirty *dirty = dirty_new();
    struct tree *tree = NULL;
    struct failure f = {0};
    dirty_below(dirty, BYTES(""));
    if (tree_make(&walk, was, dirty, &tree, &f) < 0) {
        printf("# %s\n", f.text);
        abort();
    }
    dirty_free(dirty);
    return tree;
}

static void put_files(const struct fixture *x)
{
    char path[32];
    if (mkdirat(x->root, "d", 0755) < 0 || mkdirat(x->root, "d/e", 0755) < 0)
        abort();
    for (unsigned i = 0; i < 600; i++) {
        snprintf(path, sizeof(path), i % 3 ? "d/f%u" : "d/e/f%u", i);
        put(x, path, i);
    }
}

static void test_ends(void)
{
    struct fixture x = setup();
    put_files(&x);
    put(&x, "d/large", CHUNK_BYTES + 1);
    put(&x, "z", CHUNK_BYTES);
    struct tree *tree = look(&x, NULL);
    struct links *links = links_make(&terms, tree);
    struct chunks chunks;
    chunks_cut(&terms, links, tree, &chunks);
    size_t n = 0, large = 0, wrong_ends = 0, wrong_order = 0;
    for (size_t i = 0; i < chunks.n; i++) {
        const struct chunk *chunk = chunks.at[i];
        struct entries own;
        chunk_entries(&terms, links, tree, chunk, &own);
        n += chunk->n;
        large += chunk->large && chunk->n == 1;
        wrong_order += own.n != chunk->n || !bytes_equal(own.at[0].path, chunk_first(chunk)) ||
                       (i && stream_order(chunk_first(chunks.at[i - 1]), own.at[0].path) >= 0);
        bool before_large = i + 1 < chunks.n && chunks.at[i + 1]->large;
        if (!chunk->large && !before_large && i + 1 < chunks.n)
            wrong_ends += (bytes_hash(own.at[own.n - 1].path) & 63) != 0;
        arena_release(&own.arena);
    }
    tap_case("each entry is in one chunk, in the order of the stream");
    TAP_CHECKF(n == 604 && wrong_order == 0, "%zu entries, %zu wrong", n, wrong_order);
    tap_case("a file larger than CHUNK_BYTES is a chunk of its own");
    TAP_CHECKF(large == 1, "%zu", large);
    tap_case("other chunks end after a path whose hash has six zero bits");
    TAP_CHECKF(chunks.n > 4 && wrong_ends == 0, "%zu of %zu", wrong_ends, chunks.n);
    chunks_release(&chunks);
    links_unref(links);
    tree_unref(tree);
    teardown(&x);
}

struct changes {
    struct arena arena;
    struct bytes *at;
    size_t n, cap;
};

static void on_change(void *context, struct bytes path)
{
    struct changes *c = context;
    *ARENA_PUSH(&c->arena, c->at, &c->n, &c->cap) = arena_copy(&c->arena, path);
}

/* A few of a hundred names in two directories; one in ten is a large file. */
static void change(const struct fixture *x)
{
    char path[32];
    for (uint32_t k = 1 + below(3); k > 0; k--) {
        snprintf(path, sizeof(path), below(2) ? "d/g%u" : "d/e/g%u", below(50));
        if (below(3) == 0)
            unlinkat(x->root, path, 0);
        else
            put(x, path, below(10) ? below(9000) : CHUNK_BYTES + 1 + below(9000));
    }
}

static bool same(const struct chunks *a, const struct chunks *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n; i++)
        equal = bytes_equal(chunk_first(a->at[i]), chunk_first(b->at[i])) &&
                a->at[i]->n == b->at[i]->n && a->at[i]->tar_bytes == b->at[i]->tar_bytes &&
                a->at[i]->large == b->at[i]->large && a->at[i]->largest == b->at[i]->largest;
    return equal;
}

static size_t n_shared(const struct chunks *was, const struct chunks *is)
{
    size_t n = 0;
    for (size_t i = 0; i < was->n; i++)
        for (size_t k = 0; k < is->n; k++)
            n += was->at[i] == is->at[k];
    return n;
}

static void test_patches(uint64_t seed)
{
    tap_case("after any change, patched chunks are those of a fresh cut (seed %llu)",
             (unsigned long long)seed);
    struct fixture x = setup();
    state = seed;
    put_files(&x);
    struct tree *tree = look(&x, NULL);
    struct links *links = links_make(&terms, tree); /* there are none, in any of the trees */
    struct chunks chunks;
    chunks_cut(&terms, links, tree, &chunks);
    size_t kept = 0, all = 0;
    for (int step = 0; step < 150; step++) {
        change(&x);
        struct tree *next = look(&x, tree);
        struct changes c = {0};
        struct chunks patched, fresh;
        tree_compare(tree, next, terms.bit, on_change, &c);
        chunks_patch(&terms, links, next, &chunks, c.at, c.n, &patched);
        chunks_cut(&terms, links, next, &fresh);
        if (!TAP_CHECKF(same(&patched, &fresh), "step %d", step))
            step = 150;
        kept += n_shared(&chunks, &patched);
        all += patched.n;
        chunks_release(&fresh);
        chunks_release(&chunks);
        arena_release(&c.arena);
        tree_unref(tree);
        chunks = patched;
        tree = next;
    }
    tap_case("… and most of them are shared");
    TAP_CHECKF(kept > all / 2, "%zu of %zu", kept, all);
    chunks_release(&chunks);
    links_unref(links);
    tree_unref(tree);
    teardown(&x);
}

int main(void)
{
    const char *seed = getenv("SEED");
    uint64_t only = 0;
    if (seed && number_parse(bytes_of(seed), &only) < 0)
        return 2;
    if (seed) {
        test_patches(only);
        return tap_end();
    }
    test_ends();
    for (uint64_t i = 1; i <= 3; i++)
        test_patches(i);
    return tap_end();
}
