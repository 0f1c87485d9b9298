/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx-child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

extern char **environ;

/* Nanoseconds from the first signal to SIGKILL: the five seconds that ctx(1) promises. */
#define END_NS (5ull * 1000000000)

int ctx_child_start(struct ctx_child *child, char **words, struct failure *f)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults, none;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    r = r ? r : posix_spawnattr_setsigdefault(&attributes, &defaults);
    r = r ? r : posix_spawnattr_setsigmask(&attributes, &none);
    r = r ? r : posix_spawnattr_setpgroup(&attributes, 0);
    r = r ? r
          : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETPGROUP);
    r = r ? r : posix_spawnp(&child->pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (r) {
        child->pid = 0;
        return fail_errno(f, -r, "can't run %s", QUOTE(bytes_of(words[0])));
    }
    child->began_ns = clock_now_ns();
    child->kill_ns = 0;
    return 0;
}

void ctx_child_signal(struct ctx_child *child, int number)
{
    if (!child->pid)
        return;
    kill(-child->pid, number);
    if (!child->kill_ns)
        child->kill_ns = clock_now_ns() + END_NS;
}

void ctx_child_end(struct ctx_child *child)
{
    if (!child->kill_ns)
        ctx_child_signal(child, SIGTERM);
}

void ctx_child_tick(struct ctx_child *child)
{
    if (!child->pid || !child->kill_ns || clock_now_ns() < child->kill_ns)
        return;
    kill(-child->pid, SIGKILL);
    /* A process may take long to die. It is still waited for, but not killed again. */
    child->kill_ns = UINT64_MAX;
}

bool ctx_child_reap(struct ctx_child *child, char *text, size_t size)
{
    int status;
    if (!child->pid || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    double seconds = (double)(clock_now_ns() - child->began_ns) / 1e9;
    if (child->kill_ns)
        /* Processes that the command started may still be in its group. */
        kill(-child->pid, SIGKILL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        snprintf(text, size, "done, %.1f s", seconds);
    else if (WIFEXITED(status))
        snprintf(text, size, "failed with status %d, %.1f s", WEXITSTATUS(status), seconds);
    else
        snprintf(text, size, "ended by signal %d, %.1f s", WTERMSIG(status), seconds);
    *child = (struct ctx_child){0};
    return true;
}
