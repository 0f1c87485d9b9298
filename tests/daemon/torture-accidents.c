/* SPDX-License-Identifier: Apache-2.0 */
/* Accidents that happen to the daemon, to its queue of events and to the root. */
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define START_MS 10000
/* Steps from one overflow to the next: an overflow takes 100 ms. */
#define OVERFLOW_STEPS 120

static void pause_us(uint32_t us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void write_some(struct world *w, uint32_t n)
{
    while (n-- > 0)
        write_something(w);
}

/* ---- the daemon ------------------------------------------------------------------------- */

static void become_daemon(const struct world *w)
{
    char cache[128], log[128];
    snprintf(cache, sizeof(cache), "--cache-dir=%s/cache", w->top);
    snprintf(log, sizeof(log), "%s/log", w->top);
    const char *words[8 + OPTIONS_MAX] = {w->ctxd, cache, "--audit=0", "--log-level=warning"};
    for (size_t i = 0; i < OPTIONS_MAX; i++)
        words[4 + i] = w->options[i];
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(w->ctxd, (char *const *)(uintptr_t)words);
    _exit(127);
}

bool daemon_start(struct world *w)
{
    w->daemon = fork();
    if (w->daemon == 0)
        become_daemon(w);
    for (int ms = 0; ms < START_MS; ms++) {
        if (status_number("pid") == (uint64_t)w->daemon)
            return true;
        pause_us(1000);
    }
    printf("# ctxd does not start; its log is %s/log\n", w->top);
    return false;
}

void daemon_end(struct world *w, int how)
{
    if (w->daemon <= 0)
        return;
    kill(w->daemon, how);
    int status = 0;
    while (waitpid(w->daemon, &status, 0) < 0 && errno == EINTR)
        continue;
    bool asked = WIFSIGNALED(status) ? WTERMSIG(status) == how : WEXITSTATUS(status) == 0;
    if (!asked)
        printf("# ctxd ended by itself, with status %x\n", (unsigned)status);
    w->daemon = 0;
    w->n_ends++;
}

/* Ends and starts the daemon. What it knows is on disk or lost, and changes in between are not
 * watched. */
static bool restart(struct world *w, int how)
{
    tell_done(w, "end the daemon by signal %d", how);
    daemon_end(w, how);
    write_some(w, below(4));
    return daemon_start(w);
}

struct killer {
    pid_t victim;
    uint32_t after_us;
};

static void *kill_later(void *context)
{
    const struct killer *killer = context;
    pause_us(killer->after_us);
    kill(killer->victim, SIGKILL);
    return NULL;
}

static bool killed_in_the_middle(struct world *w)
{
    struct killer killer = {w->daemon, below(4000)};
    pthread_t thread;
    tell_done(w, "kill the daemon after %u us of answering", killer.after_us);
    if (pthread_create(&thread, NULL, kill_later, &killer) != 0)
        abort();
    ask_in_vain(w);
    pthread_join(thread, NULL);
    daemon_end(w, SIGKILL);
    return daemon_start(w);
}

/* ---- the queue -------------------------------------------------------------------------- */

/* Stops the daemon, makes more changes than the kernel's queue holds and some more, and
 * continues the daemon. */
static bool overflow(struct world *w)
{
    cleanup_buf struct buf text = BUF(32);
    uint64_t most = 0;
    if (io_read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", &text) < 0 ||
        number_parse(bytes_head(buf_bytes(&text), text.len - 1), &most) < 0)
        abort();
    /* An answer comes first, because a daemon that was just started watches nothing yet. */
    do
        if (!answers_agree(w, false))
            return false;
    while (w->failed);
    tell_done(w, "overflow the queue");
    kill(w->daemon, SIGSTOP);
    write_some(w, 2);
    static const char *const names[] = {".even", ".odd"};
    for (size_t i = 0; i < 2; i++) {
        int fd = openat(w->root, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        close(fd);
    }
    /* In turns, because the kernel merges an event with an equal one before it. */
    for (uint64_t i = 0; i < most + 10; i++)
        (void)!fchmodat(w->root, names[i % 2], 0600, 0);
    unlinkat(w->root, names[0], 0);
    write_some(w, 1 + below(5));
    unlinkat(w->root, names[1], 0);
    kill(w->daemon, SIGCONT);
    bool ok = answers_agree(w, false);
    uint64_t n = status_number("overflows");
    w->n_overflows += n > 0 && n != UINT64_MAX;
    return ok;
}

/* ---- the root --------------------------------------------------------------------- */

static bool move_root(struct world *w)
{
    char away[128];
    snprintf(away, sizeof(away), "%s/away", w->top);
    if (rename(w->root_path, away) < 0)
        abort();
    tell_done(w, "move the root away, write, and move it back");
    write_some(w, 2);
    if (below(2))
        ask_in_vain(w);
    if (rename(away, w->root_path) < 0)
        abort();
    return true;
}

/* Puts another directory at the root's path: a copy, with other inodes. */
static bool replace_root(struct world *w)
{
    char away[128], copy[128];
    writers_let_go(w);
    snprintf(away, sizeof(away), "%s/away", w->top);
    snprintf(copy, sizeof(copy), "%s/copy", w->top);
    run_program(w->outside, (const char *const[]){"cp", "-a", w->root_path, copy, NULL});
    if (rename(w->root_path, away) < 0 || rename(copy, w->root_path) < 0)
        abort();
    tell_done(w, "replace the root by a copy");
    remove_below(w->outside, "../away");
    close(w->root);
    w->root = open(w->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below(2))
        write_some(w, 2);
    return true;
}

/* ---- at the same time ------------------------------------------------------------- */

struct churn {
    struct world *w;
    uint32_t seed, n;
};

static void *churn(void *context)
{
    const struct churn *c = context;
    random_seed(c->seed);
    write_some(c->w, c->n);
    return NULL;
}

/* Asks while another thread writes: such an answer may be any mixture, or fail. The answer
 * after that must be right. */
static bool write_meanwhile(struct world *w)
{
    struct churn c = {w, below(1u << 30), 2 + below(30)};
    pthread_t thread;
    tell_done(w, "ask while %u operations are done:", c.n);
    if (pthread_create(&thread, NULL, churn, &c) != 0)
        abort();
    for (uint32_t i = 1 + below(4); i > 0; i--)
        ask_in_vain(w);
    pthread_join(thread, NULL);
    tell_done(w, "(that was all)");
    return true;
}

/* Makes a change that no event reports. --verify must find it; after its end ordinary answers
 * must be right again. */
static bool write_untold(struct world *w)
{
    struct untold u;
    if (!untold_begin(w, (enum untold_kind)below(UNTOLD_KINDS), &u))
        return true;
    bool ok = answers_agree(w, false);
    for (uint32_t i = 1 + below(4); ok && i > 0; i--) {
        untold_change(w, &u);
        if (below(2))
            pause_us(below(12000)); /* some clock ticks */
        do
            ok = answers_agree(w, true);
        while (ok && w->failed); /* a request that failed tells nothing */
    }
    untold_end(&u);
    return ok && answers_agree(w, false);
}

static bool link_apart(struct world *w)
{
    struct link_pair pair;
    if (!link_begin(w, &pair))
        return true;
    if (pair.together && below(2))
        link_change(w, &pair);
    bool ok = answers_agree(w, false);
    if (ok && pair.together) {
        link_change(w, &pair);
        ok = answers_agree(w, false);
    }
    link_end(w, &pair);
    return ok;
}

bool maybe_accident(struct world *w)
{
    uint32_t n = below(1000);
    if (n < 60)
        return write_meanwhile(w);
    if (n < 80)
        return write_untold(w);
    if (n < 110) {
        pause_us(below(15000));
        return true;
    }
    if (w->step % OVERFLOW_STEPS == 0)
        return overflow(w);
    if (n < 117)
        return move_root(w);
    if (n >= 960)
        return link_apart(w);
    if (w->calm)
        return true;
    if (n < 120)
        return replace_root(w);
    if (n < 126)
        return killed_in_the_middle(w);
    if (n < 131)
        return restart(w, SIGKILL);
    return n >= 134 || restart(w, SIGTERM);
}
