/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"
#include "scratch.h"
#include "stream.h"
#include "tap.h"
#include "tar-header.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ---- headers ----------------------------------------------------------------------- */

static void test_headers(void)
{
    uint8_t name[300];
    memset(name, 'n', sizeof(name));
    cleanup_buf struct buf out = BUF(1 << 20);

    tap_case("a name of 100 bytes is plain ustar, a directory's of 100 is not");
    struct tar_header h = {.path = bytes_at(name, 100), .type = '0', .mode = 0644};
    TAP_CHECK(tar_is_plain(&h));
    h.type = '5';
    TAP_CHECK(!tar_is_plain(&h));

    tap_case("a path is split at a slash as far as prefix and name reach");
    name[155] = '/';
    h = (struct tar_header){.path = bytes_at(name, 256), .type = '0'};
    TAP_CHECK(tar_is_plain(&h));
    h.path = bytes_at(name, 257);
    TAP_CHECK(!tar_is_plain(&h));

    tap_case("what ustar can't say is in PAX records, sorted, each with its own length");
    h = (struct tar_header){.path = BYTES("f"), .type = '0', .size = 8ull << 30, .mtime = -5};
    tar_add_header(&out, &h);
    TAP_CHECK(out.len == 3 * USTAR_BLOCK && tar_header_size(&h) == out.len);
    TAP_EQUAL(bytes_of((const char *)out.at + USTAR_BLOCK),
              BYTES("12 mtime=-5\n19 size=8589934592\n"));

    tap_case("a long path that is not UTF-8 says so before it");
    buf_clear(&out);
    name[0] = 0xff;
    name[155] = 'n';
    h = (struct tar_header){.path = bytes_at(name, 150), .type = '0'};
    tar_add_header(&out, &h);
    TAP_EQUAL(bytes_at(out.at + USTAR_BLOCK, 24), BYTES("21 hdrcharset=BINARY\n160"));

    tap_case("a record's length counts itself where it gains a digit");
    for (size_t len = 101; len < 300; len++) {
        buf_clear(&out);
        memset(name, 'n', sizeof(name));
        h.path = bytes_at(name, len);
        tar_add_header(&out, &h);
        uint64_t said = 0;
        struct bytes record = bytes_of((const char *)out.at + USTAR_BLOCK);
        TAP_CHECK(number_parse(bytes_head(record, bytes_find(record, ' ')), &said) == 0);
        TAP_CHECKF(said == record.len, "length %zu", len);
    }
}

/* ---- whole streams ----------------------------------------------------------------- */

struct fixture {
    char path[64];
    int root;
};

static struct fixture setup(void)
{
    struct fixture x = {.path = "/tmp/ctxd-stream-XXXXXX"};
    scratch_make(x.path);
    x.root = open(x.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return x;
}

static void teardown(struct fixture *x)
{
    close(x->root);
    scratch_remove(x->path);
}

static void put(const struct fixture *x, const char *path, const void *at, size_t len)
{
    cleanup_fd int fd = openat(x->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, at, len) < 0)
        abort();
}

static void put_text(const struct fixture *x, const char *path, const char *text)
{
    put(x, path, text, strlen(text));
}

struct sent {
    struct buf bytes;
    struct send_stats stats;
    struct failure failure;
    struct notes notes;
    int result;
};

static void sent_release(struct sent *s)
{
    buf_release(&s->bytes);
    notes_release(&s->notes);
}
#define cleanup_sent __attribute__((cleanup(sent_release)))

