/* SPDX-License-Identifier: Apache-2.0 */
/* How a stream ends that fails on the way. */
#include "codec.h"
#include "stream-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* Sends 30 files of 0.9 MB; "z" vanishes once the stream has begun. */
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
    cleanup_sent struct sent s = send_tree(&x, 2, codec, to_pipe);
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
    cleanup_sent struct sent s = send_tree(&x, 2, SEND_TAR, to_pipe);
    TAP_CHECK(s.result == -EPIPE);
    close(ends[1]);

    tap_case("a full disk is told by name");
    out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cleanup_sent struct sent full = send_tree(&x, 2, SEND_TAR, to_pipe);
    TAP_CHECKF(full.result == -ENOSPC && strstr(full.failure.text, "No space"), "%s",
               full.failure.text);
    close(out_fd);
    teardown(&x);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_poison();
    test_closed_pipe();
    return tap_end();
}
