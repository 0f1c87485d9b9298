/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of what a target reads. Each entry gives one record:
 *
 *     type 1 (f, d, l)   mode 1
 *     path: text
 *     file: size 8, SHA-256 of its content 32;   link: target: text
 *
 * A number is little endian, and a text is its length 8 and its bytes. The mode of a file is 1
 * if its owner may execute it, plus 2, 4 and 8 for the sticky, set-group-id and set-user-id
 * bits; of others it is 0. A hard link counts as the file that it is.
 *
 * The records of a chunk are hashed together. (With terms.for_digest a chunk ends only after a
 * path whose hash has six zero bits.) Then the digest is the SHA-256 of
 *
 *     "ctxd-digest-2" NUL
 *     SHA-256 of the Dockerfile 32
 *     the stage to build: two numbers 8; the spelling of --target: text (struct df_target)
 *     classic builder 1 (0, 1)
 *     --platform: text, empty without one
 *     --build-arg: their number 8; name: text and value: text of each, by name. Of several with
 *         one name the last one counts
 *     base images that --base-config told of: their number 8; of each the name: text, its
 *         variables and its triggers: number 8, text of each
 *     number of chunks 8, SHA-256 of each chunk 32
 *     with --recipe 1 (0, 1): SHA-256 of what is read of .ctx, as in the stream, 32
 *
 * so that a daemon reads only the chunks again in which something changed. Whatever else is of
 * the machine must not be part of it: times, owners, umask, the environment, what an engine
 * has.
 */
#include "answer.h"
#include "content.h"
#include "skeleton-part.h"

#include <errno.h>
#include <stdlib.h>

struct digesting {
    struct plan *plan;
    struct content_source source;
    const struct pool *pool; /* tells that the request was cancelled */
    atomic_bool failed;
    pthread_mutex_t lock;   /* guards failure */
    struct failure failure; /* the first one */
};

struct digest_job {
    struct pool_job job;
    struct digesting *all;
    struct chunk *chunk;
    struct sha256 *ret;
};

/* A file is read in blocks of this size: one stays in the core's second-level cache. */
enum { BLOCK_BYTES = 256 << 10 };

static void digest_add_number(struct sha256_state *state, uint64_t n)
{
    uint8_t le[8];
    for (int i = 0; i < 8; i++, n >>= 8)
        le[i] = (uint8_t)n;
    sha256_add(state, bytes_at(le, sizeof(le)));
}

static void digest_add_text(struct sha256_state *state, struct bytes text)
{
    digest_add_number(state, text.len);
    sha256_add(state, text);
}

/* ---- contents ------------------------------------------------------------------------- */

/* Hashes all of an open file. */
static int digest_file(const struct digesting *all, int fd, const struct stat *st,
                       struct bytes path, struct content_hash *ret, struct failure *f)
{
    cleanup_free uint8_t *block = xmalloc(BLOCK_BYTES);
    struct sha256_state *sha = sha256_new();
    struct store *store = all->plan->store;
    struct digest128_state *xxh = digest128_new(store ? store_key(store) : NULL);
    uint64_t size = (uint64_t)st->st_size, at = 0;
    int r = 0;
    while (at < size && r == 0) {
        r = pool_check(all->pool, f);
        if (r < 0)
            break;
        size_t want = size - at < BLOCK_BYTES ? (size_t)(size - at) : BLOCK_BYTES;
        ssize_t n = io_pread_full(fd, block, want, (off_t)at);
        if (n < 0)
            r = fail_errno(f, (int)n, "can't read %s", QUOTE(path));
        else if ((size_t)n != want)
            r = fail(f, -ESTALE, "%s shrank while it was being read", QUOTE(path));
        if (r == 0) {
            sha256_add(sha, bytes_at(block, want));
            digest128_add(xxh, bytes_at(block, want));
            at += want;
        }
    }
    *ret = (struct content_hash){
        .sha = sha256_end(sha), .xxh = digest128_end(xxh), .has_sha = true};
    sha256_free(sha);
    digest128_free(xxh);
    return r == 0 ? content_check(fd, st, path, f) : r;
}

/* The hash of one version of a file. *ret_sure: it is the tree's version, and the digest of the
 * chunk may be remembered. */