/* Sends into memory, with `threads` helpers; `change` may alter the request. */
static struct sent send(const struct fixture *x, size_t threads, enum send_codec codec,
                        void (*change)(struct send_request *))
{
    struct sent s = {.bytes = BUF(SIZE_MAX / 2)};
    cleanup_fd int out = memfd_create("stream", MFD_CLOEXEC);
    struct control control = {0};
    struct dockerfile *df = NULL;
    struct pool *pool = pool_new(threads);
    s.result =
        control_load(&(struct control_request){.root_fd = x->root, .root_name = BYTES(".")},
                     &s.notes, &control, &s.failure);
    if (s.result == 0)
        s.result =
            dockerfile_parse(control.dockerfile_name, control.dockerfile, &df, &s.failure);
    if (s.result == 0) {
        struct send_request request = {
            .root_fd = x->root,
            .root_name = BYTES("."),
            .control = &control,
            .dockerfile = df,
            .codec = codec,
            .level = 1,
            .out_fd = out,
            .pool = pool,
        };
        if (change)
            change(&request);
        s.result = send_run(&request, NULL, &s.notes, &s.stats, &s.failure);
    }
    if (lseek(out, 0, SEEK_SET) < 0 || io_read_rest(out, &s.bytes) < 0)
        abort();
    dockerfile_free(df);
    control_release(&control);
    pool_free(pool);
    return s;
}

/* The path and type of the n-th header, by reading the tar as a plain reader would. */
static struct bytes header_path(const struct buf *tar, size_t n, uint8_t *ret_type)
{
    for (size_t at = 0; at + USTAR_BLOCK <= tar->len;) {
        const uint8_t *block = tar->at + at;
        uint64_t size = 0;
        for (size_t i = 0; i < 11; i++)
            size = size * 8 + (uint64_t)(block[124 + i] - '0');
        if (n-- == 0) {
            *ret_type = block[156];
            return bytes_of((const char *)block);
        }
        at += USTAR_BLOCK + size + ustar_padding(size);
    }
    *ret_type = 0;
    return BYTES("");
}

static bool has_path(const struct buf *tar, const char *path)
{
    uint8_t type = 1;
    for (size_t n = 0; type; n++)
        if (bytes_equal(header_path(tar, n, &type), bytes_of(path)) && type)
            return true;
    return false;
}

static struct bytes last_path(const struct buf *tar)
{
    uint8_t type;
    struct bytes last = BYTES("");
    for (size_t n = 0;; n++) {
        struct bytes path = header_path(tar, n, &type);
        if (!type || !path.len)
            return last;
        last = path;
    }
}

static void put_tree(const struct fixture *x)
{
    static uint8_t large[3000001];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 7 + i / 1000);
    put_text(x, "Dockerfile", "FROM scratch\nCOPY src /src\nCOPY big /\n");
    if (mkdirat(x->root, "src", 0755) < 0)
        abort();
    put(x, "big", large, sizeof(large));
    for (size_t i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "src/file-%zu", i);
        put(x, name, large, i * 37);
    }
    put_text(x, "unread", "no instruction reads this");
    if (linkat(x->root, "src/file-7", x->root, "src/hard", 0) < 0 ||
        symlinkat("file-9", x->root, "src/soft") < 0)
        abort();
}

static void test_streams(void)
{
    struct fixture x = setup();
    put_tree(&x);
    static const char *const names[] = {"plain", "gzip", "zstd"};
    for (enum send_codec codec = SEND_TAR; codec <= SEND_ZSTD; codec++) {
        tap_case("a %s stream has the same bytes on 1, 3 and 16 threads", names[codec]);
        cleanup_sent struct sent a = send(&x, 1, codec, NULL);
        TAP_CHECKF(a.result == 0, "%s", a.failure.text);
        for (size_t threads = 3; threads <= 16; threads += 13) {
            cleanup_sent struct sent b = send(&x, threads, codec, NULL);
            TAP_CHECK(b.result == 0 && bytes_equal(buf_bytes(&a.bytes), buf_bytes(&b.bytes)));
        }
        TAP_CHECK(a.stats.out_bytes == a.bytes.len);
    }

    tap_case("the Dockerfile is the last entry, and what nothing reads is left out");
    cleanup_sent struct sent s = send(&x, 2, SEND_TAR, NULL);
    TAP_EQUAL(last_path(&s.bytes), BYTES("Dockerfile"));
    TAP_CHECK(!has_path(&s.bytes, "unread") && has_path(&s.bytes, "src/file-299"));
    TAP_CHECK(s.stats.n_hardlinks == 1 && s.stats.n_links == 1 && s.stats.n_files == 302);
    TAP_CHECK(s.stats.tar_bytes == s.bytes.len && s.bytes.len % USTAR_BLOCK == 0);
    teardown(&x);
}

