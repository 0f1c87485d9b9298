/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "scratch.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_bytes(void)
{
    tap_case("a prefix comes before the longer name, and a slash sorts as a byte");
    TAP_CHECK(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    TAP_CHECK(bytes_compare(BYTES("a/b"), BYTES("a.b")) > 0);
    TAP_CHECK(bytes_compare(BYTES("\xff"), BYTES("a")) > 0);

    tap_case("pieces between separators keep empty ones and the end");
    struct bytes rest = BYTES("a//b/"), piece;
    static const char *const want[] = {"a", "", "b", ""};
    size_t n = 0;
    while (bytes_next(&rest, '/', &piece))
        if (TAP_CHECK(n < ARRAY_SIZE(want)))
            TAP_EQUAL(piece, bytes_of(want[n++]));
    TAP_CHECK(n == ARRAY_SIZE(want));

    tap_case("a quoted path shows control bytes, bad UTF-8 and bidi overrides as escapes");
    TAP_EQUAL(bytes_of(QUOTE(BYTES("a\n\x1b[m\xff\"\xc3\xa9\xe2\x80\xae"))),
              BYTES("\"a\\n\\x1b[m\\xff\\\"\xc3\xa9\\xe2\\x80\\xae\""));
    tap_case("a quoted path of 4,000 bytes is shortened and closed");
    uint8_t path[4000];
    memset(path, 'x', sizeof(path));
    struct bytes shown = bytes_of(QUOTE(bytes_at(path, sizeof(path))));
    TAP_CHECK(shown.len < sizeof(struct quoted) && bytes_ends(shown, BYTES("...\"")));
}

static void test_copies(void)
{
    tap_case("a copy of bytes is its own memory, ends in a NUL, and is freed to nothing");
    uint8_t text[] = {'a', 0, 'b'};
    struct bytes copy = bytes_dup(bytes_at(text, 3)), empty = bytes_dup(BYTES(""));
    text[0] = 'x';
    TAP_EQUAL(copy, BYTES("a\0b"));
    TAP_CHECK(copy.at[3] == '\0' && empty.len == 0 && empty.at && empty.at[0] == '\0');
    bytes_free(&copy);
    bytes_free(&empty);
    TAP_CHECK(copy.at == NULL && copy.len == 0);
    bytes_free(&copy);
}

static void test_hex(void)
{
    char text[7];
    uint8_t at[3] = {0};
    uint32_t number = 7;
    tap_case("bytes in hexadecimal have one spelling, in lower case and of even length");
    TAP_EQUAL(bytes_of(hex_text(text, (const uint8_t *)"\x00\x9f\xff", 3)), BYTES("009fff"));
    TAP_CHECK(hex_bytes(BYTES("009fff"), at) && !memcmp(at, "\x00\x9f\xff", 3));
    TAP_CHECK(hex_bytes(BYTES(""), at));
    static const char *const bad[] = {"009FFF", "009ff", "00 9ff", "0g", "0`", "0:"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        TAP_CHECKF(!hex_bytes(bytes_of(bad[i]), at), "%s", bad[i]);
    tap_case("a digit in either case has its value, and no other byte has one");
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *found = c ? strchr(digits, c) : NULL;
        TAP_CHECK(hex_digit((uint8_t)c) == (found ? (int)((found - digits) % 16) : -1));
    }
    tap_case("a hexadecimal number has 1 to 8 digits in either case");
    TAP_CHECK(hex_number(BYTES("fFffFfff"), &number) && number == UINT32_MAX);
    TAP_CHECK(hex_number(BYTES("a"), &number) && number == 10);
    TAP_CHECK(!hex_number(BYTES(""), &number) && !hex_number(BYTES("100000000"), &number) &&
              !hex_number(BYTES("0x1"), &number) && number == 10);
}

static void test_path_relations(void)
{
    cleanup_arena struct arena arena = {0};
    struct bytes to = BYTES("as it was");
    tap_case("a relative path is resolved below the root, and nothing that leaves it");
    TAP_CHECK(path_resolve(&arena, BYTES("a/b"), BYTES("../c/./d"), &to));
    TAP_EQUAL(to, BYTES("a/c/d"));
    TAP_CHECK(path_resolve(&arena, BYTES("a"), BYTES(".."), &to) && to.len == 0);
    TAP_CHECK(path_resolve(&arena, BYTES(""), BYTES("x"), &to));
    static const struct bytes leaving[] = {{(const uint8_t *)"../..", 5},
                                           {(const uint8_t *)"/a", 2},
                                           {(const uint8_t *)"../../a", 7},
                                           {(const uint8_t *)"b\0c", 3}};
    for (size_t i = 0; i < ARRAY_SIZE(leaving); i++)
        TAP_CHECKF(!path_resolve(&arena, BYTES("a"), leaving[i], &to), "%s", QUOTE(leaving[i]));
    TAP_EQUAL(to, BYTES("x"));

    tap_case("a path lies under a directory by whole components only");
    TAP_CHECK(path_under(BYTES("a"), BYTES("a")) && path_under(BYTES("a/b/c"), BYTES("a/b")));
    TAP_CHECK(path_under(BYTES("a"), BYTES("")) && path_under(BYTES(""), BYTES("")));
    TAP_CHECK(!path_under(BYTES("ab"), BYTES("a")) && !path_under(BYTES("a"), BYTES("a/b")));

    static const char *const between[][3] = {
        {"a", "a", "."},        {"", "a/b", "a/b"},        {"a/b", "", "../.."},
        {"a/b", "a/c", "../c"}, {"a/b", "ab", "../../ab"}, {"a", "a/b", "b"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(between); i++) {
        struct bytes from = bytes_of(between[i][0]), end = bytes_of(between[i][1]), back;
        tap_case("the way from %s to %s is %s", QUOTE(from), QUOTE(end), between[i][2]);
        TAP_EQUAL(path_between(&arena, from, end), bytes_of(between[i][2]));
        TAP_CHECK(path_resolve(&arena, from, bytes_of(between[i][2]), &back));
        TAP_EQUAL(back, end);
    }

    tap_case("in the order of components, a directory comes right before what it contains");
    static const char *const deep[] = {"a", "a/b", "a/b/c", "a-", "a.b", "b"};
    static const char *const shallow[] = {"a", "a-", "b", "a/c", "a-/b", "a/b/c"};
    for (size_t i = 0; i < ARRAY_SIZE(deep); i++)
        for (size_t j = 0; j < ARRAY_SIZE(deep); j++) {
            int want = (i > j) - (i < j);
            int d = path_depth_compare(bytes_of(deep[i]), bytes_of(deep[j]));
            int s = path_shallow_compare(bytes_of(shallow[i]), bytes_of(shallow[j]));
            TAP_CHECKF((d > 0) - (d < 0) == want, "%s, %s", deep[i], deep[j]);
            TAP_CHECKF((s > 0) - (s < 0) == want, "%s, %s", shallow[i], shallow[j]);
        }
}

static void *thread_of_a_kind(void *right)
{
    bool before = thread_is(THREAD_LOOP);
    thread_begin(THREAD_LANE);
    *(bool *)right = before && thread_is(THREAD_LANE) && !thread_is(THREAD_LOOP) &&
                     thread_is(THREAD_LOOP | THREAD_LANE);
    return NULL;
}

static void test_thread_kind(void)
{
    tap_case("a thread is of the kind that it named, and of any kind before");
    bool right = false;
    pthread_t thread;
    TAP_CHECK(pthread_create(&thread, NULL, thread_of_a_kind, &right) == 0 &&
              pthread_join(thread, NULL) == 0);
    TAP_CHECK(right && thread_is(THREAD_LOOP) && thread_is(THREAD_POOL));
}

static void test_plain(void)
{
    tap_case("a run of plain text ends at every byte that is none, wherever it stands");
    uint8_t text[24];
    bool right = true;
    for (unsigned c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, '~', sizeof(text));
            text[at] = (uint8_t)c;
            struct bytes b = bytes_at(text, sizeof(text));
            for (size_t from = 0; from <= sizeof(text); from++) {
                size_t end = plain || at < from ? sizeof(text) : at;
                right = right && bytes_plain(b, from) == end - from;
            }
        }
    }
    TAP_CHECK(right);
}