static int digest_content(struct digesting *all, const struct entry *e,
                          struct content_hash *ret, uint64_t *ret_size, bool *ret_sure,
                          struct failure *f)
{
    const struct plan *plan = all->plan;
    *ret_size = e->node->id.size;
    *ret_sure = true;
    bool known = plan->hashes   ? hashes_get(plan->hashes, &e->node->id, ret)
                 : plan->hashdb ? hashdb_get(plan->hashdb, plan->hashdb_tree, &e->node->id, ret)
                                : false;
    if (known && ret->has_sha)
        return 0;
    for (int tries = 0;; tries++) {
        cleanup_fd int fd = -1;
        struct stat st;
        int r = content_open(&all->source, e->path, &fd, &st, f);
        if (r == 0)
            r = digest_file(all, fd, &st, e->path, ret, f);
        if (r == -ESTALE && tries < 5)
            continue;
        if (r < 0)
            return r;
        struct stat_identity is = stat_identity(&st);
        enum content_sure sure = content_is_sure(fd);
        *ret_size = is.size;
        *ret_sure = sure != CONTENT_HELD && stat_identity_equal(&is, &e->node->id);
        if (sure == CONTENT_SURE && *ret_sure && plan->hashdb && plan->store)
            hashdb_put(plan->hashdb, plan->hashdb_tree, &is, ret);
        return 0;
    }
}

static uint8_t digest_kind(uint32_t mode)
{
    return S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISFIFO(mode) ? 'p' : 'f';
}

static uint8_t digest_mode(uint32_t mode)
{
    return S_ISREG(mode) || S_ISFIFO(mode)
               ? (uint8_t)((mode & 07000) >> 8 | (mode & S_IXUSR ? 1 : 0))
               : 0;
}

static int digest_record(struct digesting *all, struct sha256_state *state,
                         const struct entry *e, bool *sure, struct failure *f)
{
    int r = pool_check(all->pool, f);
    if (r < 0)
        return r;
    uint32_t mode = e->node->id.mode;
    uint8_t head[2] = {digest_kind(mode), digest_mode(mode)};
    sha256_add(state, bytes_at(head, sizeof(head)));
    digest_add_text(state, e->path);
    if (S_ISLNK(mode))
        digest_add_text(state, node_target(e->node));
    if (!S_ISREG(mode))
        return 0;
    struct content_hash hash = {.sha = sha256(BYTES(""))};
    uint64_t size = 0;
    if (!e->empty) {
        bool one_sure;
        r = digest_content(all, e, &hash, &size, &one_sure, f);
        if (r < 0)
            return r;
        *sure &= one_sure;
    }
    digest_add_number(state, size);
    sha256_add(state, bytes_at(hash.sha.at, sizeof(hash.sha.at)));
    return 0;
}

/* ---- chunks ----------------------------------------------------------------------------- */

static int digest_chunk(struct digesting *all, struct chunk *chunk, struct sha256 *ret,
                        struct failure *f)
{
    const struct plan *plan = all->plan;
    struct entries entries;
    struct sha256_state *state = sha256_new();
    chunk_entries(&plan->terms, plan->links, plan->tree, chunk, &entries);
    bool sure = true;
    int r = 0;
    for (size_t i = 0; i < entries.n && r == 0; i++)
        r = digest_record(all, state, &entries.at[i], &sure, f);
    *ret = sha256_end(state);
    if (r == 0 && sure) {
        pthread_mutex_lock(&chunk->lock);
        chunk->digest = *ret;
        chunk->has_digest = true;
        pthread_mutex_unlock(&chunk->lock);
    }
    arena_release(&entries.arena);
    sha256_free(state);
    return r;
}

static void digest_run_job(struct pool_job *base)
{
    struct digest_job *job = (struct digest_job *)base;
    struct digesting *all = job->all;
    struct failure f = {0};
    if (!atomic_load(&all->failed) && digest_chunk(all, job->chunk, job->ret, &f) < 0) {
        pthread_mutex_lock(&all->lock);
        if (!atomic_exchange(&all->failed, true))
            all->failure = f;
        pthread_mutex_unlock(&all->lock);
    }
}

