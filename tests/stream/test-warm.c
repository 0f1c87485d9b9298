/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon keeps between answers, tested without a daemon: random changes of a tree, each
 * reported as inotify would, or not at all. After each change the answer of some view must be,
 * byte for byte, the one that is made from nothing. SEED=N repeats a run, STEPS=N sets its
 * length.
 */
#include "scratch.h"
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

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
        tell(TELL_CONTENT, to); /* no event tells that `from` has another link */
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
    links_are_found();
    for (uint64_t i = 1; i <= 6; i++)
        run(i, (uint32_t)n_steps);
    return tap_end();
}
