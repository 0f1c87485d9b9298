/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a recipe on a disk, what is refused before that, and the parts below: globs,
 * base64, and text.
 */
#include "base64.h"
#include "pathglob.h"
#include "recipe-world.h"
#include "tap.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- skeletons ------------------------------------------------------------------------- */

static struct recipe *npm_recipe(const char *dependency)
{
    struct world w = world_new();
    char text[128];
    snprintf(text, sizeof(text), "{\"dependencies\": {\"%s\": \"1\"}}", dependency);
    world_put_text(&w, "package.json", text);
    world_put_text(&w, "yarn.lock", "");
    if (strcmp(dependency, "patched") == 0)
        world_put_text(&w, ".yarn/patches/a.patch", "--- a\n");
    struct recipe *recipe = world_recipe(&w);
    world_end(&w);
    return recipe;
}

static void test_cook(void)
{
    cleanup_arena struct arena arena = {0};
    struct world w = world_new();
    struct cook how = {.dir_fd = w.root};
    struct cook_stats stats;
    struct stat st;
    tap_case("a skeleton is written, with a time that is the same everywhere");
    struct recipe *patched = npm_recipe("patched"), *plain = npm_recipe("plain");
    TAP_CHECKF(recipe_cook(patched, &how, &stats, &w.f) == 0, "%s", w.f.text);
    TAP_CHECK(stats.n_written == 3 && stats.n_same == 0 && stats.n_removed == 0);
    TAP_EQUAL(world_get(&w, &arena, ".yarn/patches/a.patch"), BYTES("--- a\n"));
    TAP_CHECK(fstatat(w.root, "package.json", &st, 0) == 0 && st.st_mtime == SKELETON_MTIME &&
              (st.st_mode & 07777) == 0644);
    TAP_CHECK(fstatat(w.root, ".yarn", &st, 0) == 0 && st.st_mtime == SKELETON_MTIME);

    tap_case("a second cook writes nothing");
    TAP_CHECK(recipe_cook(patched, &how, &stats, &w.f) == 0);
    TAP_CHECK(stats.n_written == 0 && stats.n_same == 3 && stats.n_removed == 0);

    tap_case(
        "a cook of a later recipe replaces its files, and removes what is no longer in it");
    TAP_CHECK(recipe_cook(plain, &how, &stats, &w.f) == 0);
    TAP_CHECK(stats.n_written == 1 && stats.n_same == 1 && stats.n_removed == 1);
    TAP_CHECK(fstatat(w.root, ".yarn", &st, 0) < 0 && errno == ENOENT);

    tap_case("a file that was changed since is left alone, and nothing is written");
    world_put_text(&w, "package.json", "mine");
    TAP_CHECK(recipe_cook(patched, &how, &stats, &w.f) == -ENOTEMPTY);
    TAP_EQUAL(world_get(&w, &arena, "package.json"), BYTES("mine"));
    TAP_CHECK(fstatat(w.root, ".yarn", &st, 0) < 0);

    tap_case("a directory with other files is refused, unless it is forced");
    world_put_text(&w, "package.json", "");
    unlinkat(w.root, "package.json", 0);
    world_put_text(&w, "main.c", "");
    TAP_CHECK(recipe_cook(plain, &how, &stats, &w.f) == -ENOTEMPTY);
    TAP_CHECK(strstr(w.f.text, "\"main.c\"") != NULL);
    how.force = true;
    TAP_CHECK(recipe_cook(plain, &how, &stats, &w.f) == 0 && stats.n_written == 1);

    tap_case("a link in the way of a file is refused, even when it is forced");
    unlinkat(w.root, "package.json", 0);
    TAP_CHECK(symlinkat("main.c", w.root, "package.json") == 0);
    TAP_CHECK(recipe_cook(plain, &how, &stats, &w.f) == 0);
    TAP_EQUAL(world_get(&w, &arena, "main.c"), BYTES(""));
    unlinkat(w.root, ".yarn", AT_REMOVEDIR);
    TAP_CHECK(symlinkat("/tmp", w.root, ".yarn") == 0);
    TAP_CHECK(recipe_cook(patched, &how, &stats, &w.f) == RECIPE_UNSAFE);
    recipe_free(patched);
    recipe_free(plain);
    world_end(&w);
}

