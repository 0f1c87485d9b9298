/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon keeps between answers, without a daemon: random changes of a tree, told as
 * inotify would tell them, or not at all; after each, some view's answer must be, byte for
 * byte, the one that is made from nothing. SEED=N repeats a run, STEPS=N makes it longer.
 */
#include "scratch.h"
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- changes -------------------------------------------------------------------------- */

static void random_dir(char *path, size_t size)
{
    int n = 0;
    path[0] = '\0';
    for (uint32_t depth = random_below(3); depth > 0; depth--)
        n += snprintf(path + n, size - (size_t)n, "%sd%u", n ? "/" : "", random_below(4));
}

static void random_path(char *path, size_t size)
{
    static const char *const names[] = {"f%u.txt", "g%u.log",      "keep.txt",
                                        "s%u",     "package.json", "requirements.txt"};
    char dir[64], name[32];
    random_dir(dir, sizeof(dir));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    snprintf(name, sizeof(name), names[random_below(6)], random_below(12));
#pragma GCC diagnostic pop
    snprintf(path, size, "%s%s%s", dir, dir[0] ? "/" : "", name);
}

static size_t random_size(void)
{
    uint32_t kind = random_below(20);
    return kind == 0  ? (1u << 20) + random_below(3u << 20)
           : kind < 4 ? random_below(300000)
                      : random_below(3000);
}

