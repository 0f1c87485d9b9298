/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/follow.c: symbolic links that patterns pass through. In the rows, "§n" means
 * section n of docs/sources/docker-context.md. */
#include "dockerfile.h"
#include "reads-set.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes a tree of "a/b c/ l>target": a file, a directory, a link; with their parents. Returns a
 * descriptor of it. */
static int make_tree(const char *spec, char dir[32])
{
    scratch_make(dir);
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct bytes rest = bytes_of(spec), item;
    while (root >= 0 && bytes_next(&rest, ' ', &item)) {
        char path[512], *target;
        snprintf(path, sizeof(path), "%.*s", BYTES_ARG(item));
        if ((target = strchr(path, '>')))
            *target++ = '\0';
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            mkdirat(root, path, 0755);
            *slash = '/';
        }
        if (target)
            TAP_CHECKF(symlinkat(target, root, path) == 0, "%s -> %s", path, target);
        else if (path[strlen(path) - 1] != '/')
            close(openat(root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
    return root;
}

static int compare_items(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static struct bytes list_reads(struct arena *arena, const struct reads *reads, size_t from)
{
    struct bytes *items = ARENA_ARRAY(arena, reads->n + 1, struct bytes), text = BYTES("");
    for (size_t i = from; i < reads->n; i++)
        items[i] = reads->at[i].pattern.len ? reads->at[i].pattern : BYTES(".");
    qsort(items + from, reads->n - from, sizeof(*items), compare_items);
    for (size_t i = from; i < reads->n; i++)
        if (i == from || !bytes_equal(items[i], items[i - 1]))
            text = arena_printf(arena, "%.*s%s%.*s", BYTES_ARG(text), text.len ? " " : "",
                                BYTES_ARG(items[i]));
    return text;
}

/* pattern may begin with `~`: it is widened; `=`: it is literal; `+`: it is of a COPY
 * --parents;
 * `!`: BuildKit alone reads the stream. want: the patterns that are added. */
static const struct {
    const char *source, *tree, *pattern, *want;
} cases[] = {
    {"without a link nothing is added", "a/b/c", "a/b", ""},
    {"what is not there adds nothing", "a/", "a/b/c", ""},
    {"§1.1 a link at the end", "l>t t/x", "l", "t"},
    {"§1.1 a link on the way is added, with what it leads to", "l>t t/x", "l/x", "l t/x"},
    {"§1.1 a link's text is relative to the link's directory", "a/l>../t t/x", "a/l/x",
     "a/l t/x"},
    {"§1.1 an absolute text is relative to the root", "a/l>/t t/x", "a/l/x", "a/l t/x"},
    {"§1.1 the root is its own parent", "l>../../t t/x", "l/x", "l t/x"},
    {"a chain of links", "a>b b>c c>d/e d/e/x", "a/x", "a b c d/e/x"},
    {"a link inside a link's target", "l>d/m d/m>../t t/x", "l/x", "d/m l t/x"},
    {"§1.5 [V] a dangling link adds only itself", "l>none", "l/x", "l"},
    {"a dangling link at the end adds nothing: it is selected already", "l>none", "l", ""},
    {"a loop ends", "l>l", "l/x", "l"},
    {"a longer loop ends", "a>b b>a", "a/x", "a b"},
    {"a loop that grows ends", "a>a/a", "a/x", "a"},
    {"a link to the root reads everything", "l>.", "l", "."},
    {"a link to the root by another name", "l>/ x", "l/x", "l x"},
    {"§1.5 [V] a wildcard below a link", "l>t t/x.c t/y", "l/*.c", "l t/*.c"},
    {"a directory with a wildcard character in its name", "l>[t] [t]/x.c", "l/*.c",
     "\\[t]/*.c l"},
    {"§1.1 links among a wildcard's matches", "d/a>../t d/b d/c>../none t/x", "d/*", "t"},
    {"only links that match the wildcard", "d/a>../t d/b>../u t/x u/x", "d/a*", "t"},
    {"a link that a wildcard matches on the way", "l>t t/x m>u u/x", "?/x", "l m t/x u/x"},
    {"deeper links, which the builder of a tar follows", "d/l>../t t/x", "*/l", "t"},
    {"a link below two wildcards", "d/e/l>/t t/x", "*/*/l", "t"},
    {"a literal star is no wildcard", "*>t a>u t/x u/x", "=*/x", "* t/x"},
    {".. after a name: by text and by walk", "l>d/m/../t d/m>../e/f d/t/x e/t/x e/f/", "l/x",
     "d/m d/t/x e/t/x l"},
    {"outside the root there is nothing", "l>/etc", "l/passwd", "l"},
    {"a link through /proc leads to nothing", "l>/proc/self/root", "l/etc", "l"},
    {"a file is no directory", "f l>f", "l/x", "l"},
    {"widened: links below are followed too", "d/a/l>../../t t/m>../u u/x", "~d", "t u"},
    {"widened: those that stay inside add nothing", "d/a/l>../b d/b/x", "~d", ""},
    {"widened: the certain beginning of a name", "app-1/l>../t app-2>u t/x u/l>../v v/",
     "~app-*", "t u v"},
    {"followlinks.go, [V] a deeper link is not followed", "d/l>../t t/x", "!*/l", ""},
    {"followlinks.go: a link at the first wildcard sends all that it matches",
     "d/l>../t m>d t/x u", "!*/l", "* d/l m t"},
    {"followlinks.go: the first wildcard below a link", "p>q q/m>../d q/n/ d/l>../t t/x",
     "!p/*/l", "d/l p q/* q/*/l q/m t"},
    {"followlinks.go: .. after a name, by text alone",
     "l>d/m/../t d/m>../e/f d/t/x* e/t/x* e/f/", "!l/x*", "d/t/x* l"},
    {"--parents: links before the first **", "l>t t/a/x", "+l/**/x", "l t/**/x"},
};

static void test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("%s: %s in %s", cases[i].source, cases[i].pattern, cases[i].tree);
        char dir[32] = "/tmp/follow.XXXXXX";
        int root = make_tree(cases[i].tree, dir);
        cleanup_arena struct arena arena = {0};
        struct failure f = {0};
        struct reads *reads = reads_new();
        struct df_read read = {.pattern = bytes_of(cases[i].pattern)};
        uint8_t mark = read.pattern.at[0];
        read.literal = mark == '=' || mark == '~';
        read.globstar = mark == '+';
        read.widened = mark == '~' ? BYTES("why") : BYTES("");
        reads->deep_links = mark != '!';
        if (strchr("=~+!", mark))
            read.pattern = bytes_from(read.pattern, 1);
        read.literal = read.literal && (mark == '=' || !glob_magic(read.pattern));
        TAP_CHECK(reads_add(reads, read, &f) == 0);
        TAP_CHECKF(reads_resolve(reads, root, &f) == 0, "%s", f.text);
        TAP_EQUAL(list_reads(&arena, reads, 1), bytes_of(cases[i].want));
        reads_free(reads);
        close(root);
        scratch_remove(dir);
    }
}

static void test_via(void)
{
    tap_case("what a link leads to tells by which link, and by which line");
    char dir[32] = "/tmp/follow.XXXXXX";
    int root = make_tree("a/l>../m m>t t/x", dir);
    struct failure f = {0};
    struct reads *reads = reads_new();
    struct df_read read = {.pattern = BYTES("a/l/x"), .line = 7, .kind = DF_READ_ADD};
    TAP_CHECK(reads_add(reads, read, &f) == 0 && reads_resolve(reads, root, &f) == 0);
    TAP_CHECK(reads->n == 4);
    for (size_t i = 1; i < reads->n; i++) {
        TAP_EQUAL(reads->at[i].via, BYTES("a/l"));
        TAP_CHECK(reads->at[i].line == 7 && reads->at[i].kind == DF_READ_ADD);
    }
    TAP_CHECK(reads_cover(reads, BYTES("t/x/y")) && !reads_cover(reads, BYTES("t/y")));
    reads_free(reads);
    close(root);
    scratch_remove(dir);
}

static void test_many(void)
{
    tap_case("directories that link to each other end, whatever the wildcards");
    char dir[32] = "/tmp/follow.XXXXXX", spec[4096] = "", *end = spec;
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < 12; k++)
            end += snprintf(end, (size_t)(spec + sizeof(spec) - end), "%sd%d/l%d>../d%d",
                            *spec ? " " : "", i, k, k);
    int root = make_tree(spec, dir);
    struct failure f = {0};
    struct reads *reads = reads_new();
    reads->deep_links = true;
    struct df_read read = {.pattern = BYTES("*/*/*/*/*/*/*/*/x")};
    TAP_CHECK(reads_add(reads, read, &f) == 0);
    TAP_CHECKF(reads_resolve(reads, root, &f) == 0, "%s", f.text);
    TAP_CHECK(reads->n < 1000);
    reads_free(reads);
    close(root);
    scratch_remove(dir);
}

int main(void)
{
    test_cases();
    test_via();
    test_many();
    return tap_end();
}