static void test_tar_and_carried(void)
{
    cleanup_arena struct arena arena = {0};
    struct failure f = {0};
    struct stat st;
    char name[100] = "";
    struct recipe *recipe = npm_recipe("plain");
    tap_case("a tar of a skeleton is ustar, in whole blocks, and begins with the first file");
    cleanup_fd int fd = memfd_create("tar", MFD_CLOEXEC);
    TAP_CHECKF(recipe_tar(recipe, &(struct cook){.dir_fd = -1}, fd, &f) == 0, "%s", f.text);
    TAP_CHECK(fstat(fd, &st) == 0 && st.st_size % 512 == 0);
    TAP_CHECK(pread(fd, name, sizeof(name), 0) == sizeof(name));
    TAP_EQUAL(bytes_of(name), BYTES("package.json"));

    tap_case("a unit that the recipe lacks can't be chosen");
    TAP_CHECK(recipe_tar(recipe, &(struct cook){.dir_fd = -1, .eco = "go"}, fd, &f) == -ENOENT);

    tap_case("a stream carries the recipe, and each unit in a tree of its own");
    static const char *const want[] = {".ctx/recipe.json", ".ctx/npm/root/package.json",
                                       ".ctx/npm/root/yarn.lock"};
    struct carried *all;
    size_t n;
    bool seen[ARRAY_SIZE(want)] = {false};
    TAP_CHECK(recipe_carried(recipe, &arena, &all, &n, &f) == 0 && n == ARRAY_SIZE(want));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < ARRAY_SIZE(want); j++)
            seen[j] |= bytes_equal(all[i].path, bytes_of(want[j]));
    TAP_CHECK(seen[0] && seen[1] && seen[2]);
    recipe_free(recipe);
}

/* ---- hostile recipes ------------------------------------------------------------------- */

#define FILE_OF(path) "{\"path\":\"" path "\",\"mode\":\"0644\",\"text\":\"x\"}"

/* Each is the list of files of a recipe that is right otherwise; tests/recipe/cases_hostile.py
 * has more, through the program. */
