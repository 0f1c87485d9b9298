/* SPDX-License-Identifier: Apache-2.0 */
/* Audits and statistics of what a daemon keeps. */
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static void audit_heals(void)
{
    struct world w = world_new();
    struct failure f = {0};
    random_state = 7;
    tap_case("an audit finds what no event told of, and heals it");
    if (mkdirat(w.root, "d0", 0755) < 0)
        abort();
    write_file(&w, "d0/f1.txt", 100);
    open_warm(&w);
    answers_agree(&w);
    write_file(&w, "d0/f1.txt", 200); /* not reported */
    uint64_t missed = 0;
    TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
    TAP_CHECKF(missed == 1, "%llu missed", (unsigned long long)missed);
    TAP_CHECK(answers_agree(&w));
    tap_case("what lay below a directory that was told to be gone is not missed");
    view = 0;
    answers_agree(&w);
    TAP_CHECK(renameat(w.root, "d0", w.root, "d1") == 0);
    tell(TELL_CONTENT, "d0");
    tell(TELL_BELOW, "d1");
    TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
    TAP_CHECKF(missed == 0, "%llu missed", (unsigned long long)missed);
    view = -1;
    close_warm(&w);
    world_end(&w);
}

static void audit_names_the_ignore_file(void)
{
    struct world w = world_new();
    struct ask ask;
    struct send_stats stats;
    struct failure f = {0};
    uint64_t missed;
    view = 0;
    tap_case("an audit that can't read names the ignore file of the last request");
    open_warm(&w);
    TAP_CHECK(ask_begin(&w, &ask));
    cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ask.request.out_fd = null;
    ask.control.ignore_name = BYTES("api.dockerignore");
    TAP_CHECKF(send_run(&ask.request, w.warm, NULL, &stats, &f) == 0, "%s", f.text);
    /* Root may read everything, so become another user. */
    uid_t uid = geteuid();
    TAP_CHECK(mkdirat(w.root, "closed", 0) == 0 && fchmodat(w.root, ".", 0755, 0) == 0);
    TAP_CHECK(uid != 0 || seteuid(65534) == 0);
    TAP_CHECK(warm_audit(w.warm, w.pool, &missed, &f) == -EACCES);
    TAP_CHECK(seteuid(uid) == 0);
    TAP_CHECKF(strstr(f.text, "\"closed\" in \"api.dockerignore\""), "%s", f.text);
    dockerfile_free(ask.df);
    view = -1;
    close_warm(&w);
    world_end(&w);
}

/* ---- cancelled ------------------------------------------------------------------------- */

static struct cancelling {
    atomic_bool cancelled, inside, go_on;
} cancelling;

static void enter_and_wait(void *watch, int fd, struct bytes path)
{
    (void)watch, (void)fd, (void)path;
    atomic_store(&cancelling.inside, true);
    while (!atomic_load(&cancelling.go_on))
        sched_yield();
}

static void leave_nothing(void *watch, struct bytes path)
{
    (void)watch, (void)path;
}

static bool drain_nothing(void *watch, struct dirty *dirty)
{
    (void)watch, (void)dirty;
    return true;
}

struct asking {
    struct ask ask;
    struct warm *warm;
    struct pool *pool;
    int result;
};

static void *ask_on_thread(void *context)
{
    struct asking *asking = context;
    struct digest_answer digest;
    asking->ask.request.pool = asking->pool;
    asking->result = digest_run(&asking->ask.request, asking->warm, false, NULL, &digest, NULL);
    if (asking->result == 0)
        digest_release(&digest);
    return NULL;
}

static void cancelled_ends(void)
{
    struct world w = world_new();
    struct tree_watch watch = {NULL, enter_and_wait, leave_nothing};
    struct warm *warm = warm_new(&(struct warm_setup){.root_fd = w.root,
                                                      .root_name = bytes_of(w.path),
                                                      .watch = &watch,
                                                      .drain = drain_nothing});
    struct asking first = {.warm = warm, .pool = w.pool};
    struct asking second = {.warm = warm, .pool = pool_new(0)};
    struct failure f = {0};
    pthread_t threads[2];
    uint64_t missed;
    view = 0;
    tap_case("a request that waits while another one makes the tree can be cancelled");
    TAP_CHECK(ask_begin(&w, &first.ask) && ask_begin(&w, &second.ask));
    pool_set_cancel(second.pool, &cancelling.cancelled);
    if (pthread_create(&threads[0], NULL, ask_on_thread, &first) != 0)
        abort();
    while (!atomic_load(&cancelling.inside))
        sched_yield();
    if (pthread_create(&threads[1], NULL, ask_on_thread, &second) != 0)
        abort();
    atomic_store(&cancelling.cancelled, true);
    pthread_join(threads[1], NULL);
    TAP_CHECKF(second.result == -ECANCELED, "%d", second.result);
    atomic_store(&cancelling.go_on, true);
    pthread_join(threads[0], NULL);
    TAP_CHECKF(first.result == 0, "%d", first.result);
    tap_case("… and so can an audit, after which an answer looks at everything");
    pool_set_cancel(w.pool, &cancelling.cancelled);
    TAP_CHECK(warm_audit(warm, w.pool, &missed, &f) == -ECANCELED);
    pool_set_cancel(w.pool, NULL);
    ask_on_thread(&first);
    TAP_CHECKF(first.result == 0, "%d", first.result);
    view = -1;
    dockerfile_free(first.ask.df);
    dockerfile_free(second.ask.df);
    pool_free(second.pool);
    warm_free(warm);
    world_end(&w);
}