static void test_path(void)
{
    /* Source: Go 1.19 path.Clean, its documentation and tests' kinds of input. */
    static const char *const cases[][2] = {
        {"", "."},           {"abc", "abc"}, {"a//b/", "a/b"},
        {"a/./b/..", "a"},   {"..", ".."},   {"../../a", "../../a"},
        {"a/../..", ".."},   {"/..", "/"},   {"/../a", "/a"},
        {"/", "/"},          {"//", "/"},    {"a/../../b", "../b"},
        {"../a/..", ".."},   {"./", "."},    {"/a/b/../../..", "/"},
        {"a/b/../c", "a/c"},
    };
    cleanup_arena struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("path.Clean of %s is %s", QUOTE(bytes_of(cases[i][0])), cases[i][1]);
        TAP_EQUAL(path_clean(&arena, bytes_of(cases[i][0])), bytes_of(cases[i][1]));
    }
    tap_case("a path below the root can't leave it");
    TAP_EQUAL(path_clean_root(&arena, BYTES("../../etc/./x/")), BYTES("etc/x"));
    TAP_EQUAL(path_clean_root(&arena, BYTES("/")), BYTES(""));
}

static void test_glob(void)
{
    /* Source: Go 1.19 filepath.Match, run. match: 1, miss: 0, malformed: -1. */
    static const struct {
        const char *pattern, *name;
        int want;
    } cases[] = {
        {"abc", "abc", 1},
        {"*", "abc", 1},
        {"*c", "abc", 1},
        {"a*", "a", 1},
        {"a*", "ab/c", 0},
        {"a*/b", "abc/b", 1},
        {"a*b*c", "axbxxc", 1},
        {"ab[c]", "abc", 1},
        {"ab[b-d]", "abc", 1},
        {"ab[^c]", "abc", 0},
        {"a\\*b", "a*b", 1},
        {"a\\*b", "ab", 0},
        {"a?b",
         "a\xe2\x98\xba"
         "b",
         1},
        {"a[^a]b",
         "a\xe2\x98\xba"
         "b",
         1},
        {"a???b",
         "a\xe2\x98\xba"
         "b",
         0},
        {"[a-\xce\xb6]*", "\xce\xb1", 1},
        {"a?b", "a/b", 0},
        {"a*b", "a/b", 0},
        {"[\\]a]", "]", 1},
        {"[\\-]", "-", 1},
        {"[x\\-]", "z", 0},
        {"[]a]", "]", -1},
        {"[-]", "-", -1},
        {"[x-]", "x", -1},
        {"[-x]", "x", -1},
        {"\\", "a", -1},
        {"[a-b-c]", "a", -1},
        {"[", "a", -1},
        {"[^", "a", -1},
        {"a[", "a", -1},
        {"*x", "xxx", 1},
        {"[[]x].txt", "[x].txt", 1},
        {"", "", 1},
        {"", "a", 0},
        {"*", "", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes pattern = bytes_of(cases[i].pattern), name = bytes_of(cases[i].name);
        tap_case("filepath.Match(%s, %s) is %d", QUOTE(pattern), QUOTE(name), cases[i].want);
        TAP_CHECK(glob_valid(pattern) == (cases[i].want >= 0));
        TAP_CHECK(glob_match(pattern, name) == (cases[i].want == 1));
    }
}

static void test_numbers(void)
{
    tap_case("numbers from outside neither wrap nor take signs");
    uint64_t n = 0;
    TAP_CHECK(number_parse(BYTES("18446744073709551615"), &n) == 0 && n == UINT64_MAX);
    TAP_CHECK(number_parse(BYTES("18446744073709551616"), &n) == -ERANGE);
    TAP_CHECK(number_parse(BYTES("-1"), &n) == -EINVAL &&
              number_parse(BYTES(""), &n) == -EINVAL);
    tap_case("sizes take units of 1024 and decimals");
    TAP_CHECK(number_parse_size(BYTES("10M"), &n) == 0 && n == 10 << 20);
    TAP_CHECK(number_parse_size(BYTES("1.5GiB"), &n) == 0 && n == 3ull << 29);
    TAP_CHECK(number_parse_size(BYTES("k"), &n) == -EINVAL);
    TAP_CHECK(number_parse_size(BYTES("99999999999999T"), &n) == -ERANGE);
    tap_case("sizes for people have two or three digits");
    char text[16];
    TAP_EQUAL(bytes_of(number_human(text, 999)), BYTES("999 B"));
    TAP_EQUAL(bytes_of(number_human(text, 4200)), BYTES("4.2 kB"));
    TAP_EQUAL(bytes_of(number_human(text, 999999)), BYTES("1.0 MB"));
    TAP_EQUAL(bytes_of(number_human(text, 318000000)), BYTES("318 MB"));
}

static void test_containers(void)
{
    tap_case("a buffer refuses what passes its maximum and keeps what it had");
    cleanup_buf struct buf b = BUF(10);
    TAP_CHECK(buf_add(&b, "12345678", 8) == 0 && buf_add(&b, "abc", 3) == -E2BIG);
    TAP_EQUAL(buf_bytes(&b), BYTES("12345678"));

    tap_case("text is printed whole, whether it fits what room there is or not");
    cleanup_arena struct arena arena = {0};
    uint8_t longest[600];
    memset(longest, 'x', sizeof(longest));
    for (size_t len = 0; len < sizeof(longest); len++) {
        cleanup_buf struct buf to = BUF(4096);
        struct bytes want = bytes_at(longest, len);
        TAP_CHECK(buf_add(&to, longest, 200) == 0);
        TAP_CHECK(buf_addf(&to, "%.*s", BYTES_ARG(want)) == 0);
        TAP_EQUAL(bytes_from(buf_bytes(&to), 200), want);
        TAP_EQUAL(arena_printf(&arena, "%.*s", BYTES_ARG(want)), want);
    }

    tap_case("a table finds each of 10,000 keys and no other");
    cleanup_table struct table t = {0};
    for (uintptr_t i = 0; i < 10000; i++)
        *table_put(&t, arena_printf(&arena, "key %zu", (size_t)i), NULL) = i;
    bool all = true;
    for (uintptr_t i = 0; i < 10000; i++) {
        uintptr_t *found = table_get(&t, arena_printf(&arena, "key %zu", (size_t)i));
        all = all && found && *found == i;
    }
    TAP_CHECK(all && t.n == 10000 && !table_get(&t, BYTES("key 10000")));
}

struct count_job {
    struct pool_job job;
    struct pool *pool;
    atomic_size_t *count;
    int depth;
};

static void count_run(struct pool_job *job)
{
    struct count_job *c = (struct count_job *)job;
    atomic_fetch_add(c->count, 1);
    for (int i = 0; c->depth > 0 && i < 3; i++) {
        struct count_job *child = xmalloc(sizeof(*child));
        *child = (struct count_job){{count_run, NULL}, c->pool, c->count, c->depth - 1};
        pool_add(c->pool, &child->job);
    }
    free(c);
}

static void test_pool(void)
{
    tap_case("jobs that add jobs are all run before drain returns");
    struct pool *pool = pool_new(4);
    atomic_size_t count = 0;
    struct count_job *root = xmalloc(sizeof(*root));
    *root = (struct count_job){{count_run, NULL}, pool, &count, 8};
    pool_add(pool, &root->job);
    pool_drain(pool);
    TAP_CHECK(atomic_load(&count) == 9841); /* (3^9 - 1) / 2 */
    pool_free(pool);
}

static void test_io(void)
{
    char dir[] = "/tmp/ctxd-test-XXXXXX";
    scratch_make(dir);
    cleanup_fd int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tap_case("no link is followed below a root, and nothing above it is opened");
    TAP_CHECK(mkdirat(root, "d", 0755) == 0 && symlinkat("d", root, "l") == 0);
    TAP_CHECK(mkfifoat(root, "d/fifo", 0600) == 0);
    TAP_CHECK(io_open_beneath(root, "l/fifo", O_RDONLY | O_NONBLOCK) < 0);
    TAP_CHECK(io_open_beneath(root, "../x", O_RDONLY) < 0);
    cleanup_fd int fd = io_open_beneath(root, "d", O_RDONLY | O_DIRECTORY);
    TAP_CHECK(fd >= 0);
    tap_case("a FIFO in place of a file is refused instead of waited for");
    cleanup_buf struct buf b = BUF(100);
    TAP_CHECK(io_read_file(root, "d/fifo", &b) == -EINVAL);
    TAP_CHECK(io_read_file(root, "d", &b) == -EISDIR);
    tap_case("directories are made for their owner alone, and the first that can't says why");
    {
        struct stat st;
        char path[sizeof(dir) + 16];
        snprintf(path, sizeof(path), "%s/d/e//f/", dir);
        TAP_CHECK(io_make_directories(path) == 0 && io_make_directories(path) == 0);
        TAP_CHECK(fstatat(root, "d/e/f", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
        snprintf(path, sizeof(path), "%s/d/fifo/g", dir);
        TAP_CHECK(io_make_directories(path) == -ENOTDIR);
        int r = io_make_directories("/sys/none/below");
        TAP_CHECKF(r < 0 && r != -ENOENT, "%d: not what /sys says to a directory in it", r);
    }
    tap_case("a directory's names come in byte order, with their types, up to a maximum");
    {
        cleanup_fd int top = io_open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
        cleanup_fd int again = io_open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
        cleanup_names struct names names = NAMES(NAMES_MAX), few = NAMES(3);
        TAP_CHECK(symlinkat("d", root, "Z") == 0 && names_read(top, &names) == 0);
        if (TAP_CHECK(names.n == 3)) {
            TAP_EQUAL(names_at(&names, 0), BYTES("Z"));
            TAP_EQUAL(names_at(&names, 1), BYTES("d"));
            TAP_EQUAL(names_at(&names, 2), BYTES("l"));
            TAP_CHECK(names.at[0].type == DT_LNK && names.at[1].type == DT_DIR);
        }
        TAP_CHECK(names_read(again, &few) == -E2BIG);
    }
    scratch_remove(dir);
}

static void test_standard(void)
{
    tap_case("the numbers of standard input, output and error are never given to a file");
    if (getenv("CTXD_VALGRIND")) {
        tap_skip("valgrind keeps standard error open");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close_range(0, STDERR_FILENO, 0);
        io_hold_standard();
        bool held = (fcntl(0, F_GETFL) & O_ACCMODE) == O_RDONLY &&
                    (fcntl(STDERR_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY &&
                    open("/", O_PATH | O_CLOEXEC) > STDERR_FILENO;
        _exit(held ? 0 : 1);
    }
    int status;
    TAP_CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void test_utf8(void)
{
    tap_case("ill-formed UTF-8 is one rune a byte");
    static const char *const bad[] = {
        "\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x98", "\xff"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint32_t rune;
        TAP_CHECK(utf8_decode(bytes_of(bad[i]), &rune) == 1 && rune == UTF8_INVALID);
    }
    tap_case("white space is trimmed as Unicode has it, and bytes are not");
    TAP_EQUAL(utf8_trim(BYTES(" \v\xc2\x85\xe2\x80\xa8"
                              "a\xc2\xa0 ")),
              BYTES("a"));
    TAP_EQUAL(utf8_trim(BYTES("\xe2\x80\x8b"
                              "a\x85")),
              BYTES("\xe2\x80\x8b"
                    "a\x85"));
    tap_case(
        "a text is valid UTF-8 if each of its runes is, and a text for any reader has no NUL");
    TAP_CHECK(utf8_valid(BYTES("")) && utf8_valid(BYTES("a\xc3\xa9\xf0\x9f\x90\xb3")));
    TAP_CHECK(utf8_valid(BYTES("\xef\xbf\xbd"))); /* a real U+FFFD */
    TAP_CHECK(!utf8_valid(BYTES("abcdefghij\xc3")) && !utf8_valid(BYTES("\xed\xa0\x80")));
    TAP_CHECK(utf8_valid(BYTES("a\0b")) && !utf8_is_text(BYTES("a\0b")));
    TAP_CHECK(utf8_is_text(BYTES("a\xc3\xa9")) && !utf8_is_text(BYTES("a\xff")));
    tap_case("a rune survives encoding and decoding");
    for (uint32_t rune = 1; rune < 0x110000; rune += rune < 0x900 ? 1 : 997) {
        uint8_t text[4];
        uint32_t back;
        if (rune >= 0xd800 && rune <= 0xdfff)
            continue;
        size_t len = utf8_encode(rune, text);
        TAP_CHECK(utf8_decode(bytes_at(text, len), &back) == len && back == rune);
    }
}

int main(void)
{
    test_bytes();
    test_copies();
    test_hex();
    test_path_relations();
    test_thread_kind();
    test_plain();
    test_utf8();
    test_path();
    test_glob();
    test_numbers();
    test_containers();
    test_pool();
    test_io();
    test_standard();
    return tap_end();
}