static void gate_files(struct send_request *request)
{
    request->max_files = 10;
}

static void gate_bytes(struct send_request *request)
{
    request->max_bytes = 1000;
}

static void test_gates(void)
{
    struct fixture x = setup();
    put_tree(&x);
    tap_case("a gate refuses before the first byte, and names the largest file");
    cleanup_sent struct sent files = send(&x, 2, SEND_TAR, gate_files);
    TAP_CHECK(files.result == SEND_REFUSED && files.bytes.len == 0);
    cleanup_sent struct sent bytes = send(&x, 2, SEND_TAR, gate_bytes);
    TAP_CHECK(bytes.result == SEND_REFUSED && strstr(bytes.failure.text, "\"big\""));
    teardown(&x);
}

static void test_dockerfile_places(void)
{
    tap_case("an excluded Dockerfile under COPY . . travels beside an inner tar");
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "Dockerfile\n");
    put_text(&x, "a", "a");
    cleanup_sent struct sent inner = send(&x, 2, SEND_TAR, NULL);
    TAP_CHECKF(inner.result == 0, "%s", inner.failure.text);
    TAP_CHECK(inner.stats.rewritten && has_path(&inner.bytes, "ctx.tar"));
    TAP_EQUAL(last_path(&inner.bytes), BYTES("Dockerfile"));

    tap_case("an excluded Dockerfile that nothing can read is just added");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY a /\n");
    cleanup_sent struct sent extra = send(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(!extra.stats.rewritten && has_path(&extra.bytes, "a"));
    TAP_EQUAL(last_path(&extra.bytes), BYTES("Dockerfile"));

    tap_case("under ADD . nothing can be rewritten, and a warning says what the image gains");
    put_text(&x, "Dockerfile", "FROM scratch\nADD . /\n");
    cleanup_sent struct sent add = send(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(!add.stats.rewritten && add.notes.n > 0);

    tap_case("a kept dockerfile could stand in for the Dockerfile of a cut stream: inner tar");
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "");
    put_text(&x, "dockerfile", "FROM scratch\n");
    cleanup_sent struct sent lower = send(&x, 2, SEND_TAR, NULL);
    TAP_CHECK(lower.stats.rewritten);

    tap_case("where that can't be rewritten, a guard that never builds comes first");
    put_text(&x, "Dockerfile", "FROM scratch\nADD . /\n");
    cleanup_sent struct sent guard = send(&x, 2, SEND_TAR, NULL);
    uint8_t type;
    TAP_EQUAL(header_path(&guard.bytes, 0, &type), BYTES("Dockerfile"));
    TAP_EQUAL(last_path(&guard.bytes), BYTES("Dockerfile"));
    teardown(&x);
}

static void to_classic(struct send_request *request)
{
    request->builder = SEND_CLASSIC;
}

/* Whether a path is there with this type and, where not NULL, these octal digits of a mode. */
static bool has_entry(const struct buf *tar, const char *path, uint8_t type, const char *mode)
{
    uint8_t got = 1;
    for (size_t n = 0; got; n++) {
        struct bytes name = header_path(tar, n, &got);
        if (got && bytes_equal(name, bytes_of(path)))
            return got == type && (!mode || !memcmp(name.at + 103, mode, 4));
    }
    return false;
}