static void large_rules_go(void)
{
    struct world w = world_new();
    struct ask ask;
    struct send_stats stats;
    struct warm_stats warm;
    struct failure f = {0};
    cleanup_buf struct buf text = BUF(1 << 20);
    view = 0;
    tap_case("the rules of a large ignore file are dropped when nobody asks, and made anew");
    open_warm(&w);
    TAP_CHECK(ask_begin(&w, &ask));
    cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; i < 5000; i++)
        TAP_CHECK(buf_addf(&text, "pattern-%u/*.txt\n", i) == 0);
    ask.request.out_fd = null;
    for (int small = 1; small >= 0; small--) {
        ask.control.has_ignore = true;
        ask.control.ignore = small ? BYTES("pattern\n") : buf_bytes(&text);
        TAP_CHECKF(send_run(&ask.request, w.warm, NULL, &stats, &f) == 0, "%s", f.text);
    }
    TAP_CHECK(!warm_shrink(w.warm, 1));
    TAP_CHECK(warm_shrink(w.warm, clock_now_ns() + 1));
    warm_stats(w.warm, &warm);
    TAP_CHECKF(warm.n_views == 1, "%llu views", (unsigned long long)warm.n_views);
    TAP_CHECKF(send_run(&ask.request, w.warm, NULL, &stats, &f) == 0, "%s", f.text);
    dockerfile_free(ask.df);
    view = -1;
    close_warm(&w);
    world_end(&w);
}

static struct warm_stats seen;

static void no_enter(void *watch, int fd, struct bytes path)
{
    (void)watch, (void)fd, (void)path;
}

static void no_leave(void *watch, struct bytes path)
{
    (void)watch, (void)path;
}

static bool ask_stats(void *watch, struct dirty *dirty)
{
    struct warm *const *warm = watch;
    (void)dirty;
    warm_stats(*warm, &seen);
    return true;
}

static void stats_of_busy(void)
{
    struct world w = world_new();
    struct warm *warm;
    struct ask ask;
    struct send_stats stats;
    struct failure f = {0};
    random_state = 19;
    view = 0;
    tap_case("statistics don't wait for a tree that is made");
    write_file(&w, "a", 10);
    struct tree_watch watch = {&warm, no_enter, no_leave};
    warm = warm_new(&(struct warm_setup){
        .root_fd = w.root, .root_name = bytes_of(w.path), .watch = &watch, .drain = ask_stats});
    cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    TAP_CHECK(ask_begin(&w, &ask));
    ask.request.out_fd = null;
    alarm(20);
    TAP_CHECK(send_run(&ask.request, warm, NULL, &stats, &f) == 0 && seen.n_entries == 0);
    warm_stats(warm, &seen);
    TAP_CHECK(seen.n_entries == 2);
    seen.n_entries = 0;
    TAP_CHECK(send_run(&ask.request, warm, NULL, &stats, &f) == 0 && seen.n_entries == 2);
    alarm(0);
    dockerfile_free(ask.df);
    warm_free(warm);
    view = -1;
    world_end(&w);
}

static void begins_again(void)
{
    struct world w = world_new();
    view = 1; /* its stream does not begin with the header of an inner tar */
    tap_case("a stream begins again if a file vanished before its first byte");
    write_file(&w, "f1.txt", 100);
    write_file(&w, "f2.txt", 100);
    open_warm(&w);
    answers_agree(&w);
    write_file(&w, "f1.txt", 200); /* so that the chunk of both is read */
    tell(TELL_CONTENT, "f1.txt");
    TAP_CHECK(unlinkat(w.root, "f2.txt", 0) == 0);
    tell_late("f2.txt");
    TAP_CHECK(answers_agree(&w));
    view = -1;
    close_warm(&w);
    world_end(&w);
}

int main(void)
{
    begins_again();
    audit_heals();
    audit_names_the_ignore_file();
    cancelled_ends();
    large_rules_go();
    stats_of_busy();
    return tap_end();
}
