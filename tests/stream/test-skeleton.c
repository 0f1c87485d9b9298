/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe in a stream: when it is made again, and which part of it is sent. */
#include "scratch.h"
#include "skeleton-part.h"
#include "tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct world {
    char path[64];
    int root;
    struct pool *pool;
    struct skeletons *kept;
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

static void put(const struct world *w, const char *path, const char *text)
{
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, text, strlen(text)) < 0)
        abort();
}

static void set_dockerfile(struct world *w, const char *text)
{
    struct failure f = {0};
    dockerfile_free(w->df);
    w->df = NULL;
    w->control = (struct control){.dockerfile_name = BYTES("Dockerfile"),
                                  .dockerfile = bytes_of(text),
                                  .ignore_name = BYTES(".dockerignore")};
    TAP_CHECKF(dockerfile_parse(BYTES("Dockerfile"), bytes_of(text), &w->df, &f) == 0, "%s",
               f.text);
    w->request = (struct send_request){.root_fd = w->root,
                                       .root_name = bytes_of(w->path),
                                       .control = &w->control,
                                       .dockerfile = w->df,
                                       .recipe = true,
                                       .pool = w->pool,
                                       .out_fd = -1};
}

static struct world world_new(void)
{
    struct world w = {.path = "/tmp/ctxd-skeleton-XXXXXX"};
    scratch_make(w.path);
    w.root = open(w.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    w.pool = pool_new(1);
    w.kept = skeletons_new();
    if (mkdirat(w.root, "web", 0755) < 0)
        abort();
    put(&w, "go.mod", "module m\nrequire example.com/a v1.0.0\n");
    put(&w, "main.go", "package main\n");
    put(&w, "web/package.json", "{\"version\": \"1.0.0\", \"dependencies\": {\"a\": \"1\"}}");
    return w;
}

static void world_end(struct world *w)
{
    dockerfile_free(w->df);
    skeletons_free(w->kept);
    pool_free(w->pool);
    close(w->root);
    scratch_remove(w->path);
}

/* ---- kept or made ---------------------------------------------------------------------- */

static int get(struct world *w, struct skeleton **ret, struct failure *f)
{
    static const struct tree_rules all = {0};
    const struct tree_rules *rules[] = {&all};
    struct tree_walk walk = {.root_fd = w->root,
                             .root_name = bytes_of(w->path),
                             .ignore_name = BYTES(".dockerignore"),
                             .rules = rules,
                             .n_rules = 1,
                             .pool = w->pool};
    struct tree *tree;
    int r = tree_make(&walk, NULL, NULL, &tree, f);
    if (r < 0)
        return r;
    struct skeleton_request request = {&w->request, tree, 1, 1};
    r = skeleton_get(w->kept, &request, NULL, ret, f);
    tree_unref(tree);
    return r;
}

/* Whether the kept recipe is used, and no file is read. */
static bool is_kept(struct world *w)
{
    static struct skeleton *last;
    struct skeleton *now = NULL;
    struct failure f = {0};
    TAP_CHECKF(get(w, &now, &f) == 0, "%s", f.text);
    bool same = now == last;
    skeleton_unref(last);
    last = now;
    return same;
}

static void cancelled(void)
{
    struct world w = world_new();
    struct skeleton *s = NULL;
    struct failure f = {0};
    atomic_bool yes = true;
    struct skeleton_request request = {&w.request, NULL, 1, 1};
    set_dockerfile(&w, "FROM scratch\n");
    tap_case("a recipe whose request is cancelled is neither made nor kept");
    static const struct tree_rules all = {0};
    struct tree_walk walk = {.root_fd = w.root,
                             .root_name = bytes_of(w.path),
                             .ignore_name = BYTES(".dockerignore"),
                             .rules = (const struct tree_rules *[]){&all},
                             .n_rules = 1,
                             .pool = w.pool};
    TAP_CHECK(tree_make(&walk, NULL, NULL, &request.tree, &f) == 0);
    w.request.pool = w.pool;
    pool_set_cancel(w.pool, &yes);
    TAP_CHECK(skeleton_get(w.kept, &request, NULL, &s, &f) == -ECANCELED);
    TAP_CHECK(skeletons_bytes(w.kept) == 0);
    pool_set_cancel(w.pool, NULL);
    tree_unref(request.tree);
    world_end(&w);
}

static void kept_or_made(void)
{
    struct world w = world_new();
    set_dockerfile(&w, "FROM scratch\n");
    (void)is_kept(&w);
    tap_case("nothing changed: the skeletons are kept");
    TAP_CHECK(is_kept(&w));
    tap_case("an edit of a source keeps them, of any length, and a new mode");
    put(&w, "main.go", "package other\n");
    TAP_CHECK(is_kept(&w));
    put(&w, "main.go", "package main\n\nfunc main() {}\n");
    TAP_CHECK(is_kept(&w));
    TAP_CHECK(fchmodat(w.root, "main.go", 0600, 0) == 0);
    TAP_CHECK(is_kept(&w));
    tap_case("an edit of a manifest makes them anew, be it of a version");
    put(&w, "go.mod", "module m\nrequire example.com/a v1.0.1\n");
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    put(&w, "web/package.json", "{\"version\": \"2.0.0\", \"dependencies\": {\"a\": \"1\"}}");
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    tap_case("a name that comes or goes makes them anew");
    put(&w, "web/package-lock.json", "{}");
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(unlinkat(w.root, "web/package-lock.json", 0) == 0);
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    tap_case("... as does a name that becomes a directory, or a link elsewhere");
    TAP_CHECK(unlinkat(w.root, "main.go", 0) == 0 && mkdirat(w.root, "main.go", 0755) == 0);
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(symlinkat("go.mod", w.root, "requirements.txt") == 0);
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(unlinkat(w.root, "requirements.txt", 0) == 0 &&
              symlinkat("web/package.json", w.root, "requirements.txt") == 0);
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    tap_case("an edit of what a manifest links to makes them anew");
    put(&w, "deps.in", "a==1\n");
    TAP_CHECK(unlinkat(w.root, "requirements.txt", 0) == 0 &&
              symlinkat("deps.in", w.root, "requirements.txt") == 0);
    TAP_CHECK(!is_kept(&w));
    put(&w, "deps.in", "a==2\n");
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    tap_case("... also where a directory's link is in between");
    TAP_CHECK(mkdirat(w.root, "far", 0755) == 0 && mkdirat(w.root, "far/deep", 0755) == 0 &&
              symlinkat("far/deep", w.root, "near") == 0);
    put(&w, "far/deps.in", "a==1\n");
    TAP_CHECK(unlinkat(w.root, "requirements.txt", 0) == 0 &&
              symlinkat("near/../deps.in", w.root, "requirements.txt") == 0);
    TAP_CHECK(!is_kept(&w));
    put(&w, "deps.in", "a==3\n");
    TAP_CHECK(is_kept(&w));
    put(&w, "far/deps.in", "a==2\n");
    TAP_CHECK(!is_kept(&w));
    tap_case("other ecosystems are another question");
    w.request.recipe_ecos = BYTES("go");
    TAP_CHECK(!is_kept(&w));
    TAP_CHECK(is_kept(&w));
    tap_case("what was not in use is dropped");
    skeletons_trim(w.kept, clock_now_ns());
    TAP_CHECK(skeletons_bytes(w.kept) == 0);
    tap_case("a .ctx of the context's own is refused, and what has no manifest");
    struct skeleton *none = NULL;
    struct failure f = {0};
    w.request.recipe_ecos = BYTES("maven");
    TAP_CHECK(get(&w, &none, &f) == -ENOENT);
    TAP_CHECK(mkdirat(w.root, ".ctx", 0755) == 0);
    TAP_CHECKF(get(&w, &none, &f) == -EEXIST && strstr(f.text, "/.ctx"), "%s", f.text);
    world_end(&w);
}

/* ---- which part -------------------------------------------------------------------------- */

static const struct {
    const char *dockerfile;
    bool full;
    uint64_t n_files;
    bool swallowed;
    const char *note; /* "": no warning */
} parts[] = {
    {"FROM scratch\nCOPY .ctx/go/root/ ./\n", false, 1, false, ""},
    {"FROM scratch\nCOPY .ctx/npm/web ./\n", false, 1, false, "no lock file"},
    {"FROM scratch\nCOPY .ctx/ ./\n", false, 3, false, "no lock file"},
    {"FROM scratch\nCOPY ./.ctx/recipe.json ./\n", false, 1, false, ""},
    {"FROM scratch\nCOPY .ctx/go/root/ ./\nCOPY . .\n", false, 1, true, ""},
    {"FROM scratch\nCOPY .ctx/go/root/ ./\nCOPY main.go web ./\n", false, 1, false, ""},
    {"FROM scratch\nCOPY .ctx/go/root/ ./\nCOPY * ./\n", false, 1, true, ""},
    {"FROM scratch\nRUN --mount=type=bind,source=.ctx/go/root,target=/m true\n", false, 1,
     false, ""},
    {"FROM scratch\nRUN --mount=type=bind,target=/m true\n", false, 0, false, "names .ctx"},
    {"FROM scratch\nCOPY main.go ./\n", false, 0, false, "names .ctx"},
    {"FROM scratch\nCOPY .ctx/cargo/root/ ./\n", false, 0, false, "Dockerfile:2: reads"},
    {"FROM scratch\nCOPY main.go ./\n", true, 3, false, "no lock file"},
    {"FROM scratch\nARG E\nCOPY .ctx/$E/root ./\n", false, 3, false, "no lock file"},
    {"FROM scratch\nENV E=go\nRUN --mount=type=bind,source=.ctx/$E/root,target=/m true\n",
     false, 1, false, ""},
    {"FROM scratch\nENV E=php\nRUN --mount=type=bind,source=.ctx/$E/root,target=/m true\n",
     false, 0, false, "Dockerfile:3: reads"},
    {"FROM scratch\nARG E\nCOPY $E ./\n", false, 3, true, "no lock file"},
    {"# syntax=example.com/other\nFROM scratch\n", false, 3, true, "no lock file"},
};

static void check_part(struct world *w, size_t i)
{
    struct failure f = {0};
    cleanup_notes struct notes notes = {0};
    cleanup_arena struct arena arena = {0};
    struct reads *reads = NULL;
    struct skeleton *s = NULL;
    struct skeleton_part part = {0};
    set_dockerfile(w, parts[i].dockerfile);
    w->request.full = parts[i].full;
    if (!TAP_CHECKF(dockerfile_reads(w->df, &w->request.reads, NULL, &reads, &f) == 0, "%s",
                    f.text) ||
        !TAP_CHECKF(reads_resolve(reads, w->root, &f) == 0, "%s", f.text) ||
        !TAP_CHECKF(get(w, &s, &f) == 0, "%s", f.text))
        return;
    assert(s && reads);
    TAP_CHECKF(skeleton_part(s, &w->request, reads, &notes, &arena, &part, &f) == 0, "%s",
               f.text);
    TAP_CHECKF(part.n_files == parts[i].n_files, "%llu files",
               (unsigned long long)part.n_files);
    TAP_CHECK(part.swallowed == parts[i].swallowed);
    TAP_CHECK((part.tar.len == 0) == (part.n_files == 0));
    bool said = false, warned = false;
    for (size_t k = 0; k < notes.n; k++) {
        warned |= notes.at[k].level == NOTE_WARNING;
        said |= notes.at[k].level == NOTE_WARNING &&
                memmem(notes.at[k].text.at, notes.at[k].text.len, parts[i].note,
                       strlen(parts[i].note));
    }
    TAP_CHECKF(parts[i].note[0] ? said : !warned, "the warning is%s there",
               warned ? "" : " not");
    skeleton_unref(s);
    reads_free(reads);
}

/* A dozen directories, all of which would be called a-b below .ctx. */
static void names_alike(void)
{
    struct world w = world_new();
    cleanup_notes struct notes notes = {0};
    cleanup_arena struct arena arena = {0};
    struct failure f = {0};
    struct reads *reads = NULL;
    struct skeleton *s = NULL;
    struct skeleton_part part = {0};
    char path[64];
    for (int c = '!'; c <= '-'; c++) {
        snprintf(path, sizeof(path), "a%cb", c);
        TAP_CHECK(mkdirat(w.root, path, 0755) == 0);
        snprintf(path, sizeof(path), "a%cb/go.mod", c);
        put(&w, path, "module m\n");
        snprintf(path, sizeof(path), "a%cb/go.sum", c);
        put(&w, path, "");
    }
    set_dockerfile(&w, "FROM scratch\nCOPY .ctx/go /\n");
    tap_case("units of one name are numbered from 2, in order");
    if (TAP_CHECK(dockerfile_reads(w.df, &w.request.reads, NULL, &reads, &f) == 0) &&
        TAP_CHECK(reads_resolve(reads, w.root, &f) == 0) && TAP_CHECK(get(&w, &s, &f) == 0) &&
        TAP_CHECK(skeleton_part(s, &w.request, reads, &notes, &arena, &part, &f) == 0)) {
        for (unsigned n = 1; n <= 13; n++) {
            char number[8] = "";
            if (n > 1)
                snprintf(number, sizeof(number), "-%u", n);
            snprintf(path, sizeof(path), ".ctx/go/a-b%s/a%cb/go.mod", number, ' ' + (int)n);
            TAP_CHECKF(memmem(part.tar.at, part.tar.len, path, strlen(path)), "%s", path);
        }
    }
    skeleton_unref(s);
    reads_free(reads);
    world_end(&w);
}

int main(void)
{
    cancelled();
    kept_or_made();
    names_alike();
    struct world w = world_new();
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        tap_case("part %zu: %s", i, QUOTE(bytes_of(parts[i].dockerfile)));
        check_part(&w, i);
    }
    world_end(&w);
    return tap_end();
}