static void test_hostile(void)
{
    static const struct {
        const char *title, *files, *stubs;
        size_t n_files, n_stubs;
        int want;
    } cases[] = {
        {"a plain file is accepted", FILE_OF("a/b"), "", 1, 0, 0},
        {"a link that stays below is accepted",
         "{\"path\":\"a/l\",\"link\":\"../b\"}," FILE_OF("b"), "", 2, 0, 0},
        {"a stub is accepted", "", "{\"path\":\"s.rs\",\"kind\":\"rust-lib\"}", 0, 1, 0},
        {"should fail: an absolute path", FILE_OF("/a"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a path upwards", FILE_OF("../a"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a path upwards inside", FILE_OF("a/../../b"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: an empty component", FILE_OF("a//b"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a dot", FILE_OF("./a"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a drive", FILE_OF("C:a"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a backslash", FILE_OF("a\\\\b"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: a line end in a path", FILE_OF("a\\nb"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: git's hooks", FILE_OF("a/.GIT/hooks/x"), "", 1, 0, RECIPE_UNSAFE},
        {"should fail: cargo's credentials", FILE_OF(".cargo/credentials"), "", 1, 0,
         RECIPE_UNSAFE},
        {"should fail: a path twice", FILE_OF("a") "," FILE_OF("a"), "", 2, 0, RECIPE_UNSAFE},
        {"should fail: a file below a file", FILE_OF("a") "," FILE_OF("a/b"), "", 2, 0,
         RECIPE_UNSAFE},
        {"should fail: a file below a link", "{\"path\":\"a\",\"link\":\"b\"}," FILE_OF("a/b"),
         "", 2, 0, RECIPE_UNSAFE},
        {"should fail: a link out", "{\"path\":\"a/l\",\"link\":\"../../b\"}", "", 1, 0,
         RECIPE_UNSAFE},
        {"should fail: a link that goes up after a name",
         "{\"path\":\"d/l\",\"link\":\"a/..\"}", "", 1, 0, RECIPE_UNSAFE},
        {"should fail: an absolute link", "{\"path\":\"l\",\"link\":\"/etc/passwd\"}", "", 1, 0,
         RECIPE_UNSAFE},
        {"should fail: a setuid file", "{\"path\":\"a\",\"mode\":\"4755\",\"text\":\"\"}", "",
         1, 0, RECIPE_UNSAFE},
        {"should fail: two contents",
         "{\"path\":\"a\",\"mode\":\"0644\",\"text\":\"\",\"b64\":\"\"}", "", 1, 0,
         RECIPE_UNSAFE},
        {"should fail: bad base64", "{\"path\":\"a\",\"mode\":\"0644\",\"b64\":\"Zh==\"}", "",
         1, 0, RECIPE_UNSAFE},
        {"should fail: a hash in capitals",
         "{\"path\":\"a\",\"mode\":\"0644\",\"blob\":true,\"size\":1000000,\"sha256\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "", 1, 0, RECIPE_UNSAFE},
        {"should fail: an index past the list", FILE_OF("a"), "", 2, 0, RECIPE_UNSAFE},
        {"should fail: an unknown stub", "", "{\"path\":\"a\",\"kind\":\"shell\"}", 0, 1,
         RECIPE_UNSAFE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena a = {0};
        static const char *const numbers[] = {"", "0", "0,1"};
        struct failure f = {0};
        struct recipe *recipe = NULL;
        tap_case("%s", cases[i].title);
        /* A mask of another version: the digest is not compared. */
        struct bytes text = arena_printf(
            &a,
            "{\"ctx_recipe\":{\"version\":1,\"mask\":999,\"stubset\":1,\"digest\":\"\","
            "\"units\":[{\"eco\":\"npm\",\"dir\":\".\",\"files\":[%s],\"stubs\":[%s],"
            "\"hint\":{},\"notes\":[]}],\"files\":[%s],\"stubs\":[%s]}}",
            numbers[cases[i].n_files], numbers[cases[i].n_stubs], cases[i].files,
            cases[i].stubs);
        int r = recipe_read(BYTES("hostile"), text, &recipe, &f);
        TAP_CHECKF(r == cases[i].want, "%d: %s", r, f.text);
        if (r == 0)
            recipe_free(recipe);
    }
    struct failure f = {0};
    struct recipe *recipe;
    tap_case("should fail: a later format, with a code of its own");
    TAP_CHECK(recipe_read(BYTES("x"), BYTES("{\"ctx_recipe\":{\"version\":2}}"), &recipe, &f) ==
              RECIPE_VERSION);
    tap_case("should fail: what is no JSON, and what is no recipe");
    TAP_CHECK(recipe_read(BYTES("x"), BYTES("{"), &recipe, &f) == RECIPE_UNSAFE);
    TAP_CHECK(recipe_read(BYTES("x"), BYTES("{\"a\":1}"), &recipe, &f) == RECIPE_UNSAFE);
}

/* ---- parts ----------------------------------------------------------------------------- */

static void test_path_glob(void)
{
    /* Source: Rust's crate glob 0.3 and npm's minimatch 9, their documentation. */
    static const struct {
        const char *pattern, *path;
        bool hidden, want;
    } cases[] = {
        {"crates/*", "crates/a", false, true},
        {"crates/*", "crates/a/b", false, false},
        {"crates/*", "crates", false, false},
        {"*/a?", "x/ab", false, true},
        {"*/a?", "x/a", false, false},
        {"[ab]/c", "b/c", false, true},
        {"[!ab]", "c", false, true},
        {"[!ab]", "a", false, false},
        {"**", "a/b/c", false, true},
        {"**", "", false, true},
        {"a/**", "a", false, true},
        {"a/**/d", "a/d", false, true},
        {"a/**/d", "a/b/c/d", false, true},
        {"a/**/d", "a/b/c", false, false},
        {"*", ".a", false, false},
        {"*", ".a", true, true},
        {".*", ".a", false, true},
        {"**/x", ".a/x", false, false},
        {"**/x", ".a/x", true, true},
        {"a", "b", false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("the glob %s %s %s%s", cases[i].pattern,
                 cases[i].want ? "matches" : "doesn't match",
                 *cases[i].path ? cases[i].path : "the root",
                 cases[i].hidden ? ", with hidden names" : "");
        TAP_CHECK(path_glob(bytes_of(cases[i].pattern), bytes_of(cases[i].path),
                            cases[i].hidden) == cases[i].want);
    }
    tap_case("a pattern that would take years is given up");
    TAP_CHECK(!path_glob(BYTES("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/b"),
                         BYTES("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/"
                               "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"),
                         true));
}

static void test_base64(void)
{
    /* Source: RFC 4648, section 10. */
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    static const char *const bad[] = {
        "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9-"};
    cleanup_arena struct arena arena = {0};
    struct bytes back;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_buf struct buf text = BUF(64);
        tap_case("base64 of \"%s\" is \"%s\"", cases[i][0], cases[i][1]);
        TAP_CHECK(base64_write(bytes_of(cases[i][0]), &text) == 0);
        TAP_EQUAL(buf_bytes(&text), bytes_of(cases[i][1]));
        TAP_CHECK(base64_read(&arena, bytes_of(cases[i][1]), &back) == 0);
        TAP_EQUAL(back, bytes_of(cases[i][0]));
    }
    tap_case("should fail: base64 that nobody writes");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        TAP_CHECKF(base64_read(&arena, bytes_of(bad[i]), &back) == -EINVAL, "%s", bad[i]);
}

static void test_text(void)
{
    cleanup_arena struct arena arena = {0};
    tap_case("lines that a backslash joins are one; a comment ends with its line");
    struct bytes rest = BYTES("a=1\\\n  2\n# c\\\nb=3"), lines;
    static const char *const want[] = {"a=12", "# c\\", "b=3"};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        lines = text_take_lines(&rest);
        TAP_EQUAL(i == 1 ? lines : text_join_lines(&arena, lines), bytes_of(want[i]));
    }
    TAP_CHECK(rest.len == 0);
    tap_case("CR LF becomes LF, and a CR alone stays");
    TAP_EQUAL(text_lf(&arena, BYTES("a\r\nb\rc\r")), BYTES("a\nb\rc\r"));
}

int main(void)
{
    test_cook();
    test_tar_and_carried();
    test_hostile();
    test_path_glob();
    test_base64();
    test_text();
    return tap_end();
}