static void change_rename(struct world *w)
{
    char from[128], to[128];
    bool dirs = random_below(2);
    if (dirs) {
        random_dir(from, sizeof(from));
        random_dir(to, sizeof(to));
    } else {
        random_path(from, sizeof(from));
        random_path(to, sizeof(to));
    }
    struct stat st;
    if (!from[0] || !to[0] || renameat(w->root, from, w->root, to) < 0 ||
        fstatat(w->root, to, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    tell(TELL_CONTENT, from);
    tell(S_ISDIR(st.st_mode) ? TELL_BELOW : TELL_CONTENT, to);
}

static void change_link(struct world *w)
{
    char from[128], to[128];
    random_path(from, sizeof(from));
    random_path(to, sizeof(to));
    if (random_below(2)) {
        if (symlinkat(from, w->root, to) == 0)
            tell(TELL_CONTENT, to);
    } else if (linkat(w->root, from, w->root, to, 0) == 0) {
        tell(TELL_CONTENT, to); /* of `from`, whose number of links changed, nobody tells */
    }
}

static void remove_some(struct world *w)
{
    char path[128], full[256];
    if (random_below(4) == 0) {
        random_dir(path, sizeof(path));
        if (!path[0])
            return;
        snprintf(full, sizeof(full), "%s/%s", w->path, path);
        scratch_remove(full);
    } else {
        random_path(path, sizeof(path));
        if (unlinkat(w->root, path, 0) < 0)
            return;
    }
    tell(TELL_CONTENT, path);
}

static bool is_link(const struct world *w, const char *path)
{
    struct stat st;
    return fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void change(struct world *w)
{
    char path[128];
    switch (random_below(12)) {
    case 0:
        random_dir(path, sizeof(path));
        if (path[0] && mkdirat(w->root, path, 0755) == 0)
            tell(TELL_BELOW, path);
        return;
    case 1:
        remove_some(w);
        return;
    case 2:
        change_rename(w);
        return;
    case 3:
        change_link(w);
        return;
    case 4:
        random_path(path, sizeof(path));
        if (!is_link(w, path) && fchmodat(w->root, path, random_below(2) ? 0600 : 0755, 0) == 0)
            tell(TELL_STAT, path);
        return;
    case 5:
        random_dir(path, sizeof(path));
        if (path[0] && fchmodat(w->root, path, random_below(2) ? 0700 : 0755, 0) == 0)
            tell(TELL_STAT, path);
        return;
    case 6:
        random_path(path, sizeof(path));
        if (mknodat(w->root, path, S_IFIFO | 0600, 0) == 0)
            tell(TELL_CONTENT, path);
        return;
    case 7:
        write_file(w, "go.mod", 0); /* always there, so that there always is a recipe */
        tell(TELL_CONTENT, "go.mod");
        return;
    default:
        random_path(path, sizeof(path));
        struct stat st;
        bool there = fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (there && !S_ISREG(st.st_mode))
            return;
        write_file(w, path, random_size());
        tell(TELL_CONTENT, path);
    }
}

/* ---- answers --------------------------------------------------------------------------- */

static bool same_counts(const struct send_stats *a, const struct send_stats *b)
{
    return a->n_files == b->n_files && a->n_dirs == b->n_dirs && a->n_links == b->n_links &&
           a->n_hardlinks == b->n_hardlinks && a->n_skipped == b->n_skipped &&
           a->content_bytes == b->content_bytes && a->tar_bytes == b->tar_bytes;
}

static bool pulled_is(struct world *w, const struct ask *ask, const struct buf *want)
{
    struct failure f = {0};
    struct body *body;
    if (!TAP_CHECKF(body_open(&ask->request, w->warm, NULL, &body, &f) == 0, "%s", f.text))
        return false;
    cleanup_buf struct buf got = BUF(SIZE_MAX / 2);
    uint8_t block[70000];
    ssize_t n;
    while ((n = body_read(body, block, sizeof(block), &f)) > 0)
        if (buf_add(&got, block, (size_t)n) < 0)
            abort();
    bool ok = TAP_CHECKF(n == 0, "%s", f.text);
    ok &= TAP_CHECK(body_length(body) == want->len);
    ok &= TAP_CHECK(bytes_equal(buf_bytes(&got), buf_bytes(want)));
    body_free(body);
    return ok;
}

static bool same_digest(struct world *w, const struct ask *ask)
{
    struct digest_answer cold, warm;
    struct failure f = {0};
    if (!TAP_CHECKF(digest_run(&ask->request, NULL, true, NULL, &cold, &f) == 0, "%s",
                    f.text) ||
        !TAP_CHECKF(digest_run(&ask->request, w->warm, true, NULL, &warm, &f) == 0, "%s",
                    f.text))
        return false;
    bool ok = TAP_CHECK(sha256_equal(&cold.sha, &warm.sha)) &&
              TAP_CHECK(cold.n_files == warm.n_files && cold.bytes == warm.bytes);
    for (size_t i = 0; i < cold.n_lines; i++)
        ok &= TAP_CHECK(sha256_equal(&cold.lines[i].sha, &warm.lines[i].sha));
    digest_release(&cold);
    digest_release(&warm);
    return ok;
}

static bool answers_agree(struct world *w)
{
    struct ask ask;
    if (!ask_begin(w, &ask))
        return false;
    cleanup_buf struct buf cold = BUF(SIZE_MAX / 2), warm = BUF(SIZE_MAX / 2);
    struct send_stats cold_stats = {0}, warm_stats = {0};
    bool ok = send_to_memory(&ask.request, w->warm, &warm, &warm_stats) == 0 &&
              send_to_memory(&ask.request, NULL, &cold, &cold_stats) == 0;
    ok = ok && TAP_CHECKF(bytes_equal(buf_bytes(&cold), buf_bytes(&warm)),
                          "%zu bytes warm, %zu cold", warm.len, cold.len);
    ok = ok && TAP_CHECK(same_counts(&cold_stats, &warm_stats));
    if (ok && random_below(4) == 0)
        ok = pulled_is(w, &ask, &cold);
    if (ok && random_below(4) == 0)
        ok = same_digest(w, &ask);
    dockerfile_free(ask.df);
    return ok;
}

/* ---- runs -------------------------------------------------------------------------------- */

static void run(uint64_t seed, uint32_t steps)
{
    random_state = seed * 2654435761u + 1;
    struct world w = world_new();
    open_warm(&w);
    tap_case("seed %llu: %u changes, each answer as made from nothing",
             (unsigned long long)seed, steps);
    for (uint32_t i = 0; i < 40; i++)
        change(&w);
    w.lost = true;
    tell_nothing();
    for (uint32_t step = 0; step < steps; step++) {
        for (uint32_t n = random_below(4) + 1; n > 0; n--)
            change(&w);
        uint32_t accident = random_below(60);
        if (accident == 0) { /* an overflow */
            tell_nothing();
            w.lost = true;
        } else if (accident == 1) { /* a restart */
            close_warm(&w);
            open_warm(&w);
        } else if (accident == 2) {
            uint64_t missed;
            struct failure f = {0};
            TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
            TAP_CHECKF(missed == 0, "%llu missed", (unsigned long long)missed);
        } else if (accident == 3) {
            warm_trim(w.warm, clock_now_ns());
        }
        if (!answers_agree(&w)) {
            TAP_CHECKF(false, "seed %llu, step %u", (unsigned long long)seed, step);
            break;
        }
    }
    close_warm(&w);
    world_end(&w);
}

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
    write_file(&w, "d0/f1.txt", 200); /* nobody tells */
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

static void links_are_found(void)
{
    struct world w = world_new();
    random_state = 11;
    tap_case("a new hard link is one of its old name, too, of which no event tells");
    if (mkdirat(w.root, "d0", 0755) < 0)
        abort();
    write_file(&w, "a", 100);
    write_file(&w, "c", 100);
    open_warm(&w);
    view = 0;
    answers_agree(&w);
    TAP_CHECK(linkat(w.root, "a", w.root, "d0/g", 0) == 0);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    tap_case("... also where the new name was another file's");
    TAP_CHECK(unlinkat(w.root, "d0/g", 0) == 0 && linkat(w.root, "c", w.root, "d0/g", 0) == 0);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    tap_case("... and a write through the one is seen in the other");
    write_file(&w, "d0/g", 300);
    tell(TELL_CONTENT, "d0/g");
    TAP_CHECK(answers_agree(&w));
    view = -1;
    close_warm(&w);
    world_end(&w);
}

/* Files whose hash the database has, after all that was asked of it. */
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
        /* An answer reads again what was forgotten in vain, an audit doesn't. */
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
    const char *seed = getenv("SEED"), *steps = getenv("STEPS");
    uint64_t n_steps = 300, only = 0;
    if (steps && number_parse(bytes_of(steps), &n_steps) < 0)
        return 2;
    if (seed && number_parse(bytes_of(seed), &only) < 0)
        return 2;
    if (seed) {
        run(only, (uint32_t)n_steps);
        return tap_end();
    }
    audit_heals();
    links_are_found();
    gone_is_forgotten();
    for (uint64_t i = 1; i <= 6; i++)
        run(i, (uint32_t)n_steps);
    return tap_end();
}