static void test_classic_habits(void)
{
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, ".dockerignore", "d\n!d/kept\n");
    if (mkdirat(x.root, "d", 0700) < 0 || symlinkat("d/kept", x.root, "l") < 0 ||
        linkat(x.root, "l", x.root, "m", 0) < 0)
        abort();
    put_text(&x, "d/kept", "k");
    cleanup_sent struct sent any = send(&x, 2, SEND_TAR, NULL);
    cleanup_sent struct sent classic = send(&x, 2, SEND_TAR, to_classic);
    tap_case("an ignored directory on the way to an exception is made anew by classic only");
    TAP_CHECK(has_entry(&any.bytes, "d/", '5', "0700"));
    TAP_CHECK(has_entry(&classic.bytes, "d/", '5', "0755"));
    tap_case("two names of a symbolic link are one link for classic only");
    TAP_CHECK(has_entry(&any.bytes, "m", '2', NULL) && any.stats.n_links == 2);
    TAP_CHECK(has_entry(&classic.bytes, "m", '1', NULL) && classic.stats.n_hardlinks == 1);

    tap_case("classic takes its Dockerfile away only where .dockerignore names it");
    put_text(&x, ".dockerignore", "Dockerfile\n");
    cleanup_sent struct sent named = send(&x, 2, SEND_TAR, to_classic);
    TAP_CHECK(!named.stats.rewritten && has_path(&named.bytes, ".dockerignore"));
    put_text(&x, ".dockerignore", "d/kept\n");
    if (unlinkat(x.root, "Dockerfile", 0) < 0 || symlinkat("d/kept", x.root, "Dockerfile") < 0)
        abort();
    put_text(&x, "d/kept", "FROM scratch\nCOPY . /\n");
    cleanup_sent struct sent linked = send(&x, 2, SEND_TAR, to_classic);
    TAP_CHECKF(linked.result == 0 && linked.stats.rewritten, "%s", linked.failure.text);
    teardown(&x);
}

static void test_first_header(void)
{
    tap_case("a first entry that needs PAX is preceded by a plain one");
    struct fixture x = setup();
    char name[201] = {0};
    memset(name, 'A', 200);
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    put_text(&x, name, "");
    cleanup_sent struct sent s = send(&x, 2, SEND_TAR, NULL);
    uint8_t type;
    TAP_EQUAL(header_path(&s.bytes, 0, &type), BYTES("./"));
    TAP_CHECK(type == '5');
    teardown(&x);
}

/* ---- failures on the way ----------------------------------------------------------- */

struct slow_reader {
    const struct fixture *x;
    int fd;
    struct buf got;
    const char *remove;
};

/* Lets the stream begin and stall, takes a file of the tree away, then reads to the end. */
static void *read_slowly(void *arg)
{
    struct slow_reader *reader = arg;
    uint8_t first;
    if (io_read_full(reader->fd, &first, 1) != 1 || buf_add_byte(&reader->got, first) < 0 ||
        unlinkat(reader->x->root, reader->remove, 0) < 0 ||
        io_read_rest(reader->fd, &reader->got) < 0)
        abort();
    return NULL;
}

static int out_fd;

static void to_pipe(struct send_request *request)
{
    request->out_fd = out_fd;
}

/* Sends 30 files of 0.9 MB; "z" vanishes once the stream has begun.
 */
static struct buf send_and_lose(enum send_codec codec, int *ret_result)
{
    struct fixture x = setup();
    static uint8_t content[900000];
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (uint8_t)(i * i >> 7);
    put_text(&x, "Dockerfile", "FROM scratch\nCOPY . /\n");
    for (size_t i = 0; i < 30; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%zu", i);
        put(&x, name, content, sizeof(content));
    }
    put_text(&x, "z", "here today");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        abort();
    out_fd = ends[1];
    struct slow_reader reader = {&x, ends[0], BUF(SIZE_MAX / 2), "z"};
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_slowly, &reader) != 0)
        abort();
    cleanup_sent struct sent s = send(&x, 2, codec, to_pipe);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    *ret_result = s.result;
    TAP_CHECKF(strstr(s.failure.text, "\"z\" vanished"), "%s", s.failure.text);
    teardown(&x);
    return reader.got;
}

