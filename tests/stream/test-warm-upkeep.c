/* SPDX-License-Identifier: Apache-2.0 */
/* Audits and statistics of what a daemon keeps. */
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
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

int main(void)
{
    audit_heals();
    audit_names_the_ignore_file();
    stats_of_busy();
    return tap_end();
}
