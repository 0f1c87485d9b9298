/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that pass chunks on unlearnt, and the learner that learns them afterwards. */
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { N_DIRS = 8, N_FILES = 128, LEARN_MAX = 4, EDITS = 25 };

/* *w must not move: its watch points to it. */
static void world_with_files(struct world *w)
{
    *w = world_new();
    char path[32];
    for (int i = 0; i < N_DIRS * N_FILES; i++) {
        snprintf(path, sizeof(path), "d%d", i / N_FILES);
        if (i % N_FILES == 0 && mkdirat(w->root, path, 0755) < 0)
            abort();
        snprintf(path, sizeof(path), "d%d/f%03d", i / N_FILES, i % N_FILES);
        write_file(w, path, (size_t)i % 500);
    }
    write_file(w, "large", 3 << 20);
    open_warm(w);
}

static void world_close(struct world *w)
{
    close_warm(w);
    world_end(w);
}

/* Begins a request for the whole context; the caller frees ask->df. */
static void learn_ask(struct world *w, enum send_codec codec, struct ask *ask)
{
    view = 0;
    if (!ask_begin(w, ask))
        abort();
    ask->request.codec = codec;
    ask->request.mtime = SEND_MTIME_KEEP;
    ask->request.learn_max = LEARN_MAX;
}

/* The statistics of a warm stream that is compared with a cold one. */
static struct send_stats send_both(struct world *w, const struct ask *ask)
{
    cleanup_buf struct buf warm = BUF(SIZE_MAX / 2), cold = BUF(SIZE_MAX / 2);
    struct send_stats stats = {0}, ignored = {0};
    TAP_CHECK(send_to_memory(&ask->request, w->warm, &warm, &stats) == 0);
    TAP_CHECK(send_to_memory(&ask->request, NULL, &cold, &ignored) == 0);
    TAP_CHECKF(bytes_equal(buf_bytes(&warm), buf_bytes(&cold)), "%zu warm, %zu cold", warm.len,
               cold.len);
    return stats;
}

static uint64_t n_in_store(struct world *w)
{
    struct store_stats stats;
    store_stats(w->store, &stats);
    return stats.puts;
}

static void test_first(enum send_codec codec, const char *name)
{
    struct world w;
    struct ask ask;
    struct failure f = {0};
    world_with_files(&w);
    learn_ask(&w, codec, &ask);
    tap_case("%s: the first stream learns %d chunks, and passes the others on", name,
             LEARN_MAX);
    struct send_stats stats = send_both(&w, &ask);
    uint64_t parts = n_in_store(&w) - LEARN_MAX; /* of the large file */
    TAP_CHECKF(stats.n_stored == 0 && stats.n_unlearnt >= 4, "%d unlearnt",
               (int)stats.n_unlearnt);
    TAP_CHECKF(codec == SEND_TAR ? parts == 0 : parts > 0, "%d parts", (int)parts);

    tap_case("%s: after the learner nothing is read for a stream but large files", name);
    uint64_t learnt = n_in_store(&w) + stats.n_unlearnt;
    TAP_CHECKF(learn_run(&ask.request, w.warm, &f) == 0, "%s", f.text);
    TAP_CHECK(n_in_store(&w) == learnt);
    stats = send_both(&w, &ask);
    TAP_CHECKF(stats.n_unlearnt == 0 && stats.n_stored == stats.n_chunks - 1 + parts,
               "%d stored of %d", (int)stats.n_stored, (int)stats.n_chunks);
    TAP_CHECK(n_in_store(&w) == learnt);

    tap_case("%s: the stream learns what an edit changes by itself", name);
    write_file(&w, "d3/f003", 1234);
    tell(TELL_CONTENT, "d3/f003");
    stats = send_both(&w, &ask);
    TAP_CHECK(stats.n_unlearnt == 0 && n_in_store(&w) == learnt + 1);
    dockerfile_free(ask.df);
    world_close(&w);
}

static void test_edited(void)
{
    struct world w;
    struct ask ask;
    struct failure f = {0};
    world_with_files(&w);
    learn_ask(&w, SEND_TAR, &ask);
    tap_case("what changes before the learner is learnt as it is then");
    send_both(&w, &ask);
    write_file(&w, "d5/f005", 4321);
    tell(TELL_CONTENT, "d5/f005");
    TAP_CHECKF(learn_run(&ask.request, w.warm, &f) == 0, "%s", f.text);
    struct send_stats stats = send_both(&w, &ask);
    TAP_CHECKF(stats.n_unlearnt == 0 && stats.n_stored == stats.n_chunks - 1, "%d stored of %d",
               (int)stats.n_stored, (int)stats.n_chunks);
    dockerfile_free(ask.df);
    world_close(&w);
}

static void test_cancelled(void)
{
    struct world w;
    struct ask ask;
    struct failure f = {0};
    atomic_bool cancelled = true;
    world_with_files(&w);
    learn_ask(&w, SEND_TAR, &ask);
    tap_case("a learner that is cancelled stops after a few chunks");
    struct send_stats stats = send_both(&w, &ask);
    pool_set_cancel(w.pool, &cancelled);
    TAP_CHECK(learn_run(&ask.request, w.warm, &f) == -ECANCELED);
    /* The pool may have packed some that were under way. */
    uint64_t learnt = n_in_store(&w) - LEARN_MAX;
    TAP_CHECKF(learnt < stats.n_unlearnt, "%d of %d", (int)learnt, (int)stats.n_unlearnt);
    pool_set_cancel(w.pool, NULL);
    dockerfile_free(ask.df);
    world_close(&w);
}

struct learning {
    struct world *w;
    struct send_request request;
    atomic_bool stop;
    int result;
};

static void *learn_on(void *arg)
{
    struct learning *l = arg;
    while (!atomic_load(&l->stop) && l->result == 0)
        l->result = learn_run(&l->request, l->w->warm, NULL);
    return NULL;
}

static void test_beside(void)
{
    struct world w;
    struct ask ask;
    pthread_t thread;
    char path[32];
    world_with_files(&w);
    learn_ask(&w, SEND_TAR, &ask);
    struct learning l = {.w = &w, .request = ask.request};
    l.request.pool = pool_new(1);
    tap_case("answers are right while a learner runs beside them");
    TAP_CHECK(pthread_create(&thread, NULL, learn_on, &l) == 0);
    for (int i = 0; i < EDITS; i++) {
        snprintf(path, sizeof(path), "d%u/f%03u", random_below(N_DIRS), random_below(N_FILES));
        write_file(&w, path, random_below(3000));
        tell(TELL_CONTENT, path);
        send_both(&w, &ask);
    }
    atomic_store(&l.stop, true);
    pthread_join(thread, NULL);
    TAP_CHECKF(l.result == 0, "%d", l.result);
    pool_free(l.request.pool);
    dockerfile_free(ask.df);
    world_close(&w);
}

int main(void)
{
    test_first(SEND_TAR, "tar");
    test_first(SEND_GZIP, "gzip");
    test_first(SEND_ZSTD, "zstd");
    test_edited();
    test_cancelled();
    test_beside();
    return tap_end();
}
