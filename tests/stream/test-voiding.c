/* SPDX-License-Identifier: Apache-2.0 */
/* Which hashes leave the database when files go. */
#include "warm-world.h"

#include <sys/wait.h>
#include <unistd.h>

/* The number of files whose hash the database has, after all writes. */
static int n_hashes(struct world *w)
{
    struct hashdb_stats stats;
    hashdb_sync(w->hashes);
    hashdb_stats(w->hashes, &stats);
    return (int)stats.n_files;
}

static void sh(const struct world *w, const char *script)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", fchdir(w->root) == 0 ? script : "false", NULL);
        _exit(127);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
    tell(TELL_BELOW, "");
}

static void gone_is_forgotten(void)
{
    static const struct {
        const char *title, *script;
        int n_left;
        bool audit;
    } cases[] = {
        {"a file that goes takes its hash along", "rm d0/f3", 19, false},
        {"a directory that goes takes those below it", "rm -r d1", 9, true},
        {"of a file that is renamed over another's name, the other's goes", "mv d0/f4 d0/f5", 8,
         false},
        {"a directory that is renamed keeps them", "mv d0 d2", 8, true},
        {"a new name is of the same file", "ln d2/f6 d2/f6b", 8, false},
        {"... which keeps its hash when one of them goes", "rm d2/f6b", 8, false},
        {"what is unwanted only, since another view is asked for, is not gone", "", 8, false},
    };
    struct world w = world_new();
    random_state = 13;
    view = 0;
    sh(&w, "rm go.mod; mkdir d0 d1; for i in 0 1 2 3 4 5 6 7 8 9; do echo $i >d0/f$i; echo $i "
           ">d1/f$i; done;"
           "touch -d 2001-01-01 d*/*");
    tell_nothing();
    open_warm(&w);
    tap_case("each file that is read has a hash in the database");
    TAP_CHECK(answers_agree(&w) && answers_agree(&w));
    TAP_CHECKF(n_hashes(&w) == 20, "%d", n_hashes(&w));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("%s", cases[i].title);
        if (!*cases[i].script) {
            warm_trim(w.warm, clock_now_ns());
            view = 2; /* which has d2/f1.txt alone */
        }
        sh(&w, cases[i].script);
        /* An answer would read a file whose hash was voided by mistake; an audit doesn't. */
        uint64_t missed;
        struct failure f = {0};
        if (cases[i].audit)
            TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
        else
            TAP_CHECK(answers_agree(&w));
        TAP_CHECKF(n_hashes(&w) == cases[i].n_left, "%d", n_hashes(&w));
        TAP_CHECK(answers_agree(&w));
    }
    view = -1;
    close_warm(&w);
    world_end(&w);
}

int main(void)
{
    gone_is_forgotten();
    return tap_end();
}