static void test_poison(void)
{
    int result;
    tap_case("a stream that fails between entries ends in a PAX header and junk");
    cleanup_buf struct buf plain = send_and_lose(SEND_TAR, &result);
    TAP_CHECK(result == -ESTALE && plain.len % USTAR_BLOCK == 0 && plain.len > 3 * USTAR_BLOCK);
    const uint8_t *tail = plain.at + plain.len - 3 * USTAR_BLOCK;
    TAP_CHECK(tail[156] == 'x' && tail[USTAR_BLOCK] == '!' && tail[2 * USTAR_BLOCK] == '!');
    TAP_CHECK(!has_path(&plain, "Dockerfile") && has_path(&plain, "f9"));

    tap_case("packed, it ends in a member or frame that no one can unpack");
    cleanup_buf struct buf gzip = send_and_lose(SEND_GZIP, &result);
    struct bytes end = bytes_from(buf_bytes(&gzip), gzip.len - codec_gzip.poison.len);
    TAP_CHECK(result == -ESTALE && bytes_equal(end, codec_gzip.poison));
    cleanup_buf struct buf zstd = send_and_lose(SEND_ZSTD, &result);
    end = bytes_from(buf_bytes(&zstd), zstd.len - codec_zstd.poison.len);
    TAP_CHECK(result == -ESTALE && bytes_equal(end, codec_zstd.poison));
}

static void test_closed_pipe(void)
{
    tap_case("a reader that goes away is an error, not a signal");
    struct fixture x = setup();
    put_tree(&x);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        abort();
    close(ends[0]);
    out_fd = ends[1];
    cleanup_sent struct sent s = send(&x, 2, SEND_TAR, to_pipe);
    TAP_CHECK(s.result == -EPIPE);
    close(ends[1]);

    tap_case("a full disk is told by name");
    out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cleanup_sent struct sent full = send(&x, 2, SEND_TAR, to_pipe);
    TAP_CHECKF(full.result == -ENOSPC && strstr(full.failure.text, "No space"), "%s",
               full.failure.text);
    close(out_fd);
    teardown(&x);
}

/* ---- control files ----------------------------------------------------------------- */

enum { RULES_BYTES = 1 << 20 };

struct rewriter {
    int root;
    atomic_bool stop;
};

/* One version over the other, in place. */
static void *rewrite_rules(void *context)
{
    struct rewriter *rewriter = context;
    cleanup_free char *text = xmalloc(RULES_BYTES);
    for (unsigned i = 0; !atomic_load(&rewriter->stop); i++) {
        memset(text, i % 2 ? 'a' : 'b', RULES_BYTES);
        int fd = openat(rewriter->root, ".dockerignore", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (write(fd, text, RULES_BYTES) != RULES_BYTES)
            abort();
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 7000000}, NULL);
    }
    return NULL;
}

static void test_one_version(void)
{
    tap_case("an ignore file that is written while it is read is read in one version");
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\n");
    struct rewriter rewriter = {.root = x.root};
    pthread_t thread;
    if (pthread_create(&thread, NULL, rewrite_rules, &rewriter) != 0)
        abort();
    size_t mixed = 0;
    for (int i = 0; i < 300; i++) {
        struct control control;
        struct control_request request = {
            .root_fd = x.root, .root_name = BYTES("."), .stdin_fd = -1};
        if (control_load(&request, NULL, &control, NULL) < 0)
            continue; /* it keeps changing */
        struct bytes text = control.ignore;
        if (text.len)
            mixed += memcmp(text.at, text.at + 1, text.len - 1) != 0;
        control_release(&control);
    }
    atomic_store(&rewriter.stop, true);
    pthread_join(thread, NULL);
    TAP_CHECKF(mixed == 0, "%zu times of two", mixed);
    teardown(&x);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_headers();
    test_streams();
    test_gates();
    test_dockerfile_places();
    test_classic_habits();
    test_first_header();
    test_poison();
    test_closed_pipe();
    test_one_version();
    return tap_end();
}
