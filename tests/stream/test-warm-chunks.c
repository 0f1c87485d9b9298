/* SPDX-License-Identifier: Apache-2.0 */
/* Which chunks an answer shares with the answer before it, and which it makes anew. */
#include "answer.h"
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { N_FILES = 1000 };

/* Makes an answer for the whole context, which the caller releases. */
static struct answer warm_answer(struct world *w, struct ask *ask)
{
    struct answer answer = {0};
    struct send_stats stats = {0};
    struct failure f = {0};
    view = 0;
    if (ask_begin(w, ask)) {
        ask->request.mtime = SEND_MTIME_KEEP;
        TAP_CHECKF(answer_make(&ask->request, w->warm, false, NULL, &answer, &stats, &f) == 0,
                   "%s", f.text);
    }
    return answer;
}

static void answer_end(struct answer *answer, struct ask *ask)
{
    answer_release(answer);
    dockerfile_free(ask->df);
}

/* How many chunks of `is` are not among those of `was`, by address. */
static size_t n_new(const struct chunks *was, const struct chunks *is)
{
    size_t n = 0;
    for (size_t i = 0; i < is->n; i++) {
        bool found = false;
        for (size_t k = 0; k < was->n; k++)
            found |= was->at[k] == is->at[i];
        n += !found;
    }
    return n;
}

/* Whether these are the chunks of a view that is cut from nothing: same ends, same sizes. */
static bool same_as_cut(const struct plan *plan)
{
    struct chunks fresh = {0};
    struct links *links = links_make(&plan->terms, plan->tree);
    chunks_cut(&plan->terms, links, plan->tree, &fresh);
    bool same = fresh.n == plan->chunks.n;
    for (size_t i = 0; same && i < fresh.n; i++)
        same = bytes_equal(chunk_first(fresh.at[i]), chunk_first(plan->chunks.at[i])) &&
               fresh.at[i]->n == plan->chunks.at[i]->n &&
               fresh.at[i]->tar_bytes == plan->chunks.at[i]->tar_bytes;
    chunks_release(&fresh);
    links_unref(links);
    return same;
}

/* Answers after a change that was told; returns how many of its chunks are new. */
static size_t new_after_change(struct world *w, const struct plan *was, size_t *ret_n)
{
    struct ask ask;
    struct answer answer = warm_answer(w, &ask);
    size_t n = n_new(&was->chunks, &answer.plan.chunks);
    TAP_CHECK(same_as_cut(&answer.plan));
    *ret_n = answer.plan.chunks.n;
    answer_end(&answer, &ask);
    return n;
}

static void test_shared(struct world *w)
{
    struct ask ask;
    struct answer first = warm_answer(w, &ask);
    size_t n, fresh;
    tap_case("the tree of %d files has several chunks", N_FILES);
    TAP_CHECKF(first.plan.chunks.n >= 8, "%zu", first.plan.chunks.n);

    tap_case("an answer shares every chunk if nothing changed");
    fresh = new_after_change(w, &first.plan, &n);
    TAP_CHECKF(fresh == 0 && n == first.plan.chunks.n, "%zu of %zu", fresh, n);

    tap_case("after an edit of one file one chunk is new");
    write_file(w, "f500", 77);
    tell(TELL_CONTENT, "f500");
    fresh = new_after_change(w, &first.plan, &n);
    TAP_CHECKF(fresh == 1 && n == first.plan.chunks.n, "%zu of %zu", fresh, n);

    tap_case("a new file and one that goes change the chunks around them alone");
    write_file(w, "f0000", 5);
    tell(TELL_STAT, "f0000");
    unlinkat(w->root, "f900", 0);
    tell(TELL_STAT, "f900");
    fresh = new_after_change(w, &first.plan, &n);
    TAP_CHECKF(fresh >= 2 && fresh <= 6, "%zu of %zu", fresh, n);
    answer_end(&first, &ask);
}

static void test_links(struct world *w)
{
    struct ask ask;
    struct answer first = warm_answer(w, &ask);
    size_t n;
    tap_case("a second name of a file cuts the whole view anew, because the first may change");
    TAP_CHECK(linkat(w->root, "f700", w->root, "a-link", 0) == 0);
    tell(TELL_STAT, "a-link");
    size_t fresh = new_after_change(w, &first.plan, &n);
    TAP_CHECKF(fresh == n, "%zu of %zu", fresh, n);
    answer_end(&first, &ask);
}

static void test_views(struct world *w)
{
    struct warm_stats stats;
    struct ask ask;
    struct answer answer = warm_answer(w, &ask);
    answer_end(&answer, &ask);
    warm_stats(w->warm, &stats);
    uint64_t before = stats.n_views;
    tap_case("other times of files are another view of the same tree");
    if (ask_begin(w, &ask)) {
        struct send_stats ignored = {0};
        cleanup_buf struct buf out = BUF(SIZE_MAX / 2);
        ask.request.mtime = SEND_MTIME_FIXED;
        TAP_CHECK(send_to_memory(&ask.request, w->warm, &out, &ignored) == 0);
        dockerfile_free(ask.df);
    }
    warm_stats(w->warm, &stats);
    TAP_CHECKF(stats.n_views == before + 1, "%d, then %d", (int)before, (int)stats.n_views);

    tap_case("an answer that its view has gone ahead of keeps its own chunks");
    struct ask old_ask;
    struct answer old = warm_answer(w, &old_ask);
    size_t n_old = old.plan.chunks.n;
    TAP_CHECK(same_as_cut(&old.plan));
    write_file(w, "f10", 999);
    tell(TELL_CONTENT, "f10");
    answer = warm_answer(w, &ask);
    TAP_CHECK(same_as_cut(&answer.plan) && same_as_cut(&old.plan));
    TAP_CHECK(old.plan.chunks.n == n_old && n_new(&old.plan.chunks, &answer.plan.chunks) == 1);
    answer_end(&answer, &ask);
    answer_end(&old, &old_ask);
}

int main(void)
{
    struct world w = world_new();
    open_warm(&w);
    for (int i = 0; i < N_FILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        write_file(&w, name, 20);
    }
    test_shared(&w);
    test_links(&w);
    test_views(&w);
    close_warm(&w);
    world_end(&w);
    return tap_end();
}