/* The SHA-256 of each chunk of the plan, in shas[]. */
static int digest_chunks(const struct send_request *request, struct answer *answer,
                         struct sha256 *shas, struct failure *f)
{
    struct plan *plan = &answer->plan;
    struct digesting all = {
        .plan = plan,
        .source = {request->root_fd, request->control->ignore_name, plan->tree->clock_ns},
        .pool = answer->pool,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    struct digest_job *jobs = xcalloc(plan->chunks.n + 1, sizeof(*jobs));
    for (size_t i = 0; i < plan->chunks.n; i++) {
        struct chunk *chunk = plan->chunks.at[i];
        pthread_mutex_lock(&chunk->lock);
        bool known = chunk->has_digest;
        shas[i] = chunk->digest;
        pthread_mutex_unlock(&chunk->lock);
        if (known)
            continue;
        jobs[i] = (struct digest_job){{.run = digest_run_job}, &all, chunk, &shas[i]};
        pool_add_last(answer->pool, &jobs[i].job);
    }
    pool_drain(answer->pool);
    free(jobs);
    if (!atomic_load(&all.failed))
        return 0;
    if (f)
        *f = all.failure;
    return all.failure.code;
}

/* ---- by instruction --------------------------------------------------------------------- */

struct selection {
    struct digesting all;
    const struct reads *reads;
    struct sha256_state *state;
    struct digest_line *line;
    int result;
    struct failure *f;
};

static bool digest_selected(void *context, struct bytes path, const struct node *node)
{
    struct selection *s = context;
    struct entry e;
    bool sure = true;
    if (!reads_path(s->reads, path, S_ISDIR(node->id.mode)) ||
        !entry_of(&s->all.plan->terms, s->all.plan->links, path, node, &e))
        return true;
    if (S_ISREG(node->id.mode)) {
        s->line->n_files++;
        s->line->bytes += e.empty ? 0 : node->id.size;
    }
    s->result = digest_record(&s->all, s->state, &e, &sure, s->f);
    return s->result == 0;
}

static int digest_one_line(const struct send_request *request, struct answer *answer, size_t i,
                           struct digest_line *line, struct failure *f)
{
    struct plan *plan = &answer->plan;
    struct reads *one;
    int r = reads_single(answer->rules->reads, i, &one, f);
    if (r < 0)
        return r;
    struct selection s = {
        .all = {.plan = plan,
                .source = {request->root_fd, request->control->ignore_name,
                           plan->tree->clock_ns},
                .pool = answer->pool},
        .reads = one,
        .state = sha256_new(),
        .line = line,
        .f = f,
    };
    entries_walk(&plan->terms, plan->tree, BYTES(""), digest_selected, &s);
    if (answer->skeleton)
        skeleton_digest(answer->skeleton, &answer->rules->reads->at[i], one, s.state,
                        &line->n_files, &line->bytes);
    line->sha = sha256_end(s.state);
    sha256_free(s.state);
    reads_free(one);
    return s.result;
}

static int digest_lines(const struct send_request *request, struct answer *answer,
                        struct digest_answer *ret, struct failure *f)
{
    const struct reads *reads = answer->rules->reads;
    ret->lines = ARENA_ARRAY(&ret->arena, reads->n + 1, struct digest_line);
    for (size_t i = 0; i < reads->n; i++) {
        struct digest_line *line = &ret->lines[ret->n_lines++];
        line->line = reads->at[i].line;
        line->source = arena_copy(&ret->arena, reads->at[i].source);
        int r = digest_one_line(request, answer, i, line, f);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

static void digest_add_byte(struct sha256_state *state, uint8_t byte)
{
    sha256_add(state, bytes_at(&byte, 1));
}

static void digest_add_list(struct sha256_state *state, const struct bytes *list, size_t n)
{
    digest_add_number(state, n);
    for (size_t i = 0; i < n; i++)
        digest_add_text(state, list[i]);
}

/* By name; of one name, in the order in which they were given. */
static int digest_compare_args(const void *a, const void *b)
{
    const struct df_arg *x = *(const struct df_arg *const *)a,
                        *y = *(const struct df_arg *const *)b;
    int order = bytes_compare(x->name, y->name);
    return order ? order : x < y ? -1 : x > y;
}

/* The build arguments as docker build takes them. */
static void digest_add_args(struct sha256_state *state, const struct df_request *reads)
{
    const struct df_arg **args = xcalloc(reads->n_args + 1, sizeof(*args));
    size_t n = 0, n_last = 0;
    for (size_t i = 0; i < reads->n_args; i++)
        if (reads->args[i].has_value)
            args[n++] = &reads->args[i];
    qsort(args, n, sizeof(*args), digest_compare_args);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || !bytes_equal(args[i]->name, args[i + 1]->name))
            args[n_last++] = args[i];
    digest_add_number(state, n_last);
    for (size_t i = 0; i < n_last; i++) {
        digest_add_text(state, args[i]->name);
        digest_add_text(state, args[i]->value);
    }
    free(args);
}

static void digest_add_bases(struct sha256_state *state, const struct df_request *reads)
{
    size_t n = 0;
    for (size_t i = 0; i < reads->n_bases; i++)
        n += reads->bases[i].known;
    digest_add_number(state, n);
    for (size_t i = 0; i < reads->n_bases; i++) {
        const struct df_base *base = &reads->bases[i];
        if (!base->known)
            continue;
        digest_add_text(state, base->name);
        digest_add_list(state, base->env, base->n_env);
        digest_add_list(state, base->onbuild, base->n_onbuild);
    }
}

/* What the request asks to be built, without the context. */
static void digest_add_request(struct sha256_state *state, const struct send_request *request)
{
    struct sha256 dockerfile = sha256(request->control->dockerfile);
    struct df_target target = dockerfile_target(request->dockerfile, &request->reads);
    sha256_add(state, bytes_at(dockerfile.at, sizeof(dockerfile.at)));
    digest_add_number(state, target.first);
    digest_add_number(state, target.last);
    digest_add_text(state, target.spelling);
    digest_add_byte(state, request->builder == SEND_CLASSIC);
    digest_add_text(state, request->reads.platform);
    digest_add_args(state, &request->reads);
    digest_add_bases(state, &request->reads);
}

static struct sha256 digest_whole(const struct send_request *request, const struct plan *plan,
                                  const struct sha256 *shas)
{
    struct sha256_state *state = sha256_new();
    size_t n = 0;
    sha256_add(state, bytes_at("ctxd-digest-2", sizeof("ctxd-digest-2")));
    digest_add_request(state, request);
    for (size_t i = 0; i < plan->chunks.n; i++)
        n += plan->chunks.at[i]->n > 0;
    digest_add_number(state, n);
    for (size_t i = 0; i < plan->chunks.n; i++)
        if (plan->chunks.at[i]->n)
            sha256_add(state, bytes_at(shas[i].at, sizeof(shas[i].at)));
    digest_add_byte(state, request->recipe);
    if (request->recipe) {
        struct sha256 recipe = sha256(plan->recipe);
        sha256_add(state, bytes_at(recipe.at, sizeof(recipe.at)));
    }
    struct sha256 whole = sha256_end(state);
    sha256_free(state);
    return whole;
}

/* One try. -ESTALE: what is read changed meanwhile. */
static int digest_once(const struct send_request *request, struct warm *warm,
                       bool per_instruction, struct notes *notes, struct digest_answer *ret,
                       struct failure *f)
{
    struct send_request last = *request;
    struct answer answer;
    struct send_stats stats = {0};
    last.reads.last_only = true;
    last.bare = true;
    *ret = (struct digest_answer){0};
    int r = answer_make(&last, warm, true, notes, &answer, &stats, f);
    if (r < 0)
        return r;
    struct sha256 *shas = xcalloc(answer.plan.chunks.n + 1, sizeof(*shas));
    r = digest_chunks(&last, &answer, shas, f);
    if (r == 0)
        ret->sha = digest_whole(&last, &answer.plan, shas);
    free(shas);
    ret->n_files = stats.n_files + stats.n_hardlinks;
    ret->bytes = stats.content_bytes;
    if (r == 0 && per_instruction)
        r = digest_lines(&last, &answer, ret, f);
    answer_release(&answer);
    if (r < 0)
        digest_release(ret);
    return r;
}

void digest_release(struct digest_answer *answer)
{
    arena_release(&answer->arena);
    *answer = (struct digest_answer){0};
}

/* How often a digest begins again because a file vanished or changed while it was read. */
#define DIGEST_TRIES 8

int digest_run(const struct send_request *request, struct warm *warm, bool per_instruction,
               struct notes *notes, struct digest_answer *ret, struct failure *f)
{
    struct notes_at before = notes_here(notes);
    int r = digest_once(request, warm, per_instruction, notes, ret, f);
    for (int tries = 1; r == -ESTALE && tries < DIGEST_TRIES; tries++) {
        notes_cut(notes, before);
        r = digest_once(request, warm, per_instruction, notes, ret, f);
    }
    return r;
}
